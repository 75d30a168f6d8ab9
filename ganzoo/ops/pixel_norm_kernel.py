"""Pixel norm: its definition, and our kernels as operations that torch knows.

``ganzoo::pixel_norm`` is the forward map and ``ganzoo::pixel_norm_backward`` its gradient. Further
derivatives are plain torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels import pixel_norm as kernels
from ganzoo.backends.cupy_kernels.engine import stand_in
from ganzoo.ops.kernel_outputs import empty_as, fresh_as
from ganzoo.ops.pull_back import pull_back


def pixel_norm_kernel(x: Tensor, eps: float) -> Tensor:
    """The result of `ganzoo.ops.second_moment_norm`."""
    return _forward(x, eps)


def pixel_norm_reference(x: Tensor, eps: float) -> Tensor:
    """The definition, in plain torch."""
    y = x.to(torch.promote_types(x.dtype, torch.float32))
    return (y * (y.square().mean(1, keepdim=True) + eps).rsqrt()).to(x.dtype)


def pixel_norm_gradient(g: Tensor, x: Tensor, eps: float) -> Tensor:
    """r g - x r^3 mean(g x), with r = 1 / sqrt(mean(x^2) + eps) and means over axis 1."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    g, y = g.to(dtype), x.to(dtype)
    r = (y.square().mean(1, keepdim=True) + eps).rsqrt()
    return (r * g - y * (r**3 * (g * y).mean(1, keepdim=True))).to(x.dtype)


@torch.library.custom_op(
    "ganzoo::pixel_norm", mutates_args=(), schema="(Tensor x, float eps) -> Tensor"
)
def _forward(x: Tensor, eps: float) -> Tensor:
    if x.is_cuda or stand_in():
        return kernels.forward(x, eps)
    return fresh_as(pixel_norm_reference(x, eps), x)


@torch.library.custom_op(
    "ganzoo::pixel_norm_backward",
    mutates_args=(),
    schema="(Tensor gy, Tensor x, float eps) -> Tensor",
)
def _backward(gy: Tensor, x: Tensor, eps: float) -> Tensor:
    if x.is_cuda or stand_in():
        return kernels.gradient(gy, x, eps)
    return fresh_as(pixel_norm_gradient(gy, x, eps), x)


@_forward.register_fake
def _(x: Tensor, eps: float) -> Tensor:
    return empty_as(x)


@_backward.register_fake
def _(gy: Tensor, x: Tensor, eps: float) -> Tensor:
    return empty_as(x)


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    *tensors, ctx.eps = inputs
    ctx.save_for_backward(*tensors)


def _differentiate(ctx: Any, gy: Tensor) -> tuple:
    return _backward(gy, *ctx.saved_tensors, ctx.eps), None


def _differentiate_backward(ctx: Any, h: Tensor) -> tuple:
    def formula(gy: Tensor, x: Tensor) -> Tensor:
        return pixel_norm_gradient(gy, x, ctx.eps)

    wanted = ctx.needs_input_grad[:2]
    return (*pull_back(formula, ctx.saved_tensors, (h,), wanted), None)


_forward.register_autograd(_differentiate, setup_context=_remember)
_backward.register_autograd(_differentiate_backward, setup_context=_remember)
