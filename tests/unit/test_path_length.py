"""Path length of a generator that scales one image: lengths, running mean and slopes are known."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganzoo.errors import BadValue
from ganzoo.plugins.regularizer.path_length import PathLength
from ganzoo.registry.contracts import Fake
from ganzoo.testing.toy_moment import ToyMoment

SIZE = (4, 6)
PIXELS = 24


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


def test_a_growing_generator_has_the_same_lengths_as_its_enlarged_images():
    noise = torch.randn(4, 1, 8, 12, generator=torch.Generator().manual_seed(2)).double()

    class Present(ToyMoment):
        def normal_like(self, x):
            return 2 * F.avg_pool2d(noise, 2)  # four numbers of N(0, 1) over 2, again N(0, 1)

    class Full(ToyMoment):
        def fake(self, first=None):
            made = super().fake(first)
            image = F.interpolate(made.image, scale_factor=2, mode="nearest")
            return Fake(image=image, styles=made.styles, label=made.label)

        def normal_like(self, x):
            return noise

    latents, observed = torch.ones(4, 2, dtype=torch.float64), []
    for kind in (Present, Full):
        moment = kind({"generator": ScalingGenerator()}, torch.zeros(4, 1, *SIZE))
        moment._latents = latents
        PathLength(batch_fraction=1.0).double()(moment)
        observed.append(moment.observed["path_length"])
    torch.testing.assert_close(*observed)


@pytest.mark.parametrize(("batch", "fraction", "count"), [(4, 0.5, 2), (5, 0.5, 2), (1, 0.5, 1)])
def test_path_length_takes_a_share_of_the_batch_and_never_none(batch, fraction, count):
    penalty = PathLength(batch_fraction=fraction).double()(recording(batch))
    assert penalty.shape == (count,)
    assert torch.isfinite(penalty).all()


def test_a_batch_of_one_does_not_poison_the_running_mean():
    regularizer = PathLength(decay=0.25, batch_fraction=0.5).double()
    expected = 0.0
    for _ in range(3):
        moment = recording(1)
        assert regularizer(moment).shape == (1,)
        regularizer.mean.settle()
        expected += 0.25 * (float(expected_lengths(moment).mean()) - expected)
    assert float(regularizer.mean.value) == pytest.approx(expected)


def test_an_image_that_no_style_moves_gives_no_nan():
    generator = ScalingGenerator()
    with torch.no_grad():
        generator.scales.zero_()
    regularizer = PathLength(decay=0.25).double()
    regularizer.mean.value.fill_(4.0)
    penalty = regularizer(recording(generator=generator))
    penalty.sum().backward()
    assert penalty.tolist() == [9, 9]  # from a length of 0 to 3/4 of the old mean
    assert generator.scales.grad.tolist() == [0, 0, 0]
    regularizer.mean.settle()
    assert float(regularizer.mean.value) == 3


@pytest.mark.parametrize(
    "given", [{"decay": 0.0}, {"decay": 1.5}, {"batch_fraction": 0.0}, {"batch_fraction": 2.0}]
)
def test_a_share_that_is_none_is_refused(given):
    ((name, value),) = given.items()
    with pytest.raises(BadValue, match=f"{name} is {value}; expected a share above 0 and at most"):
        PathLength(**given)
