"""Bias and activation by our kernels, as operations that torch knows.

``ganzoo::bias_act`` is the forward map, ``ganzoo::bias_act_slope`` its gradient, which is linear in
what it is given and therefore its own gradient too, and ``ganzoo::bias_act_bend`` what a curved
activation adds. Further derivatives are plain torch. Autocast has no rule for them: the type of
the features decides.
"""

from __future__ import annotations

from typing import Any, TypedDict

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels import bias_act as kernels
from ganzoo.backends.cupy_kernels.engine import stand_in
from ganzoo.backends.cupy_kernels.table import accumulating_type
from ganzoo.ops import bias_act_reference as reference
from ganzoo.ops.kernel_outputs import empty_as, fresh_as


class _Call(TypedDict):
    """The arguments that are no tensors."""

    dim: int
    act: str
    alpha: float
    gain: float
    clamp: float | None


_CALL = "int dim, str act, float alpha, float gain, float? clamp"


def bias_act_kernel(
    x: Tensor,
    b: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """The result of `ganzoo.ops.bias_act`."""
    return _forward(x, b, dim % x.ndim, act, alpha, gain, clamp)


@torch.library.custom_op(
    "ganzoo::bias_act", mutates_args=(), schema=f"(Tensor x, Tensor? b, {_CALL}) -> Tensor"
)
def _forward(
    x: Tensor,
    b: Tensor | None,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    call = _Call(dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)
    if x.is_cuda or stand_in():
        return kernels.forward(x, b, **call)
    return fresh_as(reference.bias_act_reference(x, b, **call), x)


@torch.library.custom_op(
    "ganzoo::bias_act_slope",
    mutates_args=(),
    schema=f"(Tensor dy, Tensor? x, Tensor? b, Tensor? y, {_CALL}) -> Tensor",
)
def _slope(
    dy: Tensor,
    x: Tensor | None,
    b: Tensor | None,
    y: Tensor | None,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    call = _Call(dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)
    if dy.is_cuda or stand_in():
        return kernels.first_order(dy, x, b, y, **call)
    return fresh_as(reference.first_order(dy, x, b, y, **call), _pattern(dy, x, y))


@torch.library.custom_op(
    "ganzoo::bias_act_bend",
    mutates_args=(),
    schema=f"(Tensor ddx, Tensor dy, Tensor x, Tensor? b, {_CALL}) -> Tensor",
)
def _bend(
    ddx: Tensor,
    dy: Tensor,
    x: Tensor,
    b: Tensor | None,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    call = _Call(dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)
    if x.is_cuda or stand_in():
        return kernels.second_order(ddx, dy, x, b, **call)
    return fresh_as(reference.second_order(ddx, dy, x, b, **call), x)


@_forward.register_fake
def _(x: Tensor, b: Tensor | None, *call: Any) -> Tensor:
    return empty_as(x)


@_slope.register_fake
def _(dy: Tensor, x: Tensor | None, b: Tensor | None, y: Tensor | None, *call: Any) -> Tensor:
    return empty_as(_pattern(dy, x, y))


@_bend.register_fake
def _(ddx: Tensor, dy: Tensor, x: Tensor, b: Tensor | None, *call: Any) -> Tensor:
    return empty_as(x)


def _pattern(dy: Tensor, x: Tensor | None, y: Tensor | None) -> Tensor:
    """The tensor whose layout a gradient takes."""
    return y if y is not None else x if x is not None else dy


def _remember_features(ctx: Any, inputs: tuple, output: Tensor) -> None:
    x, b, *call = inputs
    _, act, alpha, gain, clamp = ctx.call = tuple(call)
    ctx.b_type = None if b is None else b.dtype
    # The sign of y tells the slope, and then neither x nor b need be kept.
    tells = act in kernels.PIECEWISE and gain > 0 and alpha >= 0
    if act == "linear" and clamp is None:
        ctx.save_for_backward(None, None, None)
    elif tells:
        ctx.save_for_backward(None, None, output)
    else:
        ctx.save_for_backward(x, b, None)


def _differentiate(ctx: Any, dy: Tensor) -> tuple:
    dx = _slope(dy, *ctx.saved_tensors, *ctx.call)
    db = _summed(dx, ctx.call[0], ctx.b_type) if ctx.needs_input_grad[1] else None
    return (dx, db, *(None for _ in ctx.call))


def _remember_slope(ctx: Any, inputs: tuple, output: Tensor) -> None:
    dy, x, b, y, *call = inputs
    ctx.call = tuple(call)
    ctx.save_for_backward(dy, x, b, y)


def _differentiate_slope(ctx: Any, ddx: Tensor) -> tuple:
    dy, x, b, y = ctx.saved_tensors
    dim, act, *_ = ctx.call
    ddy = _slope(ddx, x, b, y, *ctx.call) if ctx.needs_input_grad[0] else None
    dx = db = None
    if x is not None and act in kernels.SMOOTH:
        if torch.is_grad_enabled():
            _, _, alpha, gain, clamp = ctx.call
            call = _Call(dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)
            dx = reference.second_order(ddx, dy, x, b, **call)
        else:
            dx = _bend(ddx, dy, x, b, *ctx.call)
        db = _summed(dx, dim, b.dtype) if b is not None and ctx.needs_input_grad[2] else None
    return (ddy, dx, db, *(None for _ in range(1 + len(ctx.call))))


def _summed(dx: Tensor, dim: int, dtype: torch.dtype | None) -> Tensor:
    """The gradient of the bias: the sum over every axis but its own.

    By torch's own reduction, which runs in the same order every time. It reads ``dx`` once more;
    where that matters, the layer's whole epilogue does it in one pass.
    """
    others = [axis for axis in range(dx.ndim) if axis != dim]
    wide = accumulating_type(dx.dtype)
    return (dx.sum(others, dtype=wide) if others else dx.to(wide)).to(dtype)


_forward.register_autograd(_differentiate, setup_context=_remember_features)
_slope.register_autograd(_differentiate_slope, setup_context=_remember_slope)
