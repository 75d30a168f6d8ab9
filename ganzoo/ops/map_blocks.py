"""Feature maps cut into blocks that stay in a processor's cache.

Several simple passes over one block after another cost about one trip to memory, and temporaries
are of the size of a block. On GPUs a tensor is one block.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 1 << 19
"""Elements of a block: two megabytes in float32, so that the few that are at hand fit a cache."""

Slices = tuple[slice, slice, slice]


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of a pixel lie side by side, and those of a row do not."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


class MapBlocks:
    """The blocks of a tensor, and working memory of the size of one, which stays in the cache.

    Args:
        like: shape and layout, [N, C, H, W].
        work: type of the working memory.
        whole_maps: never part a map.
    """

    def __init__(self, like: Tensor, work: torch.dtype, whole_maps: bool = False) -> None:
        self.work = work
        self.like = like
        self.rooms: dict[int, Tensor] = {}
        number, channels, height, width = like.shape
        self.samples, self.rows = max(number, 1), max(height, 1)
        # Arithmetic in bfloat16 is slower than memory; there, blocks only cost calls.
        size = BLOCK * 8 if work is torch.bfloat16 else BLOCK
        if like.device.type == "cpu" and like.numel() > size:
            sample = channels * height * width
            self.samples = max(1, size // sample)
            if sample > size and not whole_maps:
                self.rows = max(1, size // (channels * width))

    def __iter__(self) -> Iterator[Slices]:
        """Slices along N, C and H."""
        number, _, height, _ = self.like.shape
        if self.like.numel() == 0:
            return
        for sample in range(0, number, self.samples):
            for row in range(0, height, self.rows):
                yield (
                    slice(sample, sample + self.samples),
                    slice(None),
                    slice(row, row + self.rows),
                )

    def room(self, index: int, block: Tensor) -> Tensor:
        """Working memory for a block; what it held is lost."""
        if index not in self.rooms:
            first = self.like[: self.samples, :, : self.rows]
            layout = torch.channels_last if is_channels_last(self.like) else torch.contiguous_format
            self.rooms[index] = torch.empty_like(first, dtype=self.work, memory_format=layout)
        room = self.rooms[index]
        return room if room.shape == block.shape else room[: block.shape[0], :, : block.shape[2]]

    def as_work(self, block: Tensor, index: int) -> Tensor:
        """A block in the working type; a copy of another type lies in a room."""
        return block if block.dtype is self.work else self.room(index, block).copy_(block)
