"""The pointwise functions of layers, the constants they have, and their slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A pointwise function, and the constants it has unless the caller says otherwise."""

    function: Callable[[Tensor, float, bool], Tensor]  # x, alpha, whether x may be overwritten
    slope: Callable[[Tensor, float], Tensor]  # first derivative at x, with alpha
    bend: Callable[[Tensor], Tensor] | None = None  # second derivative; None where it is zero
    alpha: float = 0.0
    gain: float = 1.0
    homogeneous: bool = False  # function(c * x) == c * function(x) for every c >= 0


def _leaky_relu(x: Tensor, alpha: float, overwrite: bool) -> Tensor:
    # In place the slope is read off the sign of the result, which a negative alpha would change.
    return F.leaky_relu(x, alpha, inplace=overwrite and alpha >= 0)


def _tanh_slope(x: Tensor, alpha: float) -> Tensor:
    return 1 - torch.tanh(x).square()


def _tanh_bend(x: Tensor) -> Tensor:
    t = torch.tanh(x)
    return -2 * t * (1 - t * t)


def _sigmoid_slope(x: Tensor, alpha: float) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 - s)


def _sigmoid_bend(x: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 - s) * (1 - 2 * s)


def _elu_slope(x: Tensor, alpha: float) -> Tensor:
    return x.clamp(max=0).exp()


def _elu_bend(x: Tensor) -> Tensor:
    return torch.where(x > 0, 0, x.clamp(max=0).exp())


def _selu_slope(x: Tensor, alpha: float) -> Tensor:
    return _SELU_SCALE * torch.where(x > 0, 1, _SELU_ALPHA * x.clamp(max=0).exp())


def _selu_bend(x: Tensor) -> Tensor:
    return _SELU_SCALE * _SELU_ALPHA * _elu_bend(x)


def _softplus_slope(x: Tensor, alpha: float) -> Tensor:
    return torch.where(x > 20, 1, torch.sigmoid(x))


def _softplus_bend(x: Tensor) -> Tensor:
    return torch.where(x > 20, 0, _sigmoid_slope(x, 0))


def _swish_slope(x: Tensor, alpha: float) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 + x * (1 - s))


def _swish_bend(x: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(
        function=lambda x, alpha, overwrite: x,
        slope=lambda x, alpha: torch.ones_like(x),
        homogeneous=True,
    ),
    "relu": Activation(
        function=lambda x, alpha, overwrite: F.relu(x),
        slope=lambda x, alpha: (x > 0).to(x.dtype),
        gain=sqrt(2),
        homogeneous=True,
    ),
    "lrelu": Activation(
        function=_leaky_relu,
        slope=lambda x, alpha: torch.where(x > 0, 1, torch.full_like(x, alpha)),
        alpha=0.2,
        gain=sqrt(2),
        homogeneous=True,
    ),
    "tanh": Activation(
        function=lambda x, alpha, overwrite: torch.tanh(x), slope=_tanh_slope, bend=_tanh_bend
    ),
    "sigmoid": Activation(
        function=lambda x, alpha, overwrite: torch.sigmoid(x),
        slope=_sigmoid_slope,
        bend=_sigmoid_bend,
    ),
    "elu": Activation(
        function=lambda x, alpha, overwrite: F.elu(x), slope=_elu_slope, bend=_elu_bend
    ),
    "selu": Activation(
        function=lambda x, alpha, overwrite: F.selu(x), slope=_selu_slope, bend=_selu_bend
    ),
    "softplus": Activation(
        function=lambda x, alpha, overwrite: F.softplus(x),
        slope=_softplus_slope,
        bend=_softplus_bend,
    ),
    "swish": Activation(
        function=lambda x, alpha, overwrite: F.silu(x),
        slope=_swish_slope,
        bend=_swish_bend,
        gain=sqrt(2),
    ),
}
"""Every activation by name; only ``lrelu`` reads ``alpha``, its slope below zero."""
