"""Host side of ``upfirdn2d.cu``: which kernel a filter and its factors take."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import all_aligned, blocks_for, dense, layout_of
from ganzoo.backends.cupy_kernels.engine import engine_of
from ganzoo.backends.cupy_kernels.separation import Taps, separated
from ganzoo.backends.cupy_kernels.table import ELEMENT_NAMES, SHORT_NAMES, Kernel, accumulating_type

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]

TILED_FACTORS = ((1, 1), (2, 1), (1, 2))
"""(up, down), the same along both axes, that have kernels of their own for up to four taps."""

MOST_TAPS = 4
BLOCK = 256
MOST_TILES = 2**31 - 1
_FOUR_TAPS = (
    *(("int", "taps_x"), ("int", "taps_y")),
    *(("double", f"{axis}{k}") for axis in "xy" for k in range(MOST_TAPS)),
)
_SIZES = (("int", "h"), ("int", "w"))
_OUT_SIZES = (("int", "oh"), ("int", "ow"))
_PADS = (("int", "pad_x"), ("int", "pad_y"))
_IMAGES = (("const T*", "x"), ("T*", "out"))


def _planes(dtype: torch.dtype, up: int, down: int) -> Kernel:
    return Kernel(
        source="upfirdn2d",
        dtype=dtype,
        name=f"upfirdn2d_planes_{SHORT_NAMES[dtype]}_u{up}_d{down}",
        body=f"upfirdn2d_planes<{ELEMENT_NAMES[dtype]}, {up}, {down}>",
        parameters=(
            *(*_IMAGES, ("long long", "planes"), *_SIZES),
            *(*_OUT_SIZES, *_PADS, *_FOUR_TAPS, ("int", "packed")),
        ),
        barriers=True,
        max_threads=BLOCK,
    )


def _last(dtype: torch.dtype, up: int, down: int, width: int) -> Kernel:
    return Kernel(
        source="upfirdn2d",
        dtype=dtype,
        name=f"upfirdn2d_last_{SHORT_NAMES[dtype]}_u{up}_d{down}_w{width}",
        body=f"upfirdn2d_last<{ELEMENT_NAMES[dtype]}, {up}, {down}, {width}>",
        parameters=(
            *(*_IMAGES, ("long long", "n"), *_SIZES, ("int", "c")),
            *(*_OUT_SIZES, *_PADS, *_FOUR_TAPS),
        ),
        barriers=False,
        max_threads=BLOCK,
    )


def _general(dtype: torch.dtype) -> Kernel:
    factors = tuple(("int", f"{name}_{axis}") for name in ("up", "down") for axis in "xy")
    return Kernel(
        source="upfirdn2d",
        dtype=dtype,
        name=f"upfirdn2d_general_{SHORT_NAMES[dtype]}",
        body=f"upfirdn2d_general<{ELEMENT_NAMES[dtype]}>",
        parameters=(
            *(("const T*", "x"), ("const A*", "f"), ("T*", "out")),
            *(("long long", "n"), ("long long", "c"), *_SIZES, *_OUT_SIZES),
            *(("int", "fh"), ("int", "fw"), *factors, *_PADS),
            *(("int", "flip"), ("double", "gain"), ("int", "last")),
        ),
        barriers=False,
        max_threads=BLOCK,
    )


def _pack(dtype: torch.dtype) -> int:
    return 16 // dtype.itemsize


_PLANES = {(t, *f): _planes(t, *f) for t in ELEMENT_NAMES for f in TILED_FACTORS}
_LAST = {
    (t, *f, width): _last(t, *f, width)
    for t in ELEMENT_NAMES
    for f in TILED_FACTORS
    for width in (1, _pack(t))
}
_GENERAL = {t: _general(t) for t in ELEMENT_NAMES}
KERNELS = (*_PLANES.values(), *_LAST.values(), *_GENERAL.values())


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Pair,
    down: Pair,
    padding: Padding,
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """The operation of `ganzoo.ops.upfirdn2d`, with every argument spelled out.

    Filters of up to four taps an axis that are an outer product take the tiled kernels; their
    taps are read from the device once, when a filter is first seen. Longer one-dimensional
    filters run as two passes.

    Args:
        x: [N, C, H, W].
        f: [KH, KW], or [K] for the same taps along both axes, or None for none.
        up: (along x, along y).
        down: (along x, along y).
        padding: (left, right, top, bottom) on the upsampled grid.
        flip_filter: False is true convolution, True is correlation.
        gain: total factor.

    Returns:
        [N, C, H', W'] in the layout of ``x``.
    """
    x = dense(x)
    layout = layout_of(x)  # of one pixel, as the first of two passes may make, none can be told
    taps = separated(f)
    factors = (up[0], down[0])
    if taps is not None and (up[1], down[1]) == factors and factors in TILED_FACTORS:
        return _tiled(x, taps, factors, padding, flip_filter, gain)
    if f is None:
        f = x.new_ones((1, 1))
    if f.ndim == 2:
        return _by_general(x, layout, f, up, down, padding, flip_filter, gain)
    root, sign = sqrt(abs(gain)), -1 if gain < 0 else 1
    across, along = (*padding[:2], 0, 0), (0, 0, *padding[2:])
    x = _by_general(x, layout, f[None, :], (up[0], 1), (down[0], 1), across, flip_filter, root)
    return _by_general(
        x, layout, f[:, None], (1, up[1]), (1, down[1]), along, flip_filter, sign * root
    )


def output_shape(x: Tensor, f: Tensor | None, up: Pair, down: Pair, padding: Padding) -> list[int]:
    """[N, C, H', W'] of the result."""
    number, channels, height, width = x.shape
    taps_x, taps_y = (1, 1) if f is None else (f.shape[-1], f.shape[0])
    left, right, top, bottom = padding
    return [
        number,
        channels,
        (height * up[1] + top + bottom - taps_y) // down[1] + 1,
        (width * up[0] + left + right - taps_x) // down[0] + 1,
    ]


def _empty(x: Tensor, layout: torch.memory_format, shape: list[int]) -> Tensor:
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout)


def _tiled(
    x: Tensor, filter: Taps, factors: Pair, padding: Padding, flip_filter: bool, gain: float
) -> Tensor:
    up, down = factors
    along_x, along_y = filter.ordered(flip_filter, gain)
    left, right, top, bottom = padding
    number, channels, height, width = x.shape
    out_height = (height * up + top + bottom - len(along_y)) // down + 1
    out_width = (width * up + left + right - len(along_x)) // down + 1
    layout = layout_of(x)
    out = _empty(x, layout, [number, channels, out_height, out_width])
    if x.numel() == 0 or out.numel() == 0:
        return out.zero_()
    taps = (len(along_x), len(along_y), *_four(along_x), *_four(along_y))
    rest = (out_height, out_width, left, top, *taps)
    if layout is torch.channels_last:
        pack = _pack(x.dtype)
        per_thread = pack if channels % pack == 0 and all_aligned(x, out) else 1
        threads = number * -(-out_height // 4) * out_width * (channels // per_thread)
        engine_of(x).launch(
            _LAST[(x.dtype, *factors, per_thread)],
            (blocks_for(threads, BLOCK), 1, 1),
            BLOCK,
            (x, out, number, height, width, channels, *rest),
        )
        return out
    packed = width % _pack(x.dtype) == 0 and all_aligned(x)
    tile_height, tile_width = (16, 32) if down == 2 else (32, 64)
    tiles = number * channels * -(-out_height // tile_height) * -(-out_width // tile_width)
    engine_of(x).launch(
        _PLANES[(x.dtype, *factors)],
        (min(tiles, MOST_TILES), 1, 1),
        BLOCK,
        (x, out, number * channels, height, width, *rest, int(packed)),
    )
    return out


def _by_general(
    x: Tensor,
    layout: torch.memory_format,
    f: Tensor,
    up: Pair,
    down: Pair,
    padding: Padding,
    flip_filter: bool,
    gain: float,
) -> Tensor:
    number, channels, height, width = x.shape
    shape = output_shape(x, f, up, down, padding)
    out = _empty(x, layout, shape)
    if x.numel() == 0 or out.numel() == 0:
        return out.zero_()
    taps = f.to(device=x.device, dtype=accumulating_type(x.dtype)).contiguous()
    last = layout is torch.channels_last
    engine_of(x).launch(
        _GENERAL[x.dtype],
        (blocks_for(out.numel(), BLOCK), 1, 1),
        BLOCK,
        (
            *(x, taps, out, number, channels, height, width, *shape[2:], *taps.shape),
            *(*up, *down, padding[0], padding[2], int(flip_filter), gain, int(last)),
        ),
    )
    return out


def _four(taps: tuple[float, ...]) -> tuple[float, ...]:
    """Taps with something behind the last one, for kernels that are told how many there are."""
    return taps + (0.0,) * (MOST_TAPS - len(taps))
