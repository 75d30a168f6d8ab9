"""Bias, activation, gain and clamp, in that order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A pointwise function, and the constants it has unless the caller says otherwise."""

    function: Callable[[Tensor, float, bool], Tensor]  # x, alpha, whether x may be overwritten
    alpha: float = 0.0
    gain: float = 1.0
    homogeneous: bool = False  # function(c * x) == c * function(x) for every c >= 0


def _leaky_relu(x: Tensor, alpha: float, overwrite: bool) -> Tensor:
    # In place the slope is read off the sign of the result, which a negative alpha would change.
    return F.leaky_relu(x, alpha, inplace=overwrite and alpha >= 0)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(function=lambda x, alpha, overwrite: x, homogeneous=True),
    "relu": Activation(
        function=lambda x, alpha, overwrite: F.relu(x), gain=sqrt(2), homogeneous=True
    ),
    "lrelu": Activation(function=_leaky_relu, alpha=0.2, gain=sqrt(2), homogeneous=True),
    "tanh": Activation(function=lambda x, alpha, overwrite: torch.tanh(x)),
    "sigmoid": Activation(function=lambda x, alpha, overwrite: torch.sigmoid(x)),
    "elu": Activation(function=lambda x, alpha, overwrite: F.elu(x)),
    "selu": Activation(function=lambda x, alpha, overwrite: F.selu(x)),
    "softplus": Activation(function=lambda x, alpha, overwrite: F.softplus(x)),
    "swish": Activation(function=lambda x, alpha, overwrite: F.silu(x), gain=sqrt(2)),
}
"""Every activation by name; only ``lrelu`` reads ``alpha``, its slope below zero."""


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    *,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """clamp(act(x + b) * gain, -clamp, clamp).

    Args:
        x: any shape.
        b: [x.shape[dim]], added along ``dim`` in the type of ``x``; or None.
        dim: axis of the bias.
        act: name of an activation, a key of `ACTIVATIONS`.
        alpha: parameter of the activation; its own default when None.
        gain: factor on the result; *replaces* the activation's default, sqrt(2) for ``relu``,
            ``lrelu`` and ``swish`` and 1 for the rest.
        clamp: largest magnitude of the result; None for no limit.

    Returns:
        The shape, type and layout of ``x``; ``x`` itself when there is nothing to do.

    Raises:
        ValueError: an unknown activation, a bias that does not fit, or a negative clamp.
    """
    if act not in ACTIVATIONS:
        raise ValueError(f"no activation is named {act!r}; there are {', '.join(ACTIVATIONS)}")
    if clamp is not None and clamp < 0:
        raise ValueError(f"clamp is {clamp!r}; expected a number of at least 0, or None")
    activation = ACTIVATIONS[act]
    alpha = activation.alpha if alpha is None else float(alpha)
    gain = activation.gain if gain is None else float(gain)
    # Where the gain commutes with the activation, it costs nothing in the addition of the bias.
    early = gain if activation.homogeneous and gain >= 0 else 1.0
    late = gain if early == 1 else 1.0
    y = _scaled_sum(x, b, dim, early)
    y = activation.function(y, alpha, y is not x)
    y = y if late == 1 else y * late
    return y if clamp is None else y.clamp(-clamp, clamp)


def _scaled_sum(x: Tensor, b: Tensor | None, dim: int, scale: float) -> Tensor:
    """scale * (x + b)."""
    if b is None:
        return x if scale == 1 else x * scale
    if b.ndim != 1 or b.shape[0] != x.shape[dim]:
        raise ValueError(
            f"the bias has the shape {tuple(b.shape)!r}; expected [{x.shape[dim]}], as axis "
            f"{dim!r} of x, which has the shape {tuple(x.shape)!r}"
        )
    shape = [1] * x.ndim
    shape[dim] = -1
    b = b.to(x.dtype).reshape(shape)
    return x + b if scale == 1 else torch.add(b * scale, x, alpha=scale)
