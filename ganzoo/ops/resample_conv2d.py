"""Convolution of an upsampled or downsampled image, without ever making the larger one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.ops.conv2d import conv2d
from ganzoo.ops.implementation import Impl
from ganzoo.ops.map_blocks import is_channels_last
from ganzoo.ops.resampling_geometry import (
    add_padding,
    as_padding,
    downsampling_padding,
    pad_or_crop,
    upsampling_padding,
)
from ganzoo.ops.upfirdn2d import upfirdn2d


def resample_conv2d(
    x: Tensor,
    w: Tensor,
    f: Tensor | None = None,
    *,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    groups: int = 1,
    flip_weight: bool = True,
    impl: Impl = "auto",
) -> Tensor:
    """Upsample with ``f``, convolve with ``w``, downsample with ``f``.

    The filter and the convolution commute, so each is done where the image is small: a transposed
    convolution and then the filter when upsampling, the filter and then a strided convolution
    when downsampling, and a 1x1 convolution on whichever side has fewer pixels. The results
    differ from the written order by rounding only.

    Args:
        x: [N, I, H, W].
        w: [O, I / groups, k, k].
        f: filter that sums to one, as in `upfirdn2d`; None for no filter.
        up: factor before the convolution.
        down: factor after the convolution.
        padding: relative to the upsampled image: one number, (x, y), or
            (left, right, top, bottom). ``k // 2`` keeps the size, times up, by down.
        groups: independent groups of channels.
        flip_weight: True is correlation, as in `torch.nn.functional.conv2d`; False is true
            convolution. Published StyleGAN2 upsampling weights are meant for False.
        impl: who filters, as in `upfirdn2d`; the convolution is torch's in any case.

    Returns:
        [N, O, H', W'].

    Raises:
        ValueError: a factor is less than 1, or an argument has the wrong shape.
    """
    if up < 1 or down < 1:
        raise ValueError(f"up is {up!r} and down is {down!r}; expected factors of at least 1")
    if w.ndim != 4 or x.ndim != 4 or x.shape[1] != w.shape[1] * groups:
        raise ValueError(
            f"x has the shape {tuple(x.shape)!r} and w {tuple(w.shape)!r} in {groups!r} group(s); "
            "expected [N, I, H, W] and [O, I / groups, k, k]"
        )
    pads = as_padding(padding)
    if up > 1:
        pads = add_padding(pads, upsampling_padding(f, (up, up)))
    if down > 1:
        pads = add_padding(pads, downsampling_padding(f, (down, down)))

    height, width = w.shape[2:]
    pointwise = height == width == 1
    if up == 1 and down == 1:
        return _convolve(x, w, pads=pads, groups=groups, flip_weight=flip_weight)
    if up == 1 and pointwise:
        x = upfirdn2d(x, f, down=down, padding=pads, impl=impl)
        return _convolve(x, w, groups=groups, flip_weight=flip_weight)
    if up == 1:
        x = upfirdn2d(x, f, padding=pads, impl=impl)
        return _convolve(x, w, stride=down, groups=groups, flip_weight=flip_weight)
    if down == 1 and pointwise:
        x = _convolve(x, w, groups=groups, flip_weight=flip_weight)
        return upfirdn2d(x, f, up=up, padding=pads, gain=up**2, impl=impl)

    # The transposed convolution yields every overlap of the kernel: (H - 1) * up + k rows.
    left, right = pads[0] - (width - 1), pads[1] - (width - up)
    top, bottom = pads[2] - (height - 1), pads[3] - (height - up)
    crop_x, crop_y = max(min(-left, -right), 0), max(min(-top, -bottom), 0)
    x = _scatter(x, w, up, crop=(crop_y, crop_x), groups=groups, flip_weight=flip_weight)
    pads = (left + crop_x, right + crop_x, top + crop_y, bottom + crop_y)
    x = upfirdn2d(x, f, padding=pads, gain=up**2, impl=impl)
    return x if down == 1 else upfirdn2d(x, f, down=down, impl=impl)


def _convolve(
    x: Tensor,
    w: Tensor,
    *,
    stride: int = 1,
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    groups: int,
    flip_weight: bool,
) -> Tensor:
    """`conv2d` with a padding for each side."""
    if not flip_weight and w.shape[2:] != (1, 1):
        w = w.flip((2, 3))
    left, right, top, bottom = pads
    both_x, both_y = max(min(left, right), 0), max(min(top, bottom), 0)
    x = pad_or_crop(x, (left - both_x, right - both_x, top - both_y, bottom - both_y))
    return conv2d(x, w, stride=stride, padding=(both_y, both_x), groups=groups)


def _scatter(
    x: Tensor, w: Tensor, up: int, *, crop: tuple[int, int], groups: int, flip_weight: bool
) -> Tensor:
    """`conv2d` transposed, on a weight stored [O, I / groups, k, k], cropped on all sides."""
    outputs, inputs, height, width = w.shape
    if flip_weight and (height, width) != (1, 1):
        w = w.flip((2, 3))
    if groups == 1:
        # Every use of it, in derivatives too, would make the copy again.
        layout = torch.channels_last if is_channels_last(x) else torch.contiguous_format
        w = w.transpose(0, 1).contiguous(memory_format=layout)
    else:
        w = w.reshape(groups, outputs // groups, inputs, height, width).transpose(1, 2)
        w = w.reshape(groups * inputs, outputs // groups, height, width)
    return conv2d(x, w, stride=up, padding=crop, transposed=True, groups=groups)
