"""Rows of the tables without a stored network, against the papers' words taken literally.

Everything here is plain torch: weights of the recipe's own networks, and the operations in the
order in which the papers name them. Parameter totals are those of the recipes at 1024 x 1024.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ganzoo.assembly.build import build
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.contracts import NetworkSite
from ganzoo.registry.discovery import discover

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = discover()
SIZES = (
    "task.generator.channels_base=64",
    "task.generator.channels_max=8",
    "task.generator.latent_width=6",
    "task.discriminator.channels_base=64",
    "task.discriminator.channels_max=8",
)
MAPPED = ("task.generator.mapping.depth=2", "task.generator.mapping.width=6")


def network(name, which, overrides=(), side=16):
    recipe = load_recipe(f"ganzoo.recipes:{name}.yaml", overrides, registry=REGISTRY).recipe
    grows = recipe.task.parameters["growth"] is not None
    site = NetworkSite(resolution=(side, side), grows=grows)
    return build(recipe.task.parameters[which], REGISTRY, which)(site)


def stirred(made):
    """In float64, with biases and strengths off zero."""
    torch.manual_seed(0)
    made = made.double().eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith(("bias", "strength")):
                parameter.copy_(0.3 * torch.randn_like(parameter))
    return made


# The parts, as the papers say them

SQRT_2 = math.sqrt(2)


def he(layer, fan_in, gain=SQRT_2):
    return layer.weight * gain / math.sqrt(fan_in)


def conv(x, layer, gain=SQRT_2):
    """ProGAN 4.1: the stored weight is N(0, 1) and is scaled by He's constant when used."""
    weight = he(layer, layer.weight[0].numel(), gain)
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


def nearest(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def blurred(x):
    """[1, 2, 1] along both axes, zeros beyond the border."""
    taps = torch.tensor([1, 2, 1], dtype=x.dtype)
    kernel = (taps[:, None] * taps / 16).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1])


def activated(x, layer):
    return F.leaky_relu(x + layer.bias[:, None, None], 0.2)


def pixel_norm(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def adain(x, made, w):
    """StyleGAN Eq. 1: instance statistics out, the style's in; the factor is 1 plus its affine."""
    style = w @ he(made.affine, w.shape[1], 1).T + made.affine.bias
    factor, offset = style[:, :, None, None].chunk(2, dim=1)
    mean = x.mean((2, 3), keepdim=True)
    deviation = (x.var((2, 3), correction=0, keepdim=True) + 1e-8).sqrt()
    return (x - mean) / deviation * (factor + 1) + offset


def dense(made, w):
    """ "Conv 4x4" of a 1 x 1 latent: 16 C outputs, gain sqrt(2) / 4, channels outermost."""
    x = w @ (made.stem.weight * math.sqrt(2) / 4 / math.sqrt(w.shape[1])).T
    return x.view(len(w), -1, 4, 4)


def test_stylegan_b_is_progan_with_a_blur_behind_every_upsampling_convolution():
    made = stirred(network("stylegan-b", "generator", SIZES))
    z = torch.randn(3, 6, dtype=torch.float64)
    x = activated(dense(made, pixel_norm(z)), made.stem.finish.conv)
    x = pixel_norm(activated(conv(pixel_norm(x), made.stem.conv.conv), made.stem.conv.conv))
    for block in made.blocks:
        up, refine = block.up.conv, block.refine.conv
        x = pixel_norm(activated(blurred(conv(nearest(x), up)), up))
        x = pixel_norm(activated(conv(x, refine), refine))
    rgb = made.to_rgb["2"].layer.conv
    image = conv(x, rgb, gain=1) + rgb.bias[:, None, None]
    torch.testing.assert_close(made(z), image, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["stylegan-c", "stylegan-d", "stylegan-e"])
def test_stylegan_c_to_e_put_adain_behind_every_layer_of_their_stem(name):
    made = stirred(network(name, "generator", (*SIZES, *MAPPED)))
    w = torch.randn(3, made.num_styles, 6, dtype=torch.float64)
    drawn = iter([made.get_buffer(f"noise{i}") for i in range(len(made.noise_sizes))])
    assert bool(made.noise_sizes) is (name == "stylegan-e")

    def layer(x, part, style):
        if name == "stylegan-e":
            x = x + part.noise.strength[:, None, None] * next(drawn)
        return adain(activated(x, part.conv), part, w[:, style])

    first = dense(made, w[:, 0]) if name == "stylegan-c" else made.stem.const.expand(3, -1, -1, -1)
    x = layer(first, made.stem.finish, 0)
    x = layer(conv(x, made.stem.conv.conv), made.stem.conv, 1)
    for index, block in enumerate(made.blocks):
        x = layer(blurred(conv(nearest(x), block.up.conv)), block.up, 2 * index + 2)
        x = layer(conv(x, block.refine.conv), block.refine, 2 * index + 3)
    rgb = made.to_rgb["2"].layer.conv
    image = conv(x, rgb, gain=1) + rgb.bias[:, None, None]
    ours = made.synthesize(w, made.fixed_noise())
    torch.testing.assert_close(ours, image, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["stylegan2-b", "stylegan2-c", "stylegan2-d"])
def test_stylegan2_b_to_d_fade_between_modulated_images_by_nearest_pixels(name):
    made = stirred(network(name, "generator", (*SIZES, *MAPPED)))
    w = torch.randn(2, made.num_styles, 6, dtype=torch.float64)
    noise = made.fixed_noise()
    x = made.stem(w[:, :1], noise)
    x, _ = made.blocks[0](x, None, w[:, 1:3], noise)

    def rgb(x, level, style):
        part = made.to_rgb[str(level)].layer
        scale = style @ he(part.affine, 6, 1).T + part.affine.bias
        modulated = conv(x * scale[:, :, None, None], part.conv, gain=1)
        return modulated + part.conv.bias[:, None, None]

    below = rgb(x, 1, w[:, 3])
    x, _ = made.blocks[1](x, None, w[:, 3:5], noise)
    above = rgb(x, 2, w[:, 5])
    image = 0.3 * above + 0.7 * nearest(below)
    ours = made.synthesize(w, noise, level=2, fade=0.3)
    torch.testing.assert_close(ours, image, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["stylegan2-b", "stylegan2-c", "stylegan2-d"])
def test_stylegan2_b_to_d_fade_between_box_means_in_the_discriminator(name):
    made = stirred(network(name, "discriminator", SIZES))
    image = torch.randn(4, 3, 16, 16, dtype=torch.float64)

    def read(image, level):
        layer = made.from_rgb[str(level)]
        return math.sqrt(2) * activated(conv(image, layer, gain=1), layer)

    x, _ = made.blocks[0](read(image, 2), image)
    x = 0.3 * x + 0.7 * read(F.avg_pool2d(image, 2), 1)
    x, _ = made.blocks[1](x, None)
    logits = made.head(x, None)
    torch.testing.assert_close(made(image, None, level=2, fade=0.3), logits, rtol=1e-10, atol=1e-10)


TOTALS = {
    "progan": (23_079_115, 23_087_249),
    "stylegan-a": (23_079_115, 23_087_249),
    "stylegan-b": (23_079_115, 23_087_249),
    "stylegan-c": (30_400_651, 23_087_249),
    "stylegan-d": (26_214_539, 23_087_249),
    "stylegan-e": (26_219_627, 23_087_249),
    "stylegan-f": (26_219_627, 23_087_249),
    "stylegan2-a": (26_219_627, 23_087_249),
    "stylegan2-b": (24_900_764, 23_087_249),
    "stylegan2-c": (24_900_764, 23_087_249),
    "stylegan2-d": (24_900_764, 23_087_249),
    "stylegan2-e": (24_900_764, 24_038_161),
    "stylegan2-f": (30_370_060, 29_012_513),
}


@pytest.mark.parametrize(("name", "totals"), TOTALS.items())
def test_a_recipe_has_the_published_number_of_parameters(name, totals):
    with torch.device("meta"):
        made = [network(name, which, side=1024) for which in ("generator", "discriminator")]
    assert tuple(sum(p.numel() for p in each.parameters()) for each in made) == totals


def test_the_readme_gives_the_same_totals():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`([\w-]+)`\].*\| ([\d.]+)M \| ([\d.]+)M \|$", text, re.MULTILINE)
    written = {name: (float(g), float(d)) for name, g, d in rows}
    assert written == {
        name: tuple(round(total / 1e6, 2) for total in totals) for name, totals in TOTALS.items()
    }
