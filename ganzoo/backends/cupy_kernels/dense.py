"""What kernels ask of tensors: dense in memory, in one order, on 16 bytes where it pays."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_BLOCKS = 2**20
"""Blocks of a launch; beyond them threads go round again."""


def layout_of(x: Tensor) -> torch.memory_format:
    """channels_last for four axes that lie so and not otherwise, else contiguous."""
    if x.ndim == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format


def dense(x: Tensor) -> Tensor:
    """``x``, copied unless it is contiguous or channels_last."""
    return x.contiguous(memory_format=layout_of(x))


def dense_as(x: Tensor, like: Tensor) -> Tensor:
    """``x`` with its elements in the order of those of ``like``, which is `dense`."""
    return x.contiguous(memory_format=layout_of(like))


def all_aligned(*tensors: Tensor | None) -> bool:
    """Whether every tensor starts on a multiple of 16 bytes, so that packs of it do too."""
    return all(x is None or x.data_ptr() % 16 == 0 for x in tensors)


def blocks_for(work: int, block: int) -> int:
    """Blocks for ``work`` threads in blocks of ``block``."""
    return max(1, min(-(-work // block), MOST_BLOCKS))
