"""Resampling by depthwise convolutions: the arrangement that is fast without a kernel of ours.

The operation is linear in the image, and its adjoint is the same operation with the two factors
exchanged and the filter reversed. The gradient therefore calls the function itself, so gradients
of gradients exist without a second formula, and without the slow built-in double backward of
grouped convolutions.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganzoo.ops.full_precision import autocast_off
from ganzoo.ops.resampling_geometry import (
    Padding,
    Pair,
    adjoint_padding,
    filter_size,
    pad_or_crop,
)
from ganzoo.ops.setup_filter import SEPARABLE_FROM


def upfirdn2d_depthwise(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Pair,
    down: Pair,
    padding: Padding,
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """The result of `ganzoo.ops.upfirdn2d`; ``f`` is read in the type of ``x``."""
    if f is None:
        f = x.new_ones(1, 1)
    if f.ndim == 1 and f.numel() < SEPARABLE_FROM:
        f = torch.outer(f, f)
    if f.ndim == 2:
        return _UpFirDown.apply(x, f, up, down, padding, flip_filter, gain)
    x = _UpFirDown.apply(
        x, f[None, :], (up[0], 1), (down[0], 1), (*padding[:2], 0, 0), flip_filter, gain
    )
    return _UpFirDown.apply(
        x, f[:, None], (1, up[1]), (1, down[1]), (0, 0, *padding[2:]), flip_filter, 1.0
    )


class _UpFirDown(torch.autograd.Function):
    """The operation with a two-dimensional filter and every argument spelled out."""

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
        ctx.call = (up, down, pads, flip_filter, gain, x.shape[2:])
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (f,) = ctx.saved_tensors
        up, down, pads, flip_filter, gain, size = ctx.call
        adjoint = adjoint_padding(size, filter_size(f), up, down, pads)
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
