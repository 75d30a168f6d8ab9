"""Draws, layouts and the one comparison that the kernel tests share."""

from __future__ import annotations

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
BLOCKS = ((1, False), (32, False), (96, True), (256, True))  # threads, in the reverse order
UNITS = 8.0
"""Units in the last place of the largest magnitude that an element may be wrong by.

A kernel rounds once, so that half precision is off by half a unit of an element of its own; in the
wider types a sum of sixteen products in another order costs some units more.
"""


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64, the same every time."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def laid_out(x: Tensor, layout: torch.memory_format) -> Tensor:
    """``x`` in a layout, if it has four axes."""
    return x.contiguous(memory_format=layout) if x.ndim == 4 else x


def units_off(actual: Tensor, expected: Tensor) -> float:
    """Largest error in units in the last place, of the type of ``actual``, of the largest value.

    Infinite for another shape, NaN on one side only, or infinities that differ.
    """
    if actual.shape != expected.shape:
        return torch.inf
    if actual.numel() == 0:
        return 0.0
    a, e = actual.detach().double(), expected.detach().double()
    finite = e.isfinite()
    if not torch.equal(a.isfinite(), finite) or not torch.equal(
        a[~finite].nan_to_num(nan=0.5), e[~finite].nan_to_num(nan=0.5)
    ):
        return torch.inf
    a, e = a[finite], e[finite]
    if a.numel() == 0:
        return 0.0
    scale = e.abs().max().clamp(min=torch.finfo(torch.float64).tiny)
    return ((a - e).abs().max() / (scale * torch.finfo(actual.dtype).eps)).item()


def assert_close_in_units(actual: Tensor, expected: Tensor, units: float = UNITS) -> None:
    """Fail where `units_off` is more than ``units``."""
    off = units_off(actual, expected)
    assert off <= units, f"{off:.3g} units in the last place of {actual.dtype}; at most {units}"


def with_offset(x: Tensor) -> Tensor:
    """A copy one element off the start of its memory, so that it lies on no multiple of 16."""
    room = torch.empty(x.numel() + 1, dtype=x.dtype)
    return room[1:].as_strided(x.shape, x.stride()).copy_(x)
