"""Penalties whose value is known, of networks that are linear or quadratic."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from test_path_length import ScalingGenerator
from torch import nn
from torch.func import functional_call

from ganzoo.errors import BadValue
from ganzoo.plugins.regularizer.gradient_penalty import GradientPenalty
from ganzoo.plugins.regularizer.r1 import R1
from ganzoo.plugins.regularizer.r2 import R2
from ganzoo.registry.contracts import Fake
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


class QuadraticDiscriminator(nn.Module):
    """``D(x) = <slope, x> + 1/2 <bend, x^2>``, of one channel: the gradient at x is known."""

    def __init__(self):
        super().__init__()
        random = torch.Generator().manual_seed(3)
        slope, bend = torch.randn(2, PIXELS, generator=random, dtype=torch.float64)
        self.slope, self.bend = nn.Parameter(slope), nn.Parameter(bend)

    def forward(self, image, label):
        x = image.flatten(1)
        return x @ self.slope + x.square() @ self.bend / 2

    def gradient(self, image):
        return (self.slope + self.bend * image.flatten(1)).detach()


def reals(n=3):
    random = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, *SIZE, generator=random, dtype=torch.float64)


def enlarged(image):
    """Each pixel four times in each direction."""
    return F.interpolate(image, scale_factor=4, mode="nearest")


class GivenMoment(ToyMoment):
    """One channel of reals and fakes, and mixing coefficients that are given."""

    def __init__(self, discriminator, amounts=(0.0, 0.25, 1.0), generator=None, enlargement=1):
        image = reals(len(amounts))[:, :1]
        networks = {"generator": generator or ScalingGenerator(), "discriminator": discriminator}
        super().__init__(networks, image, enlargement=enlargement)
        self.amounts = torch.tensor(amounts, dtype=torch.float64)

    def uniform(self, count):
        assert count == len(self.amounts)
        return self.amounts

    def mixture(self):
        real, fake = self["image"], self.fake().image.detach()
        return real + (fake - real) * self.amounts[:, None, None, None]


def test_r1_is_half_the_squared_norm_of_the_gradient_summed_over_pixels():
    discriminator = LinearDiscriminator()
    penalty = R1()(ToyMoment({"discriminator": discriminator}, reals()))
    expected = discriminator.weight.square().sum() / 2
    torch.testing.assert_close(penalty, expected.expand(3))


def test_the_gradient_of_r1_is_the_weight_of_a_linear_discriminator():
    discriminator = LinearDiscriminator()
    R1()(ToyMoment({"discriminator": discriminator}, reals())).mean().backward()
    torch.testing.assert_close(discriminator.weight.grad, discriminator.weight.detach())


def test_r2_is_half_the_squared_norm_of_the_gradient_at_the_fakes():
    discriminator = QuadraticDiscriminator()
    moment = GivenMoment(discriminator)
    gradient = discriminator.gradient(moment.fake().image)
    torch.testing.assert_close(R2()(moment), gradient.square().sum(dim=1) / 2)


def test_the_gradient_of_r2_is_that_of_a_square():
    discriminator = QuadraticDiscriminator()
    moment = GivenMoment(discriminator)
    R2()(moment).sum().backward()
    image = moment.fake().image.detach()
    gradient = discriminator.gradient(image)
    torch.testing.assert_close(discriminator.slope.grad, gradient.sum(dim=0))
    torch.testing.assert_close(discriminator.bend.grad, (gradient * image.flatten(1)).sum(dim=0))


@pytest.mark.parametrize("make", [R1, R2, GradientPenalty])
def test_a_growing_discriminator_is_penalized_for_the_full_image_as_published(make):
    small = QuadraticDiscriminator()

    class Full(GivenMoment):
        """The same images with every pixel repeated, which the discriminator shrinks again."""

        def __getitem__(self, name):
            value = super().__getitem__(name)
            return value if value is None else enlarged(value)

        def fake(self, first=None):
            made = super().fake(first)
            return Fake(image=enlarged(made.image), styles=made.styles, label=made.label)

    full = Full(lambda image, label: small(F.avg_pool2d(image, 4), label))
    torch.testing.assert_close(make()(GivenMoment(small, enlargement=4)), make()(full))


@pytest.mark.parametrize("make", [R2, GradientPenalty])
def test_a_penalty_of_the_discriminator_does_not_move_the_generator(make):
    generator = ScalingGenerator()
    make()(GivenMoment(QuadraticDiscriminator(), generator=generator)).sum().backward()
    assert generator.scales.grad is None


def test_the_gradient_penalty_is_taken_between_each_real_and_its_fake():
    discriminator = QuadraticDiscriminator()
    moment = GivenMoment(discriminator)
    norm = discriminator.gradient(moment.mixture()).norm(dim=1)
    torch.testing.assert_close(GradientPenalty()(moment), (norm - 1).square())


def test_the_gradient_penalty_is_divided_by_the_square_of_its_target():
    discriminator = QuadraticDiscriminator()
    moment = GivenMoment(discriminator)
    norm = discriminator.gradient(moment.mixture()).norm(dim=1)
    penalty = GradientPenalty(target=750.0)(moment)
    torch.testing.assert_close(penalty, (norm - 750).square() / 750**2)


def test_the_gradient_of_the_penalty_points_along_the_slope():
    discriminator = QuadraticDiscriminator()
    moment = GivenMoment(discriminator)
    GradientPenalty(target=2.0)(moment).sum().backward()
    image = moment.mixture()
    gradient = discriminator.gradient(image)
    norm = gradient.norm(dim=1, keepdim=True)
    expected = 2 * (norm - 2) / 4 * gradient / norm
    torch.testing.assert_close(discriminator.slope.grad, expected.sum(dim=0))
    torch.testing.assert_close(discriminator.bend.grad, (expected * image.flatten(1)).sum(dim=0))


def test_a_linear_critic_of_slope_one_pays_no_gradient_penalty():
    discriminator = LinearDiscriminator()
    with torch.no_grad():
        discriminator.weight.div_(discriminator.weight.norm())
    moment = ToyMoment({"discriminator": discriminator}, reals())
    moment.fake = lambda: Fake(image=reals(3) + 1, styles=torch.zeros(3, 1, 1), label=None)
    torch.testing.assert_close(GradientPenalty()(moment), torch.zeros(3, dtype=torch.float64))


def test_the_gradient_penalty_of_a_flat_critic_moves_nothing_instead_of_making_nan():
    discriminator = LinearDiscriminator()
    with torch.no_grad():
        discriminator.weight.zero_()
    moment = ToyMoment({"discriminator": discriminator}, reals())
    moment.fake = lambda: Fake(image=reals(3) + 1, styles=torch.zeros(3, 1, 1), label=None)
    penalty = GradientPenalty()(moment)
    penalty.sum().backward()
    assert penalty.tolist() == [1, 1, 1]
    assert discriminator.weight.grad.abs().sum() == 0


def test_the_amounts_of_mixing_are_drawn_one_a_sample_from_the_moment():
    image = torch.zeros(200, 1, *SIZE, dtype=torch.float64)
    first, second = (ToyMoment({}, image).uniform(200) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (200,)
    assert 0 <= first.min() < 0.05
    assert 0.95 < first.max() < 1


def test_the_mixture_has_the_label_of_the_real_and_r2_that_of_the_fake():
    seen = []

    class Labelled(GivenMoment):
        def score(self, image, label):
            seen.append(label)
            return super().score(image, label)

        def __getitem__(self, name):
            return "real" if name == "label" else super().__getitem__(name)

        def fake(self, first=None):
            return Fake(image=super().fake(first).image, styles=torch.zeros(1), label="fake")

    for make in (R1, R2, GradientPenalty):
        make()(Labelled(QuadraticDiscriminator()))
    assert seen == ["real", "fake", "real"]


@pytest.mark.parametrize("make", [R1, R2, GradientPenalty])
def test_the_penalty_can_be_differentiated_twice_by_the_weights(make):
    discriminator = QuadraticDiscriminator()

    def penalty(slope, bend):
        weights = {"slope": slope, "bend": bend}
        moment = GivenMoment(lambda *at: functional_call(discriminator, weights, at))
        return make()(moment)

    weights = discriminator.slope, discriminator.bend
    assert torch.autograd.gradcheck(penalty, weights)
    assert torch.autograd.gradgradcheck(penalty, weights)


@pytest.mark.parametrize("target", [0.0, -1.0, math.nan])
def test_a_target_that_is_no_slope_is_refused(target):
    with pytest.raises(BadValue, match=rf"target is {target}; expected a slope above 0"):
        GradientPenalty(target=target)


def test_reals_and_fakes_that_cannot_be_mixed_are_named():
    moment = ToyMoment({"discriminator": LinearDiscriminator()}, reals(3))
    moment.fake = lambda: Fake(image=reals(2), styles=torch.zeros(2, 1, 1), label=None)
    with pytest.raises(ValueError, match=r"mixes reals \[3, 2, 4, 6\] .* not with \[2, 2, 4, 6\]"):
        GradientPenalty()(moment)
