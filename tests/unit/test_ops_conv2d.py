"""The convolution with its own second derivatives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.ops.conv2d import _WeightGradient, conv2d

CALLS = [
    {"padding": (1, 1)},
    {"stride": 2},
    {"stride": 2, "padding": (1, 0)},
    {"transposed": True, "stride": 2},
    {"transposed": True, "stride": 2, "padding": (1, 1)},
]


def drawn(layout=torch.contiguous_format):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 6, 5, generator=generator, dtype=torch.float64)
    w = torch.randn(3, 3, 3, 3, generator=generator, dtype=torch.float64)
    return [t.contiguous(memory_format=layout).requires_grad_() for t in (x, w)]


def plain(x, w, stride=1, padding=(0, 0), transposed=False):
    run = F.conv_transpose2d if transposed else F.conv2d
    return run(x, w, stride=stride, padding=padding)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_value_and_both_derivatives_are_those_of_torch(call, layout):
    def everything(run):
        x, w = drawn(layout)
        y = run(x, w, **call)
        first = torch.autograd.grad(y.sin().sum(), (x, w), create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), (x, w))
        return y, *first, *second

    for ours, theirs in zip(everything(conv2d), everything(plain)):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_it_passes_gradcheck_twice(call):
    x, w = drawn()
    assert gradcheck(lambda x, w: conv2d(x, w, **call), (x, w))
    assert gradgradcheck(lambda x, w: conv2d(x, w, **call), (x, w))


@pytest.fixture
def weight_gradients(monkeypatch):
    """How many gradients of weights were computed in a graph."""
    calls = []
    original = _WeightGradient.apply
    monkeypatch.setattr(_WeightGradient, "apply", lambda *a: (calls.append(1), original(*a))[1])
    return calls


def test_a_gradient_for_the_image_computes_none_for_the_weights(weight_gradients):
    x, w = drawn()
    (gradient,) = torch.autograd.grad(conv2d(x, w).sum(), x, create_graph=True)
    assert weight_gradients == []
    gradient.square().sum().backward()
    assert w.grad is not None


def test_weights_that_depend_on_what_is_asked_for_get_their_gradient(weight_gradients):
    """A style that reaches the weights: leaving their gradient out would drop its whole path."""
    x, w = drawn()
    style = torch.full((3,), 1.5, dtype=torch.float64, requires_grad=True)
    y = conv2d(x, w * style[:, None, None, None])
    (gradient,) = torch.autograd.grad(y.square().sum(), style, create_graph=True)
    assert len(weight_gradients) == 1
    (expected,) = torch.autograd.grad(
        plain(x, w * style[:, None, None, None]).square().sum(), style
    )
    torch.testing.assert_close(gradient, expected)


def test_the_weights_themselves_may_be_asked_for():
    x, w = drawn()
    (ours,) = torch.autograd.grad(conv2d(x, w).square().sum(), w, create_graph=True)
    (theirs,) = torch.autograd.grad(plain(x, w).square().sum(), w)
    torch.testing.assert_close(ours, theirs)


def test_under_autocast_it_computes_in_the_low_type():
    x, w = drawn()
    x, w = x.detach().float().requires_grad_(), w.detach().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = conv2d(x, w)
    assert y.dtype is torch.bfloat16
    y.float().sum().backward()
    assert x.grad.dtype is w.grad.dtype is torch.float32


def test_channels_last_stays_so_in_result_and_gradients():
    x, w = drawn(torch.channels_last)
    y = conv2d(x, w, padding=(1, 1))
    y.square().sum().backward()
    for tensor in (y, x.grad, w.grad):
        assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_the_environment_forces_torchs_own(monkeypatch):
    x, w = drawn()
    assert "_Convolution" in type(conv2d(x, w).grad_fn).__name__
    monkeypatch.setenv("GANZOO_OPS", "reference")
    assert "_Convolution" not in type(conv2d(x, w).grad_fn).__name__
