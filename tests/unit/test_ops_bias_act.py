"""Bias and activation: order, gains, derivatives, and what in-place arithmetic must not touch."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.ops import ACTIVATIONS, bias_act


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("act", list(ACTIVATIONS))
@pytest.mark.parametrize("options", [{}, {"gain": 1.7, "clamp": 0.8}])
def test_activations_differentiate_twice(act, options):
    inputs = (draw(2, 2, 2, 1).requires_grad_(), draw(2, seed=1).requires_grad_())

    def run(x, b):
        return bias_act(x, b, act=act, **options)

    assert gradcheck(run, inputs)
    assert gradgradcheck(run, inputs)


@pytest.mark.parametrize("act", list(ACTIVATIONS))
@pytest.mark.parametrize("options", [{}, {"gain": 1.7, "clamp": 0.8}, {"gain": -1.0}])
def test_the_fast_arrangement_is_the_definition(act, options):
    def value_and_gradients(impl):
        x, b = draw(4, 3, 2, 2).requires_grad_(), draw(3, seed=1).requires_grad_()
        y = bias_act(x, b, act=act, impl=impl, **options)
        (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        return (y, dx, *torch.autograd.grad(dx.square().sum(), (x, b)))

    for fast, slow in zip(value_and_gradients("auto"), value_and_gradients("reference")):
        torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("act", list(ACTIVATIONS))
def test_slopes_and_bends_are_the_derivatives(act):
    activation = ACTIVATIONS[act]
    x = torch.cat((draw(50) * 3, torch.tensor([-30.0, 19.9, 20.1, 30.0]))).requires_grad_()
    (slope,) = torch.autograd.grad(activation.function(x, 0.2, False).sum(), x, create_graph=True)
    torch.testing.assert_close(activation.slope(x, 0.2), slope, rtol=1e-12, atol=1e-12)
    if activation.bend is None:
        assert activation.slope(x.detach(), 0.2).unique().numel() <= 2
    else:
        (bend,) = torch.autograd.grad(slope.sum(), x)
        torch.testing.assert_close(activation.bend(x), bend, rtol=1e-12, atol=1e-12)


def test_the_definition_rounds_half_precision_once():
    x = torch.full((1, 1), 1.0, dtype=torch.bfloat16)
    b = torch.full((1,), 0.0039, dtype=torch.float32)  # lost next to 1 in bfloat16
    assert bias_act(x, b, gain=256.0, impl="reference").item() == 256.0
    assert bias_act(x, 2 * b, gain=256.0, impl="reference").item() == 258.0


@pytest.mark.parametrize("gain", [None, 0.0, 1.0, 2.0, -2.0])
@pytest.mark.parametrize("alpha", [None, 0.0, -0.3])
def test_leaky_relu_is_bias_then_slope_then_gain_then_clamp(gain, alpha):
    x, b = draw(4, 3, 2, 2), draw(3, seed=1)
    y = bias_act(x, b, act="lrelu", alpha=alpha, gain=gain, clamp=1.0)
    v = x + b[None, :, None, None]
    v = torch.where(v > 0, v, v * (0.2 if alpha is None else alpha))
    expected = (v * (2**0.5 if gain is None else gain)).clamp(-1, 1)
    torch.testing.assert_close(y, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("act", list(ACTIVATIONS))
@pytest.mark.parametrize("gain", [None, 1.0])
@pytest.mark.parametrize("with_bias", [True, False])
def test_the_input_is_left_as_it_was(act, gain, with_bias):
    x, b = draw(2, 3, 2, 2), draw(3, seed=1) if with_bias else None
    before = x.clone()
    bias_act(x, b, act=act, gain=gain)
    assert torch.equal(x, before)


def test_the_bias_may_lie_along_any_axis():
    x, b = draw(5, 4), draw(5, seed=1)
    assert torch.equal(bias_act(x, b, dim=0), x + b[:, None])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_layout_of_the_features_is_kept(layout):
    x = draw(2, 3, 4, 6).contiguous(memory_format=layout)
    assert bias_act(x, draw(3), act="lrelu").is_contiguous(memory_format=layout)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"act": "lrelo"}, "no activation is named 'lrelo'; there are linear, relu, lrelu"),
        ({"b": torch.ones(4)}, r"the bias has the shape \(4,\); expected \[3\]"),
        ({"clamp": -1}, "clamp is -1; expected a number of at least 0"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        bias_act(draw(2, 3), **arguments)
