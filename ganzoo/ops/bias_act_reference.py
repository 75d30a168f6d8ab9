"""Bias and activation as they are defined, and their derivatives as formulas."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.table import accumulating_type
from ganzoo.ops.activations import ACTIVATIONS


def bias_act_reference(
    x: Tensor,
    b: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """clamp(act(x + b) * gain), one after another.

    Half-precision features are computed with in float32 and rounded once. Autograd differentiates
    it, to any order.
    """
    y = ACTIVATIONS[act].function(biased(x, b, dim), alpha, False) * gain
    return (y if clamp is None else y.clamp(-clamp, clamp)).to(x.dtype)


def first_order(
    dy: Tensor,
    x: Tensor | None,
    b: Tensor | None,
    y: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """The gradient of x + b, from that of the result; arguments as the kernel has them.

    Args:
        dy: as the result.
        x: the input; None where ``y`` is given, or where the slope is 1 everywhere.
        b: the bias, where there is one and ``x`` is given.
        y: the result, for a piecewise linear activation with a positive gain and no negative
            alpha. Elements on the clamp get no gradient.
    """
    dx = dy.to(accumulating_type(dy.dtype)) * gain
    if y is not None:
        dx = dx * ACTIVATIONS[act].slope(y.to(dx.dtype), alpha)
        return (dx if clamp is None else dx * within(y, clamp)).to(dy.dtype)
    if x is not None:
        v = biased(x, b, dim)
        dx = dx * ACTIVATIONS[act].slope(v, alpha)
        if clamp is not None:
            seen = (ACTIVATIONS[act].function(v, alpha, False) * gain).to(x.dtype)
            dx = dx * within(seen, clamp)
    return dx.to(dy.dtype)


def second_order(
    ddx: Tensor,
    dy: Tensor,
    x: Tensor,
    b: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """What `first_order` hands to x + b itself, given the gradient of its result."""
    bend = ACTIVATIONS[act].bend
    if bend is None:
        return torch.zeros_like(x)
    v = biased(x, b, dim)
    dv = ddx.to(v.dtype) * dy.to(v.dtype) * gain * bend(v)
    if clamp is not None:
        seen = (ACTIVATIONS[act].function(v, alpha, False) * gain).to(x.dtype)
        dv = dv * within(seen, clamp)
    return dv.to(x.dtype)


def biased(x: Tensor, b: Tensor | None, dim: int) -> Tensor:
    """x + b in the type of sums."""
    x = x.to(accumulating_type(x.dtype))
    return x if b is None else x + along(b.to(x.dtype), x, dim)


def along(b: Tensor, x: Tensor, dim: int) -> Tensor:
    """``b`` [C] with the axes of ``x``, itself lying along ``dim``."""
    shape = [1] * x.ndim
    shape[dim] = -1
    return b.reshape(shape)


def within(y: Tensor, clamp: float) -> Tensor:
    """Where y is inside the clamp, as y's own type can hold it."""
    limit = torch.tensor(clamp, dtype=y.dtype, device="cpu").item()
    return y.abs() < limit
