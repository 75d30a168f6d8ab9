"""Adaptive instance normalization: each map takes its mean and deviation from a style."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.ops.adain_kernel import adain_gradient, adain_kernel, adain_reference
from ganzoo.ops.implementation import Impl, choose
from ganzoo.ops.layer_epilogue_reference import per_map
from ganzoo.ops.map_blocks import MapBlocks
from ganzoo.ops.pull_back import pull_back


def adain(
    x: Tensor, scale: Tensor, offset: Tensor, eps: float = 1e-8, impl: Impl = "auto"
) -> Tensor:
    """scale * (x - mean) / sqrt(var + eps) + offset (StyleGAN, Eq. 1).

    Mean and biased variance are those of a sample's own map, taken in at least float32.

    Args:
        x: [N, C, H, W].
        scale: [N, C].
        offset: [N, C].
        eps: keeps a constant map finite.
        impl: who computes it; see `ganzoo.ops.implementation`.

    Returns:
        [N, C, H, W], in the type and layout of ``x``.

    Raises:
        ValueError: scale or offset do not fit the maps.
        BackendError: ``impl="cupy"`` where the kernel cannot run.
    """
    if x.ndim != 4 or scale.shape != x.shape[:2] or offset.shape != x.shape[:2]:
        raise ValueError(
            f"scale and offset have the shapes {tuple(scale.shape)!r} and {tuple(offset.shape)!r} "
            f"for an x of {tuple(x.shape)!r}; expected [N, C] both, and [N, C, H, W]"
        )
    choice = choose("adain", x, impl)
    if choice == "cupy":
        return adain_kernel(x, scale, offset, eps)
    if choice == "reference" or torch.compiler.is_compiling():
        return adain_reference(x, scale, offset, eps)
    if torch.is_grad_enabled() and (x.requires_grad or scale.requires_grad or offset.requires_grad):
        y: Tensor = _Adain.apply(x, scale, offset, eps)
        return y
    return _forward(x, scale, offset, eps)[0]


class _Adain(torch.autograd.Function):
    """Keeps ``x`` and the moments, where autograd would keep the centred and normalized maps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, offset: Tensor, eps: float) -> Tensor:
        y, mean, rstd = _forward(x, scale, offset, eps)
        ctx.save_for_backward(x, scale, offset, mean, rstd)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return (*_AdainGradient.apply(*gradients, *ctx.saved_tensors, ctx.eps), None)


class _AdainGradient(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gy: Tensor,
        x: Tensor,
        scale: Tensor,
        offset: Tensor,
        mean: Tensor,
        rstd: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(gy, x, scale, offset)
        ctx.eps = eps
        ctx.set_materialize_grads(False)
        return _gradient(gy, x, scale, offset, mean, rstd)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Any:
        def formula(gy: Tensor, x: Tensor, scale: Tensor, offset: Tensor) -> tuple[Tensor, ...]:
            return adain_gradient(gy, x, scale, offset, ctx.eps)

        wanted = ctx.needs_input_grad[:4]
        return (*pull_back(formula, ctx.saved_tensors, cotangents, wanted), None, None, None)


def _forward(x: Tensor, scale: Tensor, offset: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """The result, and mean and 1 / deviation of every map, [N, C, 1, 1]."""
    work = torch.promote_types(x.dtype, torch.float32)
    y = torch.empty_like(x)
    mean, rstd = (x.new_zeros(*x.shape[:2], 1, 1, dtype=work) for _ in range(2))
    blocks = MapBlocks(x, work, whole_maps=True)
    for at in blocks:
        v = blocks.room(0, x[at])
        source = blocks.as_work(x[at], 0)
        middle = torch.mean(source, (2, 3), keepdim=True)
        torch.sub(source, middle, out=v)
        square = torch.mul(v, v, out=blocks.room(1, v)).mean((2, 3), keepdim=True)
        mean[at[0]], rstd[at[0]] = middle, square.add_(eps).rsqrt_()
        v.mul_(per_map(scale[at[0]], work) * rstd[at[0]])
        v.add_(per_map(offset[at[0]], work))
        y[at].copy_(v)
    return y, mean, rstd


def _gradient(
    gy: Tensor, x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The formula of `adain_gradient`, block by block."""
    work = mean.dtype
    gx = torch.empty_like(x)
    g_scale, g_offset = (x.new_zeros(x.shape[:2], dtype=work) for _ in range(2))
    pixels = x.shape[2] * x.shape[3]
    blocks = MapBlocks(x, work, whole_maps=True)
    for at in blocks:
        g = blocks.as_work(gy[at], 0)
        v = torch.sub(blocks.as_work(x[at], 1), mean[at[0]], out=blocks.room(1, g))
        v.mul_(rstd[at[0]])
        product = torch.mul(g, v, out=blocks.room(2, g)).sum((2, 3))
        total = g.sum((2, 3))
        g_scale[at[0]], g_offset[at[0]] = product, total
        e = torch.addcmul(g, v, product[:, :, None, None], value=-1 / pixels, out=blocks.room(2, g))
        e.sub_(total[:, :, None, None], alpha=1 / pixels)
        gx[at].copy_(e.mul_(per_map(scale[at[0]], work) * rstd[at[0]]))
    return gx, g_scale.to(scale.dtype), g_offset.to(offset.dtype)
