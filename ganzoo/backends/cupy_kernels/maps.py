"""Host side of ``maps.cuh``: how a walk over feature maps is cut into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.arguments import Argument
from ganzoo.backends.cupy_kernels.dense import all_aligned, blocks_for, layout_of
from ganzoo.backends.cupy_kernels.engine import engine_of
from ganzoo.backends.cupy_kernels.table import ELEMENT_NAMES, SHORT_NAMES, Kernel, accumulating_type

SHAPE = (
    ("long long", "samples"),
    ("long long", "channels"),
    ("long long", "pixels"),
    ("long long", "span"),
    ("int", "packed"),
)
"""The parameters that describe the maps; every kernel that walks them has them last."""

SLOTS = 128  # of a block over channels_last maps, as in maps.cuh
TILE = 32  # packs of channels of such a block at most, as there
VISITS = 16  # packs a slot or thread takes before another block does


@dataclass(frozen=True, slots=True)
class Walk:
    """The instantiations of one template that walks maps: for every type, in both layouts."""

    kernels: dict[tuple[torch.dtype, bool], Kernel]

    @classmethod
    def of(
        cls, source: str, name: str, parameters: Sequence[tuple[str, str]], *, sums: int = 0
    ) -> Walk:
        """Those of the template ``name<T, LAST>`` with these parameters and, last, `SHAPE`."""
        return cls(
            {
                (dtype, last): Kernel(
                    source=source,
                    dtype=dtype,
                    name=f"{name}_{'pixels' if last else 'planes'}_{SHORT_NAMES[dtype]}",
                    body=f"{name}<{ELEMENT_NAMES[dtype]}, {int(last)}>",
                    parameters=(*parameters, *SHAPE),
                    barriers=sums > 0,
                    max_threads=SLOTS if last else 256,
                )
                for dtype in ELEMENT_NAMES
                for last in (False, True)
            }
        )

    def __call__(
        self, like: Tensor, tensors: Sequence[Tensor | None], *arguments: Argument
    ) -> None:
        """Launch over the maps of ``like`` [N, C, H, W].

        Args:
            like: dense, not empty.
            tensors: all tensors of that shape among the arguments, in the same layout.
            arguments: the kernel's, without `SHAPE`.
        """
        last = layout_of(like) is torch.channels_last
        number, channels, height, width = like.shape
        pixels, pack = height * width, 16 // like.element_size()
        packed = all_aligned(*tensors) and (channels if last else pixels) % pack == 0
        span = chunk_of(like)
        chunks = _ceil(pixels, span)
        if last:
            tiles = _ceil(_ceil(channels, pack), TILE)
            work, block = number * chunks * tiles, SLOTS
        else:
            packs = _ceil(min(span, pixels), pack)
            work = number * channels * chunks
            block = min(256, max(32, 1 << (packs - 1).bit_length()))
        engine_of(like).launch(
            self.kernels[like.dtype, last],
            (blocks_for(work, 1), 1, 1),
            block,
            (*arguments, number, channels, pixels, span, int(packed)),
        )


def chunk_of(like: Tensor) -> int:
    """Pixels of a chunk of a map; each has sums of its own."""
    channels, pack = like.shape[1], 16 // like.element_size()
    if layout_of(like) is not torch.channels_last:
        return 256 * VISITS // 2 * pack
    packs = _ceil(channels, pack)
    width = _ceil(packs, _ceil(packs, TILE))
    return SLOTS // width * VISITS


def partial_sums(like: Tensor, sums: int) -> Tensor:
    """Room for the sums of every chunk, [chunks, sums, N, C]."""
    number, channels, height, width = like.shape
    chunks = _ceil(height * width, chunk_of(like))
    dtype = accumulating_type(like.dtype)
    return torch.empty(chunks, sums, number, channels, dtype=dtype, device=like.device)


def small(tensor: Tensor | None, like: Tensor) -> Tensor | None:
    """An argument per map, channel or pixel, as kernels read it: in the accumulating type."""
    if tensor is None:
        return None
    return tensor.to(accumulating_type(like.dtype)).contiguous()


def _ceil(number: int, size: int) -> int:
    """How many of a size hold a number."""
    return -(-number // size)
