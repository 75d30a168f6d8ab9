"""The order in memory of a network's kernels, and so of its feature maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def in_layout_of(x: Tensor, module: nn.Module) -> Tensor:
    """Maps in the memory format of a module's kernels, so that they need not be turned later.

    A convolution leaves its result in the format of its input or of its kernel. Pictures of one
    channel and 1x1 kernels lie in both, and would decide for the wrong one.

    Args:
        x: [N, C, H, W].
        module: whose first kernel wider than a pixel is looked at; none: ``x`` stays as it is.
    """
    for kernel in module.parameters():
        if kernel.dim() == 4 and kernel.shape[1] > 1 and kernel.shape[2] * kernel.shape[3] > 1:
            if kernel.is_contiguous(memory_format=torch.channels_last):
                return x.to(memory_format=torch.channels_last)
            return x
    return x


def lay_out(module: nn.Module, layout: torch.memory_format) -> None:
    """Lay the tensors of four axes in a memory format, in place; others have no channels last."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=layout)
