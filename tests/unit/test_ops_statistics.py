"""Minibatch standard deviation and second-moment normalisation."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.ops import adain, map_blocks, minibatch_stddev, second_moment_norm
from ganzoo.ops.adain_kernel import adain_kernel
from ganzoo.ops.pixel_norm_kernel import pixel_norm_kernel

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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


@pytest.mark.parametrize("shape", [(4, 7), (2, 5, 3, 3)])
def test_pixel_norm_and_its_derivatives_are_those_of_the_definition(shape):
    x = draw(*shape).requires_grad_()
    found, expected = (second_moment_norm(x, impl=impl) for impl in ("auto", "reference"))
    torch.testing.assert_close(found, expected)
    for function in (second_moment_norm, lambda x: pixel_norm_kernel(x, 1e-8)):
        assert gradcheck(function, x)
        assert gradgradcheck(function, x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_squares_of_half_precision_do_not_overflow(dtype):
    x = torch.full((2, 8), 1000.0, dtype=dtype, requires_grad=True)
    y = second_moment_norm(x)
    assert y.dtype is dtype
    torch.testing.assert_close(y, torch.ones_like(y))
    assert torch.autograd.grad(y.sum(), x)[0].isfinite().all()


def test_zeros_have_a_norm_and_a_gradient():
    x = torch.zeros(2, 8, requires_grad=True)
    y = second_moment_norm(x)
    assert not y.any()
    assert torch.autograd.grad(y.sum(), x)[0].isfinite().all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", [1, 1 << 17])
def test_styled_maps_have_the_mean_and_deviation_of_their_style(block, layout, monkeypatch):
    monkeypatch.setattr(map_blocks, "BLOCK", block)  # a block for each sample, or one for all
    x = (draw(3, 4, 6, 5) * 3 + 7).contiguous(memory_format=layout)
    scale, offset = draw(3, 4, seed=1), draw(3, 4, seed=2)
    y = adain(x, scale, offset)
    variance, mean = torch.var_mean(y, (2, 3), correction=0)
    torch.testing.assert_close(mean, offset)
    torch.testing.assert_close(variance, scale.square())
    assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("block", [1, 1 << 17])
def test_adain_and_its_derivatives_are_those_of_the_definition(block, layout, monkeypatch):
    monkeypatch.setattr(map_blocks, "BLOCK", block)
    inputs = tuple(t.requires_grad_() for t in (draw(2, 2, 3, 2), draw(2, 2), draw(2, 2, seed=1)))

    def laid_out(function):
        return lambda x, *style: function(x.contiguous(memory_format=layout), *style)

    fast = laid_out(lambda x, s, o: adain(x, s, o, 1e-2))
    torch.testing.assert_close(fast(*inputs), adain(*inputs, 1e-2, impl="reference"))
    for function in (fast, laid_out(lambda x, s, o: adain_kernel(x, s, o, 1e-2))):
        assert gradcheck(function, inputs)
        assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_adain_keeps_the_type_of_the_maps_and_sums_in_float32(dtype):
    x = (draw(2, 3, 8, 8) * 100 + 200).to(dtype).requires_grad_()  # squares overflow float16
    scale, offset = (draw(2, 3, seed=s).float().requires_grad_() for s in (1, 2))
    y = adain(x, scale, offset)
    gradients = torch.autograd.grad(y.sum(), (x, scale, offset))
    exact = adain(x.double(), scale.double(), offset.double(), impl="reference")
    torch.testing.assert_close(y.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-5)
    assert [g.dtype for g in (y, *gradients)] == [dtype, dtype, torch.float32, torch.float32]


def test_a_constant_map_is_its_offset_and_has_a_gradient():
    x = torch.full((1, 2, 4, 4), 3.0, requires_grad=True)
    y = adain(x, torch.ones(1, 2), torch.full((1, 2), 0.5))
    torch.testing.assert_close(y, torch.full_like(y, 0.5))
    assert torch.autograd.grad(y.sum(), x)[0].isfinite().all()


@pytest.mark.parametrize("shape", [(0, 2, 4, 4), (2, 2, 0, 4)])
def test_nothing_normalised_is_nothing(shape):
    x = torch.zeros(shape, requires_grad=True)
    for y in (adain(x, torch.ones(shape[:2]), torch.ones(shape[:2])), second_moment_norm(x)):
        assert y.shape == torch.autograd.grad(y.sum(), x)[0].shape == shape


def test_statistics_of_the_wrong_shape_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2, 3\) for an x of \(2, 3, 4, 4\)"):
        adain(torch.ones(2, 3, 4, 4), torch.ones(3), torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"x has the shape \(3,\); expected \[N, C\] or"):
        second_moment_norm(torch.ones(3))
