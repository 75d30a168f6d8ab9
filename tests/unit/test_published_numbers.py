"""What shipped recipes come down to: optimizer constants, growth by images, path-length weight."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ganzoo.assembly.build import build
from ganzoo.plugins.regularizer.path_length import PathLength
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.contracts import Fake, GrowthSite, Pace, Phase, Stage
from ganzoo.registry.discovery import discover
from ganzoo.training.optimizers import Optimizers
from ganzoo.training.world import World

REGISTRY = discover()


def shipped(name):
    return load_recipe(f"ganzoo.recipes:{name}.yaml", registry=REGISTRY).recipe


def adam_of(recipe, network):
    """The optimizer of a network, for phases as the recipe's regularizers ask for."""
    regularizers = recipe.task.parameters["regularizers"].values()
    trained = {"ganzoo/r1": "discriminator", "ganzoo/path-length": "generator"}
    lazy = [r.settings["every"] for r in regularizers if trained[r.use] == network]
    phases = [Phase(name=network, trains=(network,), terms=dict)]
    phases += [
        Phase(name=f"{network}/{every}", trains=(network,), terms=dict, every=every, lazy=True)
        for every in lazy
        if every > 1
    ]
    optimizers = Optimizers(
        recipe.training.optimizer,
        Stage(name="test", phases=tuple(phases)),
        {network: nn.Linear(1, 1)},
        World(),
    )
    optimizers.follow(Pace(batch=32))
    (group,) = optimizers._adam[network].param_groups
    return group["lr"], *group["betas"]


@pytest.mark.parametrize(
    ("name", "network", "lr", "beta"),
    [
        ("stylegan2-f", "generator", 0.0016, 0.991992),
        ("stylegan2-f", "discriminator", 0.0018824, 0.990585),
        ("stylegan2-e", "discriminator", 0.0018824, 0.990585),
        ("stylegan2-d", "generator", 0.0008, 0.991992),
        ("stylegan2-a", "discriminator", 0.001, 0.99),
    ],
)
def test_lazy_regularization_corrects_the_optimizer(name, network, lr, beta):
    found = adam_of(shipped(name), network)
    assert found == pytest.approx((lr, 0, beta), abs=5e-7 if lr > 0.001 else 1e-6)


@pytest.mark.parametrize("name", ["stylegan-b", "stylegan-f", "stylegan2-a", "stylegan2-d"])
@pytest.mark.parametrize(
    ("kimg", "lod"), [(0, 7), (600, 7), (900, 6.5), (1200, 6), (8399, 1 / 600), (8400, 0)]
)
def test_stylegan_grows_from_8_to_1024_in_8400_kimg(name, kimg, lod):
    growth = build(shipped(name).task.parameters["growth"], REGISTRY, "growth")(GrowthSite(top=8))
    state = growth.at(kimg * 1000)
    assert 8 - state.level + 1 - state.fade == pytest.approx(lod)


@pytest.mark.parametrize(
    ("images", "batch", "lr"),
    [(0, 512, None), (9_600_000, None, 0.003), (6_000_001, None, 0.0015), (600_001, 256, None)],
)
def test_progan_grows_from_4_with_its_batches_and_rates(images, batch, lr):
    growth = build(shipped("progan").task.parameters["growth"], REGISTRY, "growth")
    state = growth(GrowthSite(top=8)).at(images)
    assert (state.batch, state.lr) == (batch, lr)
    assert (images < 9_600_000) == (state.level < 8 or state.fade < 1)


class LinearSynthesis:
    """A moment whose image is linear in the styles: J is known; the mean length stays 0."""

    def __init__(self, resolution, num_styles, width=4, size=3):
        self.size = size
        torch.manual_seed(0)
        self.styles = torch.randn(size, num_styles, width, dtype=torch.float64, requires_grad=True)
        self.jacobian = torch.randn(num_styles * width, 3 * resolution**2, dtype=torch.float64)
        image = (self.styles.flatten(1) @ self.jacobian).view(size, 3, resolution, resolution)
        self.image, self.noise = image, torch.randn_like(image)

    def fake(self, first=None):
        return Fake(image=self.image[:first], styles=self.styles, label=None)

    def normal_like(self, x):
        return self.noise[: len(x)]

    def observe(self, name, value):
        pass

    def batch_mean(self, value):
        return torch.zeros_like(value.mean())


@pytest.mark.parametrize("resolution", [4, 8])
def test_path_length_divides_by_pixels_and_layers(resolution):
    num_styles = 2 * int(math.log2(resolution)) - 2
    moment = LinearSynthesis(resolution, num_styles)
    penalty = PathLength(batch_fraction=1.0).double()(moment)
    product = moment.noise.flatten(1) @ moment.jacobian.T  # [n, L * D]
    expected = product.square().sum(dim=1) / (resolution**2 * num_styles)
    torch.testing.assert_close(penalty, expected)
    # with the published 2 in front: gamma = 2 / (r^2 L) = ln 2 / (r^2 (ln r - ln 2))
    gamma = math.log(2) / (resolution**2 * (math.log(resolution) - math.log(2)))
    torch.testing.assert_close(2 * penalty, gamma * product.square().sum(dim=1))
