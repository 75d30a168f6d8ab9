"""What the networks of ProGAN and the steps from StyleGAN to StyleGAN2 do, part by part."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from small_networks import generator, latents

from ganzoo.errors import BadValue
from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.noise import GivenNoise, NoNoise
from ganzoo.plugins.mapping.identity import IdentityMapping
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.normalization.adain import AdainNormalization
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.normalization.pixel import PixelNormalization
from ganzoo.plugins.normalization.revised import RevisedNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.plugins.stem.dense import DenseStem
from ganzoo.registry.contracts import ConvSite, MappingSite, StemSite


def normal(*shape, seed=3):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def close(a, b):
    # float64; the same sums, in another order
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def layer(normalization, kernel=3, gain="activation", noise=0, **changes):
    """A layer of 6 channels under a style of 4, nothing of it zero."""
    torch.manual_seed(0)
    settings = {"in_channels": 6, "out_channels": 6, "kernel": kernel, "style_width": 4}
    where = ConvSite(**{**settings, "noise": noise, "layers": LayerKit(gain=gain), **changes})
    made = normalization(where).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def convolved(made, x):
    return F.conv2d(x, made.conv.weight * made.conv.scale, padding=1)


# Pixel norm


@pytest.mark.parametrize("kernel", [0, 3])
def test_pixel_norm_comes_behind_noise_bias_and_activation(kernel):
    made = layer(PixelNormalization, kernel, gain="weight")
    x, drawn = normal(2, 6, 5, 5), normal(2, 1, 5, 5, seed=4)
    y = convolved(made, x) if kernel else x
    y = y + made.noise.strength[:, None, None] * drawn + made.conv.bias[:, None, None]
    y = F.leaky_relu(y, 0.2)
    expected = y / (y.square().mean(1, keepdim=True) + 1e-8).sqrt()
    close(made(x, normal(2, 4), GivenNoise([drawn])), expected)


def test_an_image_of_pixel_norm_is_a_plain_convolution():
    made = layer(PixelNormalization, 1, noise=None, is_output=True)
    x = normal(2, 6, 5, 5)
    expected = F.conv2d(x, made.conv.weight * made.conv.scale, made.conv.bias)
    close(made(x, normal(2, 4), NoNoise()), expected)


def test_only_the_first_style_reaches_an_image_of_progan():
    network = generator("original", "pixel", noise=False, gain="weight", resample=(1, 1)).eval()
    styles = network.styles(latents())
    image = network.synthesize(styles, NoNoise())
    others = torch.cat([styles[:, :1], normal(*styles[:, 1:].shape)], dim=1)
    assert torch.equal(network.synthesize(others, NoNoise()), image)
    others = torch.cat([normal(*styles[:, :1].shape), styles[:, 1:]], dim=1)
    assert not torch.allclose(network.synthesize(others, NoNoise()), image)


def test_a_generator_in_which_nothing_reads_the_latent_is_refused():
    with pytest.raises(BadValue, match=r"nothing in this generator reads the latent.*ConstantStem"):
        generator("original", "pixel", stem=ConstantStem)


def test_a_stem_that_says_it_reads_the_latent_is_believed():
    class ReadingStem(ConstantStem):
        reads_style = True

    assert generator("original", "pixel", stem=ReadingStem).num_styles == 5


# Fig. 2 of StyleGAN2


def test_the_drawing_of_adain_in_detail_is_the_same_network():
    """Fig. 2b: a block modulates, convolves, adds noise and bias, activates and normalizes."""
    network = generator("original", "adain", gain="weight", resample=(1, 1), blur=(1, 2, 1)).eval()
    noise = network.fixed_noise()
    styles = normal(2, network.num_styles, network.style_width)
    layers = [network.stem.finish, network.stem.conv]
    for block in network.blocks:
        layers += [block.up, block.refine]

    def normalize(x):
        mean = x.mean((2, 3), keepdim=True)
        return (x - mean) / (x.var((2, 3), correction=0, keepdim=True) + 1e-8).sqrt()

    def modulate(x, made, style):
        factor, offset = made.affine(style)[:, :, None, None].chunk(2, dim=1)
        return x * (factor + 1) + offset

    def activate(x, made):
        return normalize(made.conv.finish(made.noise(x, noise)))

    x = activate(network.stem.const.expand(2, -1, -1, -1), layers[0])
    for index, made in enumerate(layers[1:]):
        x = activate(made.conv.linear(modulate(x, layers[index], styles[:, index])), made)
    image = network.to_rgb["2"](modulate(x, layers[-1], styles[:, -1]), styles[:, 0])
    close(network.synthesize(styles, noise), image)


def test_the_revised_block_normalizes_deviations_before_noise_and_bias():
    made = layer(RevisedNormalization)
    x, style, drawn = normal(2, 6, 5, 5), normal(2, 4), normal(2, 1, 5, 5, seed=4)
    v = convolved(made, x * made.affine(style)[:, :, None, None])
    deviation = ((v - v.mean((2, 3), keepdim=True)).square().mean((2, 3), keepdim=True)).sqrt()
    y = v / deviation + made.noise.strength * drawn + made.conv.bias[:, None, None]
    y = 2**0.5 * F.leaky_relu(y, 0.2)
    # the epsilon inside the root weighs 1e-8 against a variance near 1
    torch.testing.assert_close(made(x, style, GivenNoise([drawn])), y, rtol=1e-6, atol=1e-6)


def test_the_revised_block_keeps_the_means_of_its_maps():
    made = layer(RevisedNormalization, noise=None)
    x, style = normal(2, 6, 9, 9) + 2, normal(2, 4)
    with torch.no_grad():
        made.conv.bias.zero_()
    v = convolved(made, x * made.affine(style)[:, :, None, None])
    y = made(x, style, NoNoise())
    assert (y.mean((2, 3)).abs() > 0.1).any()
    assert torch.equal(y.sign(), v.sign())


def test_demodulation_is_the_revised_block_with_expected_deviations():
    revised = layer(RevisedNormalization, in_channels=48, noise=None)
    demodulated = layer(DemodulationNormalization, in_channels=48, noise=None)
    demodulated.load_state_dict(revised.state_dict())
    x, style = normal(2, 48, 64, 64), normal(2, 4)
    measured, expected = (made(x, style, NoNoise()) for made in (revised, demodulated))
    # deviations of 4096 correlated numbers scatter by a few hundredths
    assert (measured - expected).square().mean().sqrt() < 0.05 * expected.square().mean().sqrt()


def test_an_image_of_the_revised_block_is_modulated_and_not_normalized():
    made = layer(RevisedNormalization, 1, noise=None, is_output=True)
    x, style = normal(2, 6, 5, 5), normal(2, 4)
    scaled = x * made.affine(style)[:, :, None, None]
    expected = F.conv2d(scaled, made.conv.weight * made.conv.scale, made.conv.bias)
    close(made(x, style, NoNoise()), expected)


def test_without_a_convolution_the_revised_block_reads_no_style():
    made = layer(RevisedNormalization, 0, noise=None)
    assert not made.reads_style
    x = normal(2, 6, 5, 5)
    y = 2**0.5 * F.leaky_relu(x + made.conv.bias[:, None, None], 0.2)
    close(made(x, normal(2, 4), NoNoise()), y)


# The dense stem


def dense_stem(normalization, gain="weight", base=(4, 4)):
    def styled_conv(in_channels, out_channels, kernel):
        settings = {"in_channels": in_channels, "out_channels": out_channels}
        return layer(normalization, kernel, gain=gain, noise=None, **settings)

    torch.manual_seed(0)
    where = {"out_channels": 6, "resolution": base, "style_width": 4}
    return DenseStem(
        StemSite(**where, styled_conv=styled_conv, layers=LayerKit(gain=gain))
    ).double()


def test_the_dense_stem_is_a_transposed_convolution_of_the_latent():
    stem = dense_stem(PixelNormalization)
    styles = normal(2, 1, 4)
    kernel = stem.weight.view(6, 4, 4, 4).permute(3, 0, 1, 2)  # [D, C, 4, 4]
    grid = F.conv_transpose2d(styles[:, 0, :, None, None], kernel * (2**0.5 / 4 / 4**0.5))
    x = stem.finish(grid, styles[:, 0], NoNoise())
    assert stem.num_styles == 1
    close(stem(styles, NoNoise()), stem.conv(x, styles[:, 0], NoNoise()))


def test_with_adain_the_dense_layer_has_the_first_style_and_the_convolution_the_second():
    stem = dense_stem(AdainNormalization)
    styles = normal(2, 2, 4)
    assert stem.num_styles == 2
    grid = (styles[:, 0] @ stem.weight.t() * stem.scale).view(2, 6, 4, 4)
    x = stem.finish(grid, styles[:, 0], NoNoise())
    close(stem(styles, NoNoise()), stem.conv(x, styles[:, 1], NoNoise()))


@pytest.mark.parametrize(
    ("gain", "base", "expected"),
    [("weight", (4, 4), 2**0.5 / 4), ("weight", (2, 3), 3**-0.5), ("activation", (4, 4), 1)],
)
def test_the_gain_of_the_dense_layer_counts_the_base_grid_only_on_weights(gain, base, expected):
    stem = dense_stem(DemodulationNormalization, gain, base)
    assert stem.weight.shape == (6 * base[0] * base[1], 4)
    assert stem.scale == pytest.approx(expected / 2)


# Labels


def unit(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


@pytest.mark.parametrize("scheme", ["one-hot", "matrix", "affine"])
def test_the_three_generations_condition_the_latent_each_in_its_way(scheme):
    torch.manual_seed(0)
    where = MappingSite(latent_width=5, label_width=3, layers=LayerKit(gain="weight"))
    z, label = normal(2, 5), torch.eye(3, dtype=torch.float64)[[2, 0]]
    if scheme == "one-hot":
        close(IdentityMapping(where)(z, label), unit(torch.cat([z, label], dim=1)))
        return
    mapping = MlpMapping(where, depth=1, width=7, label=scheme).double()
    if scheme == "matrix":
        assert mapping.embedding.shape == (3, 5)
        joined = unit(torch.cat([z, mapping.embedding[[2, 0]]], dim=1))
    else:
        joined = torch.cat([unit(z), unit(mapping.embed(label))], dim=1)
        assert mapping.embed.weight.shape == (7, 3)
    close(mapping(z, label), mapping.layers[0](joined))
