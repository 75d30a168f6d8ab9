"""Penalties whose value is known: R1 and path length of networks that are linear."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ganzoo.plugins.regularizer.path_length import PathLength
from ganzoo.plugins.regularizer.r1 import R1
from ganzoo.testing.toy_moment import ToyMoment

SIZE = (4, 6)
PIXELS = 24


class LinearDiscriminator(nn.Module):
    """``D(x) = <weight, x>``: its gradient is the weight, whatever the image."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(1, 2 * PIXELS + 1, dtype=torch.float64) / 10)

    def forward(self, image, label):
        return image.flatten(1) @ self.weight


class ScalingGenerator(nn.Module):
    """Each of three styles scales one constant image: ``G(w) = sum_l <s_l, w_l> image``."""

    latent_width = 2

    def __init__(self):
        super().__init__()
        self.scales = nn.Parameter(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))

    def styles(self, z, label):
        return z[:, None].repeat(1, 3, 1).requires_grad_()

    def synthesize(self, styles, noise):
        amount = (styles.sum(dim=2) * self.scales).sum(dim=1)
        return amount[:, None, None, None].expand(-1, 1, *SIZE)


def reals(n=3):
    random = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, *SIZE, generator=random, dtype=torch.float64)


def expected_lengths(moment):
    """|J^T y|: y summed over the image, times the root of the mean square of |dG/dw_l|."""
    y = moment.observed["drawn"] / math.sqrt(PIXELS)
    scales = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    per_layer = 2 * scales.square()  # two entries a style, each with the derivative s_l
    return y.sum(dim=(1, 2, 3)).abs() * per_layer.mean().sqrt()


class RecordingMoment(ToyMoment):
    """Keeps what was drawn."""

    def normal_like(self, x):
        drawn = super().normal_like(x)
        self.observe("drawn", drawn)
        return drawn


def recording(n=4, generator=None):
    image = torch.zeros(n, 1, *SIZE, dtype=torch.float64)
    return RecordingMoment({"generator": generator or ScalingGenerator()}, image)


def test_r1_is_half_the_squared_norm_of_the_gradient_summed_over_pixels():
    discriminator = LinearDiscriminator()
    penalty = R1()(ToyMoment({"discriminator": discriminator}, reals()))
    expected = discriminator.weight.square().sum() / 2
    torch.testing.assert_close(penalty, expected.expand(3))


def test_the_gradient_of_r1_is_the_weight_of_a_linear_discriminator():
    discriminator = LinearDiscriminator()
    R1()(ToyMoment({"discriminator": discriminator}, reals())).mean().backward()
    torch.testing.assert_close(discriminator.weight.grad, discriminator.weight.detach())


def test_path_length_is_the_norm_of_the_jacobian_along_noise():
    moment = recording()
    PathLength(batch_fraction=1.0).double()(moment)
    torch.testing.assert_close(moment.observed["path_length"], expected_lengths(moment))


def test_the_penalty_is_measured_from_the_mean_moved_towards_this_batch():
    moment = recording()
    regularizer = PathLength(decay=0.25, batch_fraction=1.0).double()
    regularizer.mean.value.fill_(3.0)
    penalty = regularizer(moment)
    lengths = expected_lengths(moment)
    mean = 0.75 * 3.0 + 0.25 * lengths.mean()
    torch.testing.assert_close(penalty, (lengths - mean).square())
    regularizer.mean.settle()
    torch.testing.assert_close(regularizer.mean.value, mean)


def test_the_moved_mean_stays_in_the_graph_of_the_penalty():
    generator = ScalingGenerator()
    moment = recording(generator=generator)
    regularizer = PathLength(decay=0.25, batch_fraction=1.0).double()
    regularizer(moment).sum().backward()
    lengths = expected_lengths(moment)
    scales = generator.scales.detach()
    # every length is proportional to |scales|, the mean is 0 at first, so the penalty goes with its
    # square: d penalty / d scale = 2 penalty scale / |scales|^2
    penalty = (lengths - 0.25 * lengths.mean()).square().sum()
    expected = 2 * penalty * scales / scales.square().sum()
    torch.testing.assert_close(generator.scales.grad, expected)


@pytest.mark.parametrize(("batch", "fraction", "count"), [(4, 0.5, 2), (5, 0.5, 2), (1, 0.5, 1)])
def test_path_length_takes_a_share_of_the_batch_and_never_none(batch, fraction, count):
    penalty = PathLength(batch_fraction=fraction).double()(recording(batch))
    assert penalty.shape == (count,)
    assert torch.isfinite(penalty).all()
