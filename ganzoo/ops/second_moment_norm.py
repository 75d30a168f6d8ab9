"""Pixel norm: features of unit second moment (ProGAN, Sec. 4.2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.ops.implementation import Impl, choose
from ganzoo.ops.pixel_norm_kernel import (
    pixel_norm_gradient,
    pixel_norm_kernel,
    pixel_norm_reference,
)
from ganzoo.ops.pull_back import pull_back


def second_moment_norm(x: Tensor, eps: float = 1e-8, impl: Impl = "auto") -> Tensor:
    """x / sqrt(mean of x squared over axis 1, plus eps), the mean in at least float32.

    Args:
        x: [N, C] latents or [N, C, H, W] features.
        eps: keeps a zero vector finite.
        impl: who computes it; see `ganzoo.ops.implementation`. The kernel is called pixel_norm.

    Returns:
        The shape, type and layout of ``x``.

    Raises:
        ValueError: ``x`` has another number of axes.
        BackendError: ``impl="cupy"`` where the kernel cannot run.
    """
    if x.ndim not in (2, 4):
        raise ValueError(f"x has the shape {tuple(x.shape)!r}; expected [N, C] or [N, C, H, W]")
    choice = choose("pixel_norm", x, impl)
    if choice == "cupy":
        return pixel_norm_kernel(x, eps)
    differentiated = torch.is_grad_enabled() and x.requires_grad
    if choice == "torch" and differentiated and not torch.compiler.is_compiling():
        y: Tensor = _PixelNorm.apply(x, eps)
        return y
    return pixel_norm_reference(x, eps)


class _PixelNorm(torch.autograd.Function):
    """Keeps ``x`` alone; autograd would keep a copy in float32 and its squares' mean too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.eps = eps
        return pixel_norm_reference(x, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _PixelNormGradient.apply(*gradients, *ctx.saved_tensors, ctx.eps), None


class _PixelNormGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gy: Tensor, x: Tensor, eps: float) -> Tensor:
        ctx.save_for_backward(gy, x)
        ctx.eps = eps
        return pixel_norm_gradient(gy, x, eps)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        def formula(gy: Tensor, x: Tensor) -> Tensor:
            return pixel_norm_gradient(gy, x, ctx.eps)

        wanted = ctx.needs_input_grad[:2]
        return (*pull_back(formula, ctx.saved_tensors, cotangents, wanted), None)
