"""The average of the weights: its factor, its ramp-up, and buffers that are copied."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.assembly.average import Average, average_factor
from ganzoo.recipe.settings import EmaSettings


def test_the_half_life_is_counted_in_images():
    factor = average_factor(EmaSettings(half_life_images=10_000), batch=32, images=0)
    assert factor == pytest.approx(0.99778, abs=1e-5)


def test_the_ramp_up_makes_the_first_average_the_network():
    settings = EmaSettings(half_life_images=10_000, ramp_up=0.05)
    assert average_factor(settings, batch=32, images=0) == 0
    assert average_factor(settings, batch=32, images=1_000) == pytest.approx(0.5 ** (32 / 50))
    assert average_factor(settings, batch=32, images=10**9) == average_factor(
        EmaSettings(half_life_images=10_000), batch=32, images=0
    )


def test_a_fixed_decay_ignores_batch_and_progress():
    assert average_factor(EmaSettings(decay_per_step=0.999), batch=4, images=7) == 0.999


def test_parameters_are_averaged_and_buffers_copied():
    network = nn.BatchNorm1d(2)
    average = Average(network, EmaSettings(decay_per_step=0.75))
    with torch.no_grad():
        network.weight.fill_(5.0)
        network.running_mean.fill_(3.0)
    average.update(batch=1, images=0)
    assert average.network.weight.tolist() == [2.0, 2.0]
    assert average.network.running_mean.tolist() == [3.0, 3.0]
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())
