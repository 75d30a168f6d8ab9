"""Modulation by our kernels, as operations that torch knows.

``ganzoo::modulate`` is bilinear, and ``ganzoo::modulate_backward`` its gradient; the gradient's own
gradient takes the same kernels, and further derivatives are plain torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels import modulate as kernels
from ganzoo.backends.cupy_kernels.engine import stand_in
from ganzoo.ops.kernel_outputs import empty_as, fresh_as
from ganzoo.ops.layer_epilogue_reference import per_map
from ganzoo.ops.pull_back import pull_back


def modulate_kernel(x: Tensor, styles: Tensor) -> Tensor:
    """x * styles, [N, C, H, W] and [N, C]."""
    return _forward(x, styles)


def modulate_reference(x: Tensor, styles: Tensor) -> Tensor:
    """The definition, in plain torch."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    return (x.to(dtype) * per_map(styles, dtype)).to(x.dtype)


@torch.library.custom_op(
    "ganzoo::modulate", mutates_args=(), schema="(Tensor x, Tensor styles) -> Tensor"
)
def _forward(x: Tensor, styles: Tensor) -> Tensor:
    if x.is_cuda or stand_in():
        return kernels.forward(x, styles)
    return fresh_as(modulate_reference(x, styles), x)


@torch.library.custom_op(
    "ganzoo::modulate_backward",
    mutates_args=(),
    schema="(Tensor gy, Tensor x, Tensor styles) -> (Tensor, Tensor)",
)
def _backward(gy: Tensor, x: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
    if x.is_cuda or stand_in():
        gx, sums = kernels.gradient(gy, x, styles)
        assert gx is not None
        return gx, sums.to(styles.dtype)
    gx, sums = _gradient(gy, x, styles)
    return fresh_as(gx, x), sums


def _gradient(gy: Tensor, x: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of x and styles in plain torch."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    gx = modulate_reference(gy.to(x.dtype), styles)
    return gx, (gy.to(dtype) * x.to(dtype)).sum((2, 3)).to(styles.dtype)


@_forward.register_fake
def _(x: Tensor, styles: Tensor) -> Tensor:
    return empty_as(x)


@_backward.register_fake
def _(gy: Tensor, x: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
    return empty_as(x), torch.empty(styles.shape, dtype=styles.dtype, device=x.device)


def _remember(ctx: Any, inputs: tuple, output: Any) -> None:
    ctx.save_for_backward(*inputs)
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, gy: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    if gy is None:
        return None, None
    gx, gs = _backward(gy, *ctx.saved_tensors)
    return gx, gs


def _differentiate_backward(ctx: Any, hx: Tensor | None, hs: Tensor | None) -> Any:
    gy, x, styles = ctx.saved_tensors
    wanted = ctx.needs_input_grad
    if hx is None and hs is None:
        return None, None, None
    if torch.is_grad_enabled() or not (x.is_cuda or stand_in()):
        return tuple(pull_back(_gradient, (gy, x, styles), (hx, hs), wanted))
    ggy = gx = gs = None
    if wanted[0]:
        ggy = kernels.tangent(x, styles, hx, hs)
    if wanted[1] and hs is not None:
        gx = kernels.forward(gy.to(x.dtype), hs)
    if wanted[2] and hx is not None:
        gs = kernels.gradient(gy, hx, None)[1].to(styles.dtype)
    return ggy, gx, gs


_forward.register_autograd(_differentiate, setup_context=_remember)
_backward.register_autograd(_differentiate_backward, setup_context=_remember)
