"""The processes that train together: one, or what torchrun started."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """This process among its peers.

    Args:
        rank: 0 .. size - 1; rank 0 speaks and writes.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: torch.device) -> World:
        """The world that torchrun's environment describes; alone without it."""
        if "RANK" not in os.environ:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(rank=dist.get_rank(), size=dist.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the ranks, in one flat reduction a type."""
        if self.size == 1 or not tensors:
            return
        # not a set: every rank must reduce them in the same order
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            alike = [tensor for tensor in tensors if tensor.dtype == dtype]
            flat = torch.cat([tensor.reshape(-1) for tensor in alike])
            dist.all_reduce(flat)
            flat /= self.size
            for tensor, part in zip(alike, torch.split(flat, [tensor.numel() for tensor in alike])):
                tensor.copy_(part.view_as(tensor))

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the ranks, differentiable."""
        if self.size == 1:
            return value
        total: Tensor = _Sum.apply(value)  # type: ignore[no-untyped-call]
        return total / self.size

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set on any rank."""
        if self.size == 1:
            return flag
        count = torch.tensor(float(flag), device=device)
        dist.all_reduce(count)
        return bool(count.item() > 0)

    def wait(self) -> None:
        """Return when every rank is here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """End the process group, if there is one."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over the ranks; every rank's loss reads it, so gradients are summed as well."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Sum.apply(gradients[0].contiguous())  # type: ignore[no-untyped-call]
