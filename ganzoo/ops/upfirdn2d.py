"""Upsample, filter and downsample images in one step, differentiable to any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from ganzoo.ops.implementation import Choice, Impl, choose
from ganzoo.ops.resampling_geometry import (
    add_padding,
    as_padding,
    as_pair,
    downsampling_padding,
    filter_size,
    upsampling_padding,
)
from ganzoo.ops.upfirdn2d_depthwise import upfirdn2d_depthwise
from ganzoo.ops.upfirdn2d_kernel import upfirdn2d_kernel
from ganzoo.ops.upfirdn2d_reference import upfirdn2d_reference

_WAYS: Mapping[Choice, Callable[..., Tensor]] = {
    "reference": upfirdn2d_reference,
    "torch": upfirdn2d_depthwise,
    "cupy": upfirdn2d_kernel,
}


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: int | Sequence[int] = 1,
    down: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
    impl: Impl = "auto",
) -> Tensor:
    """Zero-insertion, padding, FIR filter and decimation of every channel (StyleGAN2, App. B).

    Per axis: insert up - 1 zeros after each sample; pad with zeros, or crop where the padding is
    negative; convolve with the taps, keeping full overlaps only; keep every down-th sample from
    the first on. The result has floor((H * up + top + bottom - KH) / down) + 1 rows.

    Args:
        x: [N, C, H, W].
        f: [KH, KW], or [K] for the same taps along both axes, or None for no filter. Receives no
            gradient, and may be rounded to the type of ``x``.
        up: factor, or (along x, along y).
        down: factor, or (along x, along y).
        padding: on the upsampled grid: one number for all sides, (x, y), or
            (left, right, top, bottom).
        flip_filter: False is true convolution, True is correlation.
        gain: total factor on the result, also for one-dimensional filters.
        impl: who computes it; see `ganzoo.ops.implementation`.

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
    elif f.ndim not in (1, 2) or f.numel() == 0:
        raise ValueError(
            f"the filter has the shape {tuple(f.shape)!r}; expected [K] or [KH, KW], as "
            "setup_filter makes it"
        )
    taps_x, taps_y = filter_size(f)
    _expect_output("height", x.shape[2] * up[1] + pads[2] + pads[3], taps_y)
    _expect_output("width", x.shape[3] * up[0] + pads[0] + pads[1], taps_x)
    run = _WAYS[choose("upfirdn2d", x, impl)]
    return run(x, f, up=up, down=down, padding=pads, flip_filter=flip_filter, gain=gain)


def filter2d(
    x: Tensor,
    f: Tensor | None,
    *,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
    impl: Impl = "auto",
) -> Tensor:
    """Filter an image without changing its size; ``padding`` is on top of what that takes.

    Args:
        x: [N, C, H, W].
        f: filter, as in `upfirdn2d`.
        padding: extra padding, as in `upfirdn2d`.
        flip_filter: False is true convolution, True is correlation.
        gain: factor on the result.
        impl: as in `upfirdn2d`.

    Returns:
        [N, C, H, W] when there is no extra padding.
    """
    width, height = filter_size(f)
    pads = add_padding(padding, (width // 2, (width - 1) // 2, height // 2, (height - 1) // 2))
    return upfirdn2d(x, f, padding=pads, flip_filter=flip_filter, gain=gain, impl=impl)


def upsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: int | Sequence[int] = 2,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
    impl: Impl = "auto",
) -> Tensor:
    """Upsample by whole factors, constant images keeping their value inside.

    Args:
        x: [N, C, H, W].
        f: filter that sums to one, as in `upfirdn2d`.
        up: factor, or (along x, along y).
        padding: on top of the automatic one, on the upsampled grid, as in `upfirdn2d`.
        flip_filter: False is true convolution, True is correlation.
        gain: factor on the result, beside the one that makes up for the inserted zeros.
        impl: as in `upfirdn2d`.

    Returns:
        [N, C, H * up, W * up] when there is no extra padding.
    """
    up = as_pair("up", up)
    pads = add_padding(padding, upsampling_padding(f, up))
    gain = gain * up[0] * up[1]
    return upfirdn2d(x, f, up=up, padding=pads, flip_filter=flip_filter, gain=gain, impl=impl)


def downsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    down: int | Sequence[int] = 2,
    padding: int | Sequence[int] = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
    impl: Impl = "auto",
) -> Tensor:
    """Filter and downsample by whole factors.

    Args:
        x: [N, C, H, W].
        f: filter that sums to one, as in `upfirdn2d`.
        down: factor, or (along x, along y).
        padding: on top of the automatic one, as in `upfirdn2d`.
        flip_filter: False is true convolution, True is correlation.
        gain: factor on the result.
        impl: as in `upfirdn2d`.

    Returns:
        [N, C, H / down, W / down] when the factors divide the size and there is no extra padding.
    """
    down = as_pair("down", down)
    pads = add_padding(padding, downsampling_padding(f, down))
    return upfirdn2d(x, f, down=down, padding=pads, flip_filter=flip_filter, gain=gain, impl=impl)


def _expect_output(axis: str, padded: int, taps: int) -> None:
    if padded < taps:
        raise ValueError(
            f"{axis} is {padded!r} after upsampling and padding, and the filter has {taps!r} "
            "taps; nothing would be left. Pad more, or take a larger image"
        )
