"""Host side of ``layer_epilogue.cu``: dense tensors in, dense tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import dense, dense_as
from ganzoo.backends.cupy_kernels.maps import Walk, partial_sums, small

SUMS = 5
"""Of e, e x, e z, g y and e h, as in the source."""

_LAYER = (
    ("long long", "noise_step"),
    ("int", "strength_step"),
    ("double", "alpha"),
    ("double", "gain"),
    ("double", "clamp"),
    ("int", "from_y"),
)
_READS = (
    ("const A*", "factors"),
    ("const A*", "noise"),
    ("const A*", "strength"),
    ("const A*", "bias"),
)
_FORWARD = Walk.of(
    "layer_epilogue",
    "epilogue_forward",
    (("const T*", "x"), ("T*", "out"), *_READS, ("const A*", "styles"), *_LAYER),
)
_TANGENT = Walk.of(
    "layer_epilogue",
    "epilogue_tangent",
    (
        *(("const T*", "x"), ("const T*", "dx"), ("T*", "out"), *_READS),
        *(("const A*", name) for name in ("styles", "d_factors", "d_strength", "d_bias")),
        *(("const A*", "d_styles"), *_LAYER),
    ),
)
_GRADIENT = Walk.of(
    "layer_epilogue",
    "epilogue_gradient",
    (
        *(("const T*", "x"), ("const T*", "g"), ("const T*", "h"), ("T*", "out")),
        *(("A*", "partial"), *_READS, ("const A*", "weights"), *_LAYER, ("int", "unwanted")),
    ),
    sums=SUMS,
)
KERNELS = tuple(
    kernel for walk in (_FORWARD, _TANGENT, _GRADIENT) for kernel in walk.kernels.values()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What stands between a convolution and the result, apart from the next layer's styles.

    Shapes are those of `ganzoo.ops.layer_epilogue`. ``alpha`` is the slope of negative values: 1
    for no activation, 0 for relu. ``from_y`` says that derivatives are given the result in the
    place of ``x``: for a layer without factors and styles, gain above 0 and alpha not below.
    """

    factors: Tensor | None
    noise: Tensor | None
    strength: Tensor | None
    bias: Tensor | None
    alpha: float
    gain: float
    clamp: float | None
    from_y: bool = False

    def reads(self, x: Tensor) -> tuple[Tensor | None, ...]:
        """The small tensors, as the kernels take them."""
        return tuple(small(t, x) for t in (self.factors, self.noise, self.strength, self.bias))

    def numbers(self) -> tuple[int | float, ...]:
        """The numbers, as the kernels take them."""
        maps = 0 if self.noise is None or self.noise.shape[0] == 1 else self.noise[0].numel()
        per_channel = self.strength is not None and self.strength.ndim > 0
        clamp = -1.0 if self.clamp is None else self.clamp
        return (maps, int(per_channel), self.alpha, self.gain, clamp, int(self.from_y))


def forward(x: Tensor, layer: Layer, styles: Tensor | None) -> Tensor:
    """The result, in the layout of ``x`` [N, C, H, W]; ``styles`` is [N, C] or None."""
    x = dense(x)
    out = torch.empty_like(x)
    if out.numel():
        reads, styles = layer.reads(x), small(styles, x)
        _FORWARD(x, (x, out), x, out, *reads, styles, *layer.numbers())
    return out


def tangent(
    x: Tensor,
    layer: Layer,
    styles: Tensor | None,
    dx: Tensor | None,
    d_factors: Tensor | None,
    d_strength: Tensor | None,
    d_bias: Tensor | None,
    d_styles: Tensor | None,
) -> Tensor:
    """How the result moves when the arguments move along these directions; None is no motion."""
    x = dense(x)
    out = torch.empty_like(x)
    if out.numel():
        dx = None if dx is None else dense_as(dx.to(x.dtype), x)
        directions = (small(d, x) for d in (styles, d_factors, d_strength, d_bias, d_styles))
        _TANGENT(x, (x, dx, out), x, dx, out, *layer.reads(x), *directions, *layer.numbers())
    return out


def gradient(
    g: Tensor,
    x: Tensor,
    layer: Layer,
    weights: Tensor | None,
    h: Tensor | None = None,
    *,
    out: bool = True,
    wanted: Sequence[bool] = (True,) * 4,
) -> tuple[Tensor | None, Tensor]:
    """One pass of the backward map, with e = g times the slope at ``x``.

    Args:
        g: [N, C, H, W], gradient of the result before the styles.
        x: [N, C, H, W]; or the result, where the layer says so.
        layer: the rest of the arguments.
        weights: [N, C], factors of the first result, or None.
        h: [N, C, H, W], for the last of the sums, or None.
        out: whether the first result is wanted.
        wanted: which of the first four sums are.

    Returns:
        e * weights, and [5, N, C]: the sums over every map of e, e x, e z, g y and e h, in the
        accumulating type; zero where a sum is not wanted.
    """
    x = dense(x)
    result = torch.empty_like(x) if out else None
    partial = partial_sums(x, SUMS)
    if x.numel() == 0:
        return result, partial.new_zeros(partial.shape[1:])
    g = dense_as(g.to(x.dtype), x)
    h = None if h is None else dense_as(h.to(x.dtype), x)
    reads, weights = layer.reads(x), small(weights, x)
    tensors = (x, g, h, result)
    unwanted = sum(1 << q for q, asked in enumerate((*wanted, h is not None)) if not asked)
    _GRADIENT(x, tensors, *tensors, partial, *reads, weights, *layer.numbers(), unwanted)
    return result, partial.sum(0)
