"""Optimizers: the lazy correction, gates, zero gradients, and what a chapter forgets."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ganzoo.recipe.settings import OptimizerSettings
from ganzoo.registry.contracts import Pace, Phase, Stage
from ganzoo.training.optimizers import Optimizers
from ganzoo.training.world import World


def stage(*phases):
    return Stage(name="test", phases=phases)


def phase(name, trains, every=1, lazy=False):
    return Phase(name=name, trains=trains, terms=lambda moment: {}, every=every, lazy=lazy)


def made(networks, *phases, **settings):
    optimizers = Optimizers(OptimizerSettings(**settings), stage(*phases), networks, World())
    optimizers.follow(Pace(batch=1))
    return optimizers


def group(optimizers, name):
    return optimizers._adam[name].param_groups[0]


def test_lazy_correction_has_the_published_constants():
    networks = {"generator": nn.Linear(2, 1), "discriminator": nn.Linear(2, 1)}
    optimizers = made(
        networks,
        phase("generator", ("generator",)),
        phase("generator/path", ("generator",), every=4, lazy=True),
        phase("discriminator", ("discriminator",)),
        phase("discriminator/r1", ("discriminator",), every=16, lazy=True),
        lr=0.002,
        betas=(0.0, 0.99),
    )
    assert group(optimizers, "generator")["lr"] == pytest.approx(0.0016)
    assert group(optimizers, "generator")["betas"][1] == pytest.approx(0.991992, abs=1e-6)
    assert group(optimizers, "discriminator")["lr"] == pytest.approx(0.0018824, abs=1e-7)
    assert group(optimizers, "discriminator")["betas"][1] == pytest.approx(0.990585, abs=1e-6)


def test_every_without_lazy_is_no_correction():
    optimizers = made(
        {"g": nn.Linear(2, 1)}, phase("g", ("g",), every=5), lr=0.01, betas=(0.5, 0.9)
    )
    assert group(optimizers, "g")["lr"] == 0.01
    assert group(optimizers, "g")["betas"] == (0.5, 0.9)


def test_a_frozen_parameter_stays_frozen():
    network = nn.Linear(2, 1)
    network.bias.requires_grad_(False)
    before = network.bias.clone()
    optimizers = made({"g": network}, phase("g", ("g",)))
    with optimizers.step(("g",)) as accumulate:
        accumulate(network(torch.ones(1, 2)).sum())
    optimizers.thaw()
    assert not network.bias.requires_grad
    assert torch.equal(network.bias, before)


def test_only_the_named_network_has_gradients_in_its_phase():
    networks = {"g": nn.Linear(2, 2), "d": nn.Linear(2, 1)}
    optimizers = made(networks, phase("g", ("g",)), phase("d", ("d",)))
    before = networks["d"].weight.clone()
    with optimizers.step(("g",)) as accumulate:
        accumulate(networks["d"](networks["g"](torch.ones(1, 2))).sum())
        assert networks["d"].weight.grad is None
    assert torch.equal(networks["d"].weight, before)


def test_a_parameter_that_no_loss_reached_still_ages_in_adam():
    network = nn.Linear(2, 1)
    optimizers = made({"g": network}, phase("g", ("g",)))
    with optimizers.step(("g",)) as accumulate:
        accumulate((network.weight * 2).sum())
    state = optimizers._adam["g"].state[network.bias]
    assert float(state["step"]) == 1
    assert torch.equal(state["exp_avg_sq"], torch.zeros(1))


def test_infinite_gradients_are_limited_and_nan_ones_are_zero():
    network = nn.Linear(3, 1, bias=False)
    optimizers = made({"g": network}, phase("g", ("g",)), betas=(0.0, 0.0))
    seen = []
    optimizers._adam["g"].step = lambda: seen.append(network.weight.grad.clone())
    with optimizers.step(("g",)) as accumulate:
        accumulate((network.weight * torch.tensor([[math.nan, math.inf, -math.inf]])).sum())
    assert seen[0].tolist() == [[0.0, 1e5, -1e5]]


def test_a_new_chapter_forgets_the_moments():
    network = nn.Linear(2, 1)
    optimizers = made({"g": network}, phase("g", ("g",)))
    with optimizers.step(("g",)) as accumulate:
        accumulate(network(torch.ones(1, 2)).sum())
    optimizers.follow(Pace(batch=1))
    assert optimizers.state_dict()["g"]["state"]
    optimizers.follow(Pace(batch=1, chapter=(1, False)))
    assert not optimizers.state_dict()["g"]["state"]


def test_the_pace_sets_the_learning_rate_under_the_correction():
    network = nn.Linear(2, 1)
    optimizers = made({"g": network}, phase("g", ("g",)), phase("g/r", ("g",), every=4, lazy=True))
    optimizers.follow(Pace(batch=1, lr=0.01))
    assert group(optimizers, "g")["lr"] == pytest.approx(0.008)


def test_a_phase_may_train_nobody():
    optimizers = made({"g": nn.Linear(2, 1)}, phase("g", ("g",)), phase("idle", ()))
    with optimizers.step(()) as accumulate:
        accumulate(torch.zeros(()))
