"""What registered operations return: tensors of their own, in the layout that kernels write."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import layout_of


def empty_as(x: Tensor) -> Tensor:
    """An empty tensor as a kernel makes one for ``x``, channels_last where ``x`` is."""
    return torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=layout_of(x))


def fresh_as(result: Tensor, like: Tensor) -> Tensor:
    """A copy of a result in that layout; an operation must not return what it was handed."""
    return torch.empty_like(result, memory_format=layout_of(like)).copy_(result)
