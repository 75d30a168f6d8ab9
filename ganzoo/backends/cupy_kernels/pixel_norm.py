"""Host side of ``pixel_norm.cu``: dense tensors in, dense tensors out."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import (
    all_aligned,
    blocks_for,
    dense,
    dense_as,
    layout_of,
)
from ganzoo.backends.cupy_kernels.engine import engine_of
from ganzoo.backends.cupy_kernels.table import ELEMENT_NAMES, SHORT_NAMES, Kernel

SLOTS = 128  # of a block over channels side by side, as in the source


def _kernel(dtype: torch.dtype, last: bool, backward: bool) -> Kernel:
    direction, layout = "backward" if backward else "forward", "pixels" if last else "planes"
    return Kernel(
        source="pixel_norm",
        dtype=dtype,
        name=f"pixel_norm_{direction}_{layout}_{SHORT_NAMES[dtype]}",
        body=f"pixel_norm<{ELEMENT_NAMES[dtype]}, {int(last)}, {int(backward)}>",
        parameters=(
            *(("const T*", "x"), ("const T*", "g"), ("T*", "out"), ("double", "eps")),
            *(("long long", "samples"), ("long long", "channels"), ("long long", "pixels")),
            ("int", "packed"),
        ),
        barriers=last,
        max_threads=SLOTS,
    )


_TABLE = {
    (dtype, last, backward): _kernel(dtype, last, backward)
    for dtype in ELEMENT_NAMES
    for last in (False, True)
    for backward in (False, True)
}
KERNELS = tuple(_TABLE.values())


def forward(x: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean of x squared over axis 1, plus eps), for x of [N, C] or [N, C, H, W]."""
    return _run(x, None, eps)


def gradient(g: Tensor, x: Tensor, eps: float) -> Tensor:
    """The gradient of ``x``, from that of the result."""
    return _run(x, g, eps)


def _run(x: Tensor, g: Tensor | None, eps: float) -> Tensor:
    x = dense(x)
    out = torch.empty_like(x)
    if out.numel() == 0:
        return out
    g = None if g is None else dense_as(g.to(x.dtype), x)
    number, channels, *rest = x.shape
    pixels = rest[0] * rest[1] if rest else 1
    last = pixels == 1 or layout_of(x) is torch.channels_last
    pack = 16 // x.element_size()
    packed = all_aligned(x, g, out) and (channels if last else pixels) % pack == 0
    if last:
        width = min(SLOTS, 1 << (-(-channels // pack) - 1).bit_length())
        blocks = blocks_for(number * pixels, SLOTS // width)
    else:
        blocks = blocks_for(number * pixels // (pack if packed else 1), SLOTS)
    engine_of(x).launch(
        _TABLE[x.dtype, last, g is not None],
        (blocks, 1, 1),
        SLOTS,
        (x, g, out, eps, number, channels, pixels, int(packed)),
    )
    return out
