"""Host side of ``adain.cu``: dense tensors in, dense tensors out."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import dense, dense_as
from ganzoo.backends.cupy_kernels.maps import Walk, chunk_of, partial_sums, small
from ganzoo.backends.cupy_kernels.table import accumulating_type

_MOMENTS = Walk.of("adain", "adain_moments", (("const T*", "x"), ("A*", "partial")), sums=2)
_FORWARD = Walk.of(
    "adain",
    "adain_forward",
    (
        *(("const T*", "x"), ("T*", "out")),
        *(("const A*", name) for name in ("mean", "factor", "offset")),
    ),
)
_SUMS = Walk.of(
    "adain",
    "adain_sums",
    (
        *(("const T*", "g"), ("const T*", "x"), ("A*", "partial")),
        *(("const A*", "mean"), ("const A*", "rstd")),
    ),
    sums=2,
)
_GRADIENT = Walk.of(
    "adain",
    "adain_gradient",
    (
        *(("const T*", "g"), ("const T*", "x"), ("T*", "out")),
        *(("const A*", name) for name in ("mean", "factor", "a", "b")),
    ),
)
KERNELS = tuple(
    kernel for walk in (_MOMENTS, _FORWARD, _SUMS, _GRADIENT) for kernel in walk.kernels.values()
)


def moments(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / sqrt(variance + eps) of every map, [N, C] each, in the accumulating type.

    Chunks of a map have moments about their first pixel, which are then put together exactly.
    """
    x = dense(x)
    number, channels, height, width = x.shape
    pixels, dtype = height * width, accumulating_type(x.dtype)
    if x.numel() == 0:
        shape = (number, channels)
        return x.new_zeros(shape, dtype=dtype), x.new_zeros(shape, dtype=dtype)
    partial = partial_sums(x, 2)
    _MOMENTS(x, (x,), x, partial)
    span = chunk_of(x)
    firsts = torch.arange(0, pixels, span, device=x.device)
    counts = (pixels - firsts).clamp(max=span).to(dtype)[:, None, None]
    first = x[:, :, firsts // width, firsts % width].to(dtype).permute(2, 0, 1)  # [chunks, N, C]
    sums, squares = partial[:, 0], partial[:, 1]
    means = first + sums / counts
    squares = squares - sums.square() / counts  # about the chunk's own mean
    mean = (means * counts).sum(0) / pixels
    variance = (squares + counts * (means - mean).square()).sum(0) / pixels
    return mean, (variance.clamp(min=0) + eps).rsqrt()


def forward(x: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, rstd: Tensor) -> Tensor:
    """scale * (x - mean) * rstd + offset; all but ``x`` are [N, C]."""
    x = dense(x)
    out = torch.empty_like(x)
    if out.numel():
        factor = scale.to(rstd.dtype) * rstd
        _FORWARD(x, (x, out), x, out, mean.contiguous(), factor, small(offset, x))
    return out


def gradient(
    g: Tensor, x: Tensor, scale: Tensor, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, scale and offset; the latter two in the accumulating type."""
    x = dense(x)
    out = torch.empty_like(x)
    partial = partial_sums(x, 2)
    if x.numel() == 0:
        zero = partial.new_zeros(x.shape[:2])
        return out, zero, zero.clone()
    g = dense_as(g.to(x.dtype), x)
    mean, rstd = mean.contiguous(), rstd.contiguous()
    _SUMS(x, (g, x), g, x, partial, mean, rstd)
    g_offset, g_scale = partial.sum(0).unbind(0)
    pixels = x.shape[2] * x.shape[3]
    a, b = g_offset / pixels, g_scale * rstd / pixels
    factor = scale.to(rstd.dtype) * rstd
    _GRADIENT(x, (g, x, out), g, x, out, mean, factor, a.contiguous(), b)
    return out, g_scale.clone(), g_offset.clone()  # views may not leave an operation
