"""Losses: their published formulas, by values and slopes that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ganzoo.errors import BadValue
from ganzoo.plugins.loss.hinge import HingeLoss
from ganzoo.plugins.loss.least_squares import LeastSquaresLoss
from ganzoo.plugins.loss.logistic import LogisticLoss
from ganzoo.plugins.loss.relativistic import RelativisticLoss
from ganzoo.plugins.loss.saturating_logistic import SaturatingLogisticLoss
from ganzoo.plugins.loss.wasserstein import WassersteinLoss

LOG2 = math.log(2)
LOSSES = [
    LogisticLoss(),
    SaturatingLogisticLoss(),
    WassersteinLoss(drift=0.1),
    HingeLoss(),
    LeastSquaresLoss(),
    RelativisticLoss(),
]
SMOOTH = [loss for loss in LOSSES if not isinstance(loss, HingeLoss)]
FAKE = torch.tensor([-2.0, -0.25, 0.5, 3.0], dtype=torch.float64)
REAL = torch.tensor([1.5, -0.75, 0.25, 2.0], dtype=torch.float64)


def name_of(loss):
    return type(loss).__name__


def sigmoid(x):
    return 1 / (1 + (-x).exp())


def slopes(function, fake=FAKE, real=REAL):
    """The derivatives of each value with respect to its own two logits."""
    fake, real = fake.clone().requires_grad_(), real.clone().requires_grad_()
    return torch.autograd.grad(
        function(fake, real).sum(), (fake, real), allow_unused=True, materialize_grads=True
    )


@pytest.mark.parametrize(
    ("loss", "generator", "discriminator"),
    [
        (LogisticLoss(), LOG2, 2 * LOG2),
        (SaturatingLogisticLoss(), -LOG2, 2 * LOG2),
        (WassersteinLoss(), 0, 0),
        (HingeLoss(), 0, 2),
        (LeastSquaresLoss(), 0.5, 0.5),
        (RelativisticLoss(), LOG2, LOG2),
    ],
    ids=lambda value: name_of(value) if hasattr(value, "generator") else str(value),
)
def test_the_value_where_nothing_is_known_is_the_published_one(loss, generator, discriminator):
    zero = torch.zeros(3, dtype=torch.float64)
    expected = torch.ones_like(zero)
    torch.testing.assert_close(loss.generator(zero, zero), generator * expected)
    torch.testing.assert_close(loss.discriminator(zero, zero), discriminator * expected)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (LogisticLoss(), -sigmoid(-FAKE)),
        (SaturatingLogisticLoss(), -sigmoid(FAKE)),
        (WassersteinLoss(), -torch.ones_like(FAKE)),
        (HingeLoss(), -torch.ones_like(FAKE)),
        (LeastSquaresLoss(), FAKE - 1),
        (RelativisticLoss(), -sigmoid(REAL - FAKE)),
    ],
    ids=lambda value: name_of(value) if hasattr(value, "generator") else "",
)
def test_the_generators_slope_is_the_published_one(loss, expected):
    to_fake, to_real = slopes(loss.generator)
    torch.testing.assert_close(to_fake, expected)
    # only a loss that compares pairs sees the reals, and then the difference alone
    torch.testing.assert_close(to_real, -to_fake if loss.compares_pairs else 0 * REAL)


@pytest.mark.parametrize(
    ("loss", "of_fake", "of_real"),
    [
        (LogisticLoss(), sigmoid(FAKE), -sigmoid(-REAL)),
        (SaturatingLogisticLoss(), sigmoid(FAKE), -sigmoid(-REAL)),
        (WassersteinLoss(drift=0.1), torch.ones_like(FAKE), -1 + 0.2 * REAL),
        (HingeLoss(), (FAKE > -1).double(), -(REAL < 1).double()),
        (LeastSquaresLoss(), FAKE, REAL - 1),
        (RelativisticLoss(), sigmoid(FAKE - REAL), -sigmoid(FAKE - REAL)),
    ],
    ids=lambda value: name_of(value) if hasattr(value, "generator") else "",
)
def test_the_discriminators_slopes_are_the_published_ones(loss, of_fake, of_real):
    to_fake, to_real = slopes(loss.discriminator)
    torch.testing.assert_close(to_fake, of_fake)
    torch.testing.assert_close(to_real, of_real)


@pytest.mark.parametrize("side", ["generator", "discriminator"])
@pytest.mark.parametrize("loss", SMOOTH, ids=name_of)
def test_first_and_second_derivatives_are_those_of_finite_differences(loss, side):
    logits = FAKE.clone().requires_grad_(), REAL.clone().requires_grad_()
    function = getattr(loss, side)
    assert torch.autograd.gradcheck(function, logits)
    assert torch.autograd.gradgradcheck(function, logits)


def test_the_saturating_generator_learns_nothing_from_a_sure_discriminator():
    sure = torch.tensor([-30.0], dtype=torch.float64)
    saturating, _ = slopes(SaturatingLogisticLoss().generator, sure, sure)
    other, _ = slopes(LogisticLoss().generator, sure, sure)
    assert abs(float(saturating)) < 1e-12
    assert float(other) == pytest.approx(-1)


def test_both_logistic_losses_agree_for_the_discriminator():
    same = SaturatingLogisticLoss().discriminator(FAKE, REAL)
    assert torch.equal(same, LogisticLoss().discriminator(FAKE, REAL))


def test_the_drift_is_the_square_of_the_reals_scores_alone():
    without, published = WassersteinLoss(drift=0.0), WassersteinLoss()
    difference = published.discriminator(FAKE, REAL) - without.discriminator(FAKE, REAL)
    torch.testing.assert_close(difference, 0.001 * REAL.square())
    torch.testing.assert_close(without.discriminator(FAKE, REAL), FAKE - REAL)


@pytest.mark.parametrize("drift", [-0.001, math.nan])
def test_a_drift_that_rewards_runaway_scores_is_refused(drift):
    with pytest.raises(BadValue, match=rf"drift is {drift}; expected 0 or more.*Published: 0\.001"):
        WassersteinLoss(drift=drift)


def test_hinge_is_flat_beyond_the_margins():
    fake, real = torch.tensor([-1.0, -5.0]), torch.tensor([1.0, 5.0])
    assert HingeLoss().discriminator(fake, real).tolist() == [0, 0]
    to_fake, to_real = slopes(HingeLoss().discriminator, fake, real)
    assert to_fake.tolist() == [0, 0]
    assert to_real.tolist() == [0, 0]


def test_least_squares_has_no_loss_at_its_targets():
    zero, one = torch.zeros(2), torch.ones(2)
    assert LeastSquaresLoss().discriminator(zero, one).tolist() == [0, 0]
    assert LeastSquaresLoss().generator(one, None).tolist() == [0, 0]


def test_a_relativistic_loss_compares_each_fake_with_the_real_beside_it():
    fake, real = torch.tensor([0.0, 10.0]), torch.tensor([10.0, 0.0])
    low, high = RelativisticLoss().discriminator(fake, real).tolist()
    assert (low, high) == pytest.approx((math.log1p(math.exp(-10)), math.log1p(math.exp(10))))


def test_a_relativistic_loss_does_not_see_a_common_shift_of_the_logits():
    loss = RelativisticLoss()
    for side in (loss.generator, loss.discriminator):
        torch.testing.assert_close(side(FAKE + 3, REAL + 3), side(FAKE, REAL))


def test_the_two_sides_of_a_relativistic_loss_mirror_each_other():
    loss = RelativisticLoss()
    assert torch.equal(loss.generator(FAKE, REAL), loss.discriminator(REAL, FAKE))


def test_a_relativistic_generator_without_reals_says_what_it_needs():
    with pytest.raises(ValueError, match="compares each fake with a real; hand it the logits"):
        RelativisticLoss().generator(FAKE, None)
