"""Factors and paddings of resampling: their forms, and which of them belong together."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


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


def adjoint_padding(
    size: Sequence[int], taps: Pair, up: Pair, down: Pair, pads: Padding
) -> Padding:
    """The padding of the adjoint operation, whose factors are exchanged.

    Args:
        size: (height, width) of the image that was resampled.
        taps: taps of the filter along x and along y.
        up: (along x, along y).
        down: (along x, along y).
        pads: (left, right, top, bottom).
    """
    left, right = _adjoint_sides(size[1], taps[0], up[0], down[0], pads[0], pads[1])
    top, bottom = _adjoint_sides(size[0], taps[1], up[1], down[1], pads[2], pads[3])
    return (left, right, top, bottom)


def _adjoint_sides(size: int, taps: int, up: int, down: int, before: int, after: int) -> Pair:
    result = (size * up + before + after - taps) // down + 1
    return (taps - before - 1, size * up - result * down + before - up + 1)
