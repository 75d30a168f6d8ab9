"""The conventional arrangement that speed is measured against is held to the same numbers."""

from __future__ import annotations

import pytest
import torch
from archives import TOLERANCES, assert_agrees, folder_of, load_once, numbers, sub
from published_networks import published_discriminator, published_generator

from benchmarks.conventional.networks import Discriminator, Generator
from ganzoo.interchange.stylegan2_names import load_published

TOLERANCE = TOLERANCES["network"]


@pytest.fixture
def arrays(request):
    return lambda name: load_once(folder_of(request.config) / name)


def test_its_generator_agrees_with_the_published_one(arrays):
    stored = arrays("net_G_skip_resnet.npz")
    cfg = numbers(stored, "cfg")
    ours = published_generator(cfg).double()
    load_published(ours, sub(stored, "sd"))
    generator = conventional_generator(cfg)
    generator.load_state_dict(ours.state_dict())
    styles = generator.styles(stored["in/z"])
    assert_agrees(styles, stored["out/ws"], TOLERANCE, "styles")
    image = generator.synthesize(styles, generator.fixed_noise())
    assert_agrees(image, stored["out/img"], TOLERANCE, "image")
    w = stored["in/ws_mixed"].clone().requires_grad_()
    image = generator.synthesize(w, generator.fixed_noise())
    (gradient,) = torch.autograd.grad(image, w, stored["in/dimg"])
    assert_agrees(gradient, stored["out/dws_mixed"], TOLERANCE, "gradient of the styles")


def test_its_discriminator_agrees_with_the_published_one(arrays):
    stored = arrays("net_D_skip_resnet.npz")
    cfg = numbers(stored, "cfg")
    ours = published_discriminator(cfg).double()
    load_published(ours, sub(stored, "sd"))
    discriminator = conventional_discriminator(cfg)
    discriminator.load_state_dict(ours.state_dict())
    first = stored["in/img"][: int(stored["in/first"])]
    assert_agrees(discriminator(first)[:, None], stored["out/logits_first"], TOLERANCE, "logits")


def conventional_generator(cfg):
    return Generator(
        cfg["img_resolution"],
        base=cfg["channel_base"],
        maximum=cfg["channel_max"],
        latent_width=cfg["z_dim"],
        width=cfg["w_dim"],
        depth=cfg["mapping_num_layers"],
        channels=cfg["img_channels"],
    ).double()


def conventional_discriminator(cfg):
    return Discriminator(
        cfg["img_resolution"],
        base=cfg["channel_base"],
        maximum=cfg["channel_max"],
        group=cfg["mbstd_group_size"],
        channels=cfg["img_channels"],
    ).double()
