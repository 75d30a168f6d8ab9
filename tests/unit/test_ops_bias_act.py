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
