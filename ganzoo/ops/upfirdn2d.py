"""Upsample, filter and downsample images in one step, differentiable to any order.

The operation is linear in the image, and its adjoint is the same operation with the two factors
exchanged and the filter reversed. The gradient therefore calls the function itself, so gradients
of gradients exist without a second formula, and without the slow built-in double backward of
grouped convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganzoo.ops.full_precision import autocast_off
from ganzoo.ops.setup_filter import SEPARABLE_FROM

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: int | Sequence[int] = 1,
    down: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Zero-insertion, padding, FIR filter and decimation of every channel (StyleGAN2, App. B).

    Per axis: insert up - 1 zeros after each sample; pad with zeros, or crop where the padding is
    negative; convolve with the taps, keeping full overlaps only; keep every down-th sample from
    the first on. The result has floor((H * up + top + bottom - KH) / down) + 1 rows.

    Args:
        x: [N, C, H, W].
        f: [KH, KW], or [K] for the same taps along both axes, or None for no filter. Receives no
            gradient, and is read in the type of ``x``.
        up: factor, or (along x, along y).
        down: factor, or (along x, along y).
        padding: on the upsampled grid: one number for all sides, (x, y), or
            (left, right, top, bottom).
        flip_filter: False is true convolution, True is correlation.
        gain: total factor on the result, also for one-dimensional filters.

    Returns:
        [N, C, H', W'], in the type and layout of ``x``.

    Raises:
        ValueError: an argument has the wrong shape, or nothing of the image would be left.
    """
    if x.ndim != 4:
        raise ValueError(f"x has the shape {tuple(x.shape)!r}; expected [N, C, H, W]")
    up, down, pads = as_pair("up", up), as_pair("down", down), as_padding(padding)
    if f is None:
        if up == down == (1, 1) and pads == (0, 0, 0, 0) and gain == 1:
            return x
        f = x.new_ones(1, 1)
    elif f.ndim not in (1, 2) or f.numel() == 0:
        raise ValueError(
            f"the filter has the shape {tuple(f.shape)!r}; expected [K] or [KH, KW], as "
            "setup_filter makes it"
        )
    _expect_output("height", x.shape[2] * up[1] + pads[2] + pads[3], f.shape[0])
    _expect_output("width", x.shape[3] * up[0] + pads[0] + pads[1], f.shape[-1])
    if f.ndim == 1 and f.numel() < SEPARABLE_FROM:
        f = torch.outer(f, f)
    if f.ndim == 2:
        return _UpFirDown.apply(x, f, up, down, pads, flip_filter, gain)
    x = _UpFirDown.apply(
        x, f[None, :], (up[0], 1), (down[0], 1), (*pads[:2], 0, 0), flip_filter, gain
    )
    return _UpFirDown.apply(
        x, f[:, None], (1, up[1]), (1, down[1]), (0, 0, *pads[2:]), flip_filter, 1.0
    )


def filter2d(
    x: Tensor,
    f: Tensor | None,
    *,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Filter an image without changing its size; ``padding`` is on top of what that takes.

    Args:
        x: [N, C, H, W].
        f: filter, as in `upfirdn2d`.
        padding: extra padding, as in `upfirdn2d`.
        flip_filter: False is true convolution, True is correlation.
        gain: factor on the result.

    Returns:
        [N, C, H, W] when there is no extra padding.
    """
    width, height = filter_size(f)
    pads = add_padding(padding, (width // 2, (width - 1) // 2, height // 2, (height - 1) // 2))
    return upfirdn2d(x, f, padding=pads, flip_filter=flip_filter, gain=gain)


def upsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: int | Sequence[int] = 2,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Upsample by whole factors, constant images keeping their value inside.

    Args:
        x: [N, C, H, W].
        f: filter that sums to one, as in `upfirdn2d`.
        up: factor, or (along x, along y).
        padding: on top of the automatic one, on the upsampled grid, as in `upfirdn2d`.
        flip_filter: False is true convolution, True is correlation.
        gain: factor on the result, beside the one that makes up for the inserted zeros.

    Returns:
        [N, C, H * up, W * up] when there is no extra padding.
    """
    up = as_pair("up", up)
    pads = add_padding(padding, upsampling_padding(f, up))
    return upfirdn2d(x, f, up=up, padding=pads, flip_filter=flip_filter, gain=gain * up[0] * up[1])


def downsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    down: int | Sequence[int] = 2,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Filter and downsample by whole factors.

    Args:
        x: [N, C, H, W].
        f: filter that sums to one, as in `upfirdn2d`.
        down: factor, or (along x, along y).
        padding: on top of the automatic one, as in `upfirdn2d`.
        flip_filter: False is true convolution, True is correlation.
        gain: factor on the result.

    Returns:
        [N, C, H / down, W / down] when the factors divide the size and there is no extra padding.
    """
    down = as_pair("down", down)
    pads = add_padding(padding, downsampling_padding(f, down))
    return upfirdn2d(x, f, down=down, padding=pads, flip_filter=flip_filter, gain=gain)


def filter_size(f: Tensor | None) -> Pair:
    """Taps along x and along y; one each without a filter."""
    return (1, 1) if f is None else (f.shape[-1], f.shape[0])


def upsampling_padding(f: Tensor | None, up: Pair) -> Padding:
    """(left, right, top, bottom) that centre the filter when upsampling by ``up``."""
    width, height = filter_size(f)
    return (
        (width + up[0] - 1) // 2,
        (width - up[0]) // 2,
        (height + up[1] - 1) // 2,
        (height - up[1]) // 2,
    )


def downsampling_padding(f: Tensor | None, down: Pair) -> Padding:
    """(left, right, top, bottom) that centre the filter when downsampling by ``down``."""
    width, height = filter_size(f)
    return (
        (width - down[0] + 1) // 2,
        (width - down[0]) // 2,
        (height - down[1] + 1) // 2,
        (height - down[1]) // 2,
    )


def as_pair(name: str, value: int | Sequence[int]) -> Pair:
    """A factor as (along x, along y); both at least 1."""
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"{name} is {value!r}; expected a factor of at least 1, or two: (x, y)")
    return (int(pair[0]), int(pair[1]))


def as_padding(value: int | Sequence[int]) -> Padding:
    """A padding as (left, right, top, bottom)."""
    if isinstance(value, int):
        return (value, value, value, value)
    sides = tuple(int(side) for side in value)
    if len(sides) == 2:
        return (sides[0], sides[0], sides[1], sides[1])
    if len(sides) == 4:
        return (sides[0], sides[1], sides[2], sides[3])
    raise ValueError(
        f"padding is {value!r}; expected one number, (x, y), or (left, right, top, bottom)"
    )


def add_padding(first: int | Sequence[int], second: Padding) -> Padding:
    """The sum of two paddings, side by side."""
    left, right, top, bottom = as_padding(first)
    return (left + second[0], right + second[1], top + second[2], bottom + second[3])


def pad_or_crop(x: Tensor, pads: Padding) -> Tensor:
    """Zero padding by (left, right, top, bottom), where a negative number crops.

    Pads before it crops, so a crop may reach through the image into the padding beyond.
    """
    if max(pads) > 0:
        x = F.pad(x, [max(side, 0) for side in pads])
    if min(pads) < 0:
        left, right, top, bottom = (max(-side, 0) for side in pads)
        x = x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]
    return x


def _expect_output(axis: str, padded: int, taps: int) -> None:
    if padded < taps:
        raise ValueError(
            f"{axis} is {padded!r} after upsampling and padding, and the filter has {taps!r} "
            "taps; nothing would be left. Pad more, or take a larger image"
        )


class _UpFirDown(torch.autograd.Function):
    """`upfirdn2d` with a two-dimensional filter and all arguments spelled out."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        f: Tensor,
        up: Pair,
        down: Pair,
        pads: Padding,
        flip_filter: bool,
        gain: float,
    ) -> Tensor:
        taps = (f.detach() * gain).to(x.dtype)
        # The image's own type decides; autocast would send the transposed form to bfloat16,
        # for which CPUs have no fast kernel.
        with autocast_off(x):
            run = _by_convolution if up == (1, 1) else _by_transposed_convolution
            y = run(x, taps, up, down, pads, flip_filter)
        ctx.save_for_backward(f)
        ctx.call = (up, down, pads, flip_filter, gain, x.shape[2:], y.shape[2:])
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (f,) = ctx.saved_tensors
        up, down, pads, flip_filter, gain, (height, width), (out_height, out_width) = ctx.call
        taps_y, taps_x = f.shape
        adjoint = (
            taps_x - pads[0] - 1,
            width * up[0] - out_width * down[0] + pads[0] - up[0] + 1,
            taps_y - pads[2] - 1,
            height * up[1] - out_height * down[1] + pads[2] - up[1] + 1,
        )
        dx = _UpFirDown.apply(gradients[0], f, down, up, adjoint, not flip_filter, gain)
        return dx, None, None, None, None, None, None


def _by_convolution(
    x: Tensor, taps: Tensor, up: Pair, down: Pair, pads: Padding, flip_filter: bool
) -> Tensor:
    """No upsampling: one strided depthwise correlation."""
    left, right, top, bottom = pads
    both_x, both_y = max(min(left, right), 0), max(min(top, bottom), 0)
    x = pad_or_crop(x, (left - both_x, right - both_x, top - both_y, bottom - both_y))
    if not flip_filter:
        taps = taps.flip((0, 1))
    channels = x.shape[1]
    weight = taps.expand(channels, 1, *taps.shape)
    return F.conv2d(x, weight, stride=down[::-1], padding=(both_y, both_x), groups=channels)


def _by_transposed_convolution(
    x: Tensor, taps: Tensor, up: Pair, down: Pair, pads: Padding, flip_filter: bool
) -> Tensor:
    """Depthwise transposed convolution, which never sees the inserted zeros.

    Scattering each sample with the taps gives the convolution with all overlaps, of length
    (H - 1) * up + KH; the padding says how much of it is wanted.
    """
    left, right = taps.shape[1] - 1 - pads[0], taps.shape[1] - up[0] - pads[1]
    top, bottom = taps.shape[0] - 1 - pads[2], taps.shape[0] - up[1] - pads[3]
    both_x, both_y = max(min(left, right), 0), max(min(top, bottom), 0)
    if flip_filter:
        taps = taps.flip((0, 1))
    channels = x.shape[1]
    weight = taps.expand(channels, 1, *taps.shape)
    dtype = x.dtype
    if dtype is torch.bfloat16 and x.device.type == "cpu":
        x, weight = x.float(), weight.float()  # bfloat16 has no fast kernel here
    y = F.conv_transpose2d(x, weight, stride=up[::-1], padding=(both_y, both_x), groups=channels)
    y = pad_or_crop(y, (both_x - left, both_x - right, both_y - top, both_y - bottom))
    if down != (1, 1):
        y = y[:, :, :: down[1], :: down[0]]
    return y.to(dtype)
