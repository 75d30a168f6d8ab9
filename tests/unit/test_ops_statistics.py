"""Minibatch standard deviation and second-moment normalisation."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.ops import minibatch_stddev, second_moment_norm


def column(*values):
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1, 1)


def test_group_members_are_strided_and_the_variance_is_biased():
    y = minibatch_stddev(column(0, 0, 0, 0, 1, 2, 3, 4, 100, 200, 300, 400), 4)
    # Groups are (0, 0, 3, 200), (0, 1, 4, 300), (0, 2, 100, 400) and repeat as a block.
    expected = column(*[86.1782, 129.1905, 163.5566] * 4)
    torch.testing.assert_close(y, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("group", [None, 0, 6, 100])
def test_a_missing_or_large_group_is_the_whole_batch(group):
    x = torch.arange(6.0, dtype=torch.float64).reshape(6, 1, 1, 1).expand(6, 2, 3, 4)
    y = minibatch_stddev(x, group)
    assert y.shape == (6, 1, 3, 4)
    torch.testing.assert_close(y, torch.full_like(y, (35 / 12) ** 0.5), rtol=1e-8, atol=0)


def test_each_statistic_reads_features_of_its_own():
    x = torch.zeros(4, 4, 2, 2)
    x[::2, 2:] = 2.0
    y = minibatch_stddev(x, 4, channels=2)
    assert y.shape == (4, 2, 2, 2)
    assert y[:, 0].max() < 1e-3  # sqrt of the 1e-8 under the root
    torch.testing.assert_close(y[:, 1], torch.ones(4, 2, 2))


def test_identical_samples_still_have_a_gradient():
    x = torch.ones(4, 2, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(minibatch_stddev(x, 4).sum(), x)
    assert torch.equal(gradient, torch.zeros_like(x))


def test_the_statistic_differentiates_twice():
    x = torch.randn(4, 2, 2, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    assert gradcheck(lambda x: minibatch_stddev(x, 2), x)
    assert gradgradcheck(lambda x: minibatch_stddev(x, 2), x)


def test_an_empty_batch_has_empty_statistics():
    assert minibatch_stddev(torch.zeros(0, 4, 2, 2), 4).shape == (0, 1, 2, 2)


@pytest.mark.parametrize(
    ("group", "channels", "complaint"),
    [
        (4, 1, r"6 samples, which do not divide into groups of 4"),
        (-2, 1, r"do not divide into groups of -2"),
        (3, 3, r"channels is 3; expected a number that divides the 4 feature"),
        (3, 0, r"channels is 0"),
    ],
)
def test_impossible_groups_are_refused_with_a_sentence(group, channels, complaint):
    with pytest.raises(ValueError, match=complaint):
        minibatch_stddev(torch.zeros(6, 4, 2, 2), group, channels)


@pytest.mark.parametrize("shape", [(4, 7), (2, 5, 3, 3)])
def test_normalised_features_have_unit_second_moment(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    moments = second_moment_norm(x).square().mean(1)
    torch.testing.assert_close(moments, torch.ones_like(moments), rtol=0, atol=1e-6)
