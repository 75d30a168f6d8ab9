"""Adaptive instance normalization: its definition, and our kernels as operations torch knows.

``ganzoo::adain`` is the forward map, which returns the moments too, and ``ganzoo::adain_backward``
its gradient. Further derivatives are plain torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels import adain as kernels
from ganzoo.backends.cupy_kernels.engine import stand_in
from ganzoo.ops.kernel_outputs import empty_as, fresh_as
from ganzoo.ops.layer_epilogue_reference import per_map
from ganzoo.ops.pull_back import pull_back


def adain_kernel(x: Tensor, scale: Tensor, offset: Tensor, eps: float) -> Tensor:
    """The result of `ganzoo.ops.adain`."""
    y, _, _ = _forward(x, scale, offset, eps)
    return y


def adain_reference(x: Tensor, scale: Tensor, offset: Tensor, eps: float) -> Tensor:
    """The definition, in plain torch."""
    normalized, _ = _normalized(x, eps)
    dtype = normalized.dtype
    return torch.addcmul(per_map(offset, dtype), normalized, per_map(scale, dtype)).to(x.dtype)


def adain_gradient(
    gy: Tensor, x: Tensor, scale: Tensor, offset: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, scale and offset, in plain torch.

    With x' the normalized map and means over its pixels,

        gx = scale / sqrt(var + eps) * (gy - mean(gy) - x' mean(gy x')).
    """
    normalized, rstd = _normalized(x, eps)
    g = gy.to(normalized.dtype)
    product = g * normalized
    centred = g - g.mean((2, 3), keepdim=True)
    centred = centred - normalized * product.mean((2, 3), keepdim=True)
    gx = (centred * rstd * per_map(scale, g.dtype)).to(x.dtype)
    return gx, product.sum((2, 3)).to(scale.dtype), g.sum((2, 3)).to(offset.dtype)


def _normalized(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Every map less its mean, over its deviation; and one over the deviation, [N, C, 1, 1]."""
    y = x.to(torch.promote_types(x.dtype, torch.float32))
    y = y - y.mean((2, 3), keepdim=True)
    rstd = (y.square().mean((2, 3), keepdim=True) + eps).rsqrt()
    return y * rstd, rstd


@torch.library.custom_op(
    "ganzoo::adain",
    mutates_args=(),
    schema="(Tensor x, Tensor scale, Tensor offset, float eps) -> (Tensor, Tensor, Tensor)",
)
def _forward(x: Tensor, scale: Tensor, offset: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    if x.is_cuda or stand_in():
        mean, rstd = kernels.moments(x, eps)
        return kernels.forward(x, scale, offset, mean, rstd), mean, rstd
    y = x.to(torch.promote_types(x.dtype, torch.float32))
    variance, mean = torch.var_mean(y, (2, 3), correction=0)
    return fresh_as(adain_reference(x, scale, offset, eps), x), mean, (variance + eps).rsqrt()


@torch.library.custom_op(
    "ganzoo::adain_backward",
    mutates_args=(),
    schema=(
        "(Tensor gy, Tensor x, Tensor scale, Tensor offset, Tensor mean, Tensor rstd, float eps) "
        "-> (Tensor, Tensor, Tensor)"
    ),
)
def _backward(
    gy: Tensor, x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, rstd: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    if x.is_cuda or stand_in():
        gx, g_scale, g_offset = kernels.gradient(gy, x, scale, mean, rstd)
        return gx, g_scale.to(scale.dtype), g_offset.to(offset.dtype)
    gx, g_scale, g_offset = adain_gradient(gy, x, scale, offset, eps)
    return fresh_as(gx, x), g_scale, g_offset


@_forward.register_fake
def _(x: Tensor, scale: Tensor, offset: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    dtype = torch.promote_types(x.dtype, torch.float32)
    mean, rstd = (x.new_empty(x.shape[:2], dtype=dtype) for _ in range(2))
    return empty_as(x), mean, rstd


@_backward.register_fake
def _(
    gy: Tensor, x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, rstd: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    return (
        empty_as(x),
        x.new_empty(scale.shape, dtype=scale.dtype),
        x.new_empty(offset.shape, dtype=offset.dtype),
    )


def _remember(ctx: Any, inputs: tuple, output: tuple) -> None:
    x, scale, offset, ctx.eps = inputs
    _, mean, rstd = output
    ctx.mark_non_differentiable(mean, rstd)
    ctx.save_for_backward(x, scale, offset, mean, rstd)


def _differentiate(ctx: Any, gy: Tensor, *moments: Any) -> tuple:
    return (*_backward(gy, *ctx.saved_tensors, ctx.eps), None)


def _remember_backward(ctx: Any, inputs: tuple, output: tuple) -> None:
    *tensors, _, _, ctx.eps = inputs  # the moments are functions of x
    ctx.save_for_backward(*tensors)
    ctx.set_materialize_grads(False)


def _differentiate_backward(ctx: Any, *cotangents: Tensor | None) -> tuple:
    def formula(gy: Tensor, x: Tensor, scale: Tensor, offset: Tensor) -> tuple[Tensor, ...]:
        return adain_gradient(gy, x, scale, offset, ctx.eps)

    wanted = ctx.needs_input_grad[:4]
    return (*pull_back(formula, ctx.saved_tensors, cotangents, wanted), None, None, None)


_forward.register_autograd(_differentiate, setup_context=_remember)
_backward.register_autograd(_differentiate_backward, setup_context=_remember_backward)
