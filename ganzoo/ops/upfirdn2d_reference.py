"""Resampling step by step, as it is defined: the slow twin of every faster way."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import layout_of
from ganzoo.backends.cupy_kernels.table import accumulating_type
from ganzoo.ops.full_precision import autocast_off
from ganzoo.ops.resampling_geometry import Padding, Pair, pad_or_crop


def upfirdn2d_reference(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Pair,
    down: Pair,
    padding: Padding,
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """Zero-insertion, padding, correlation and decimation, one after another.

    Half-precision images are filtered in float32 and rounded once. Autograd differentiates it, to
    any order.
    """
    dtype = accumulating_type(x.dtype)
    number, channels, height, width = x.shape
    y = x.to(dtype).reshape(number * channels, 1, height, 1, width, 1)
    y = F.pad(y, (0, up[0] - 1, 0, 0, 0, up[1] - 1))
    y = pad_or_crop(y.reshape(number * channels, 1, height * up[1], width * up[0]), padding)
    taps = x.new_ones(1, 1, dtype=dtype) if f is None else f.detach().to(dtype)
    if taps.ndim == 1:
        taps = torch.outer(taps, taps)
    if not flip_filter:
        taps = taps.flip((0, 1))
    with autocast_off(x):
        y = F.conv2d(y, (taps * gain)[None, None])
    y = y[:, :, :: down[1], :: down[0]]
    y = y.reshape(number, channels, *y.shape[2:]).to(x.dtype)
    return y.contiguous(memory_format=layout_of(x))
