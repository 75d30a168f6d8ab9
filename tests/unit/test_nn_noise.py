"""Noise objects: which layer gets which map."""

from __future__ import annotations

import pytest
import torch

from ganzoo.nn.noise import (
    FixedNoise,
    FreshNoise,
    GivenNoise,
    NoiseBelow,
    NoiseFrom,
    NoiseInput,
    NoNoise,
)

LIKE = torch.zeros(3, 8, 4, 6)


def test_fresh_noise_differs_between_samples_and_repeats_with_its_generator():
    first = FreshNoise(torch.Generator().manual_seed(5)).map(0, LIKE)
    again = FreshNoise(torch.Generator().manual_seed(5)).map(0, LIKE)
    assert first.shape == (3, 1, 4, 6)
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


def test_fixed_noise_hands_out_the_map_of_the_layer():
    maps = [torch.randn(4, 6), torch.randn(4, 6)]
    assert torch.equal(FixedNoise(maps).map(1, LIKE), maps[1][None, None])


def test_given_noise_keeps_its_graph_and_may_differ_between_samples():
    given = torch.randn(3, 1, 4, 6, requires_grad=True)
    GivenNoise([None, given]).map(1, LIKE).sum().backward()
    assert given.grad is not None
    assert GivenNoise([None, given]).map(0, LIKE) is None


@pytest.mark.parametrize("shape", [(4, 4), (2, 1, 4, 6), (1, 8, 4, 6)])
def test_a_map_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match=r"noise map 0 has shape .* expected \[.*1, 4, 6\]"):
        GivenNoise([torch.zeros(shape)]).map(0, LIKE)


def test_too_few_maps_are_refused():
    with pytest.raises(ValueError, match="layer 2 asks for its noise map, but only 1 were given"):
        FixedNoise([torch.zeros(4, 6)]).map(2, LIKE)


def test_bands_share_the_layers_between_them():
    noise = FixedNoise([torch.ones(8, 8)])
    for size, below in ((4, True), (8, False), (16, False)):
        like = torch.zeros(1, 1, size, size)
        source = FixedNoise([torch.ones(size, size)])
        assert (NoiseBelow(source, 8).map(0, like) is not None) == below
        assert (NoiseFrom(source, 8).map(0, like) is None) == below
    assert NoNoise().map(0, torch.zeros(1, 1, 8, 8)) is None
    assert NoiseFrom(noise, 8).map(0, torch.zeros(1, 1, 8, 8)) is not None


def test_the_strength_is_learned_and_starts_at_zero():
    one, each = NoiseInput(0), NoiseInput(0, channels=8)
    assert one.strength.shape == ()
    assert each.strength.shape == (8,)
    noise = FreshNoise(torch.Generator().manual_seed(0))
    assert torch.equal(one(LIKE, noise), LIKE)
    each.strength.data[3] = 2.0
    moved = each(LIKE, noise)
    assert moved[:, 3].abs().min() > 0
    assert moved[:, :3].abs().max() == 0


def test_a_layer_without_noise_has_no_strength():
    silent = NoiseInput(None)
    assert not list(silent.parameters())
    assert silent(LIKE, FreshNoise()) is LIKE
