"""Host side of ``modulate.cu``: dense tensors in, dense tensors out."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import dense, dense_as
from ganzoo.backends.cupy_kernels.maps import Walk, partial_sums, small

_FORWARD = Walk.of(
    "modulate",
    "modulate_forward",
    (("const T*", "x"), ("const T*", "d"), ("T*", "out"), ("const A*", "s"), ("const A*", "t")),
)
_GRADIENT = Walk.of(
    "modulate",
    "modulate_gradient",
    (("const T*", "g"), ("const T*", "x"), ("T*", "out"), ("A*", "partial"), ("const A*", "s")),
    sums=1,
)
KERNELS = (*_FORWARD.kernels.values(), *_GRADIENT.kernels.values())


def forward(x: Tensor, styles: Tensor) -> Tensor:
    """x * styles, for x [N, C, H, W] and styles [N, C]."""
    return tangent(x, styles, x, None)


def tangent(x: Tensor, styles: Tensor, dx: Tensor | None, d_styles: Tensor | None) -> Tensor:
    """dx * styles + x * d_styles, where None is no motion; in the layout of ``x``."""
    x = dense(x)
    out = torch.empty_like(x)
    if out.numel():
        dx = None if dx is None else dense_as(dx.to(x.dtype), x)
        s, t = None if dx is None else small(styles, x), small(d_styles, x)
        moved = None if t is None else x  # what is not passed is not read
        _FORWARD(x, (dx, moved, out), dx, moved, out, s, t)
    return out


def gradient(g: Tensor, x: Tensor, styles: Tensor | None) -> tuple[Tensor | None, Tensor]:
    """g * styles (None without styles), and the sum of g * x over every map, [N, C]."""
    x = dense(x)
    result = None if styles is None else torch.empty_like(x)
    partial = partial_sums(x, 1)
    if x.numel() == 0:
        return result, partial.new_zeros(x.shape[:2])
    g = dense_as(g.to(x.dtype), x)
    _GRADIENT(x, (g, x, result), g, x, result, partial, small(styles, x))
    return result, partial.sum((0, 1))
