"""A network without memory, run as if it lay on a CPU: with real types and real memory formats."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._pytree import tree_map_only

LOOKED_AT = (DataDependentOutputException, DynamicOutputShapeException)
"""What is raised where the values of such a tensor are looked at."""


class Pretence:
    """Turns tensors of the meta device into ones that say they are on the CPU.

    The meta device alone knows shapes, but neither autocast nor in which order a convolution
    leaves its result in memory. Inside ``mode`` new tensors are of the same kind.
    """

    def __init__(self) -> None:
        self.mode = FakeTensorMode()
        self._made: dict[int, tuple[Tensor, Tensor]] = {}  # the original is kept: ids are reused

    def move(self, network: nn.Module) -> None:
        """Give a network parameters and buffers of this kind, shared ones shared as before."""
        for module in network.modules():
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[name] = self.of(parameter)  # type: ignore[assignment]
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = self.of(buffer)

    def of(self, tensor: Tensor) -> Tensor:
        """The tensor of this kind that stands for one; itself if it is one."""
        if isinstance(tensor, FakeTensor):
            return tensor
        if id(tensor) not in self._made:
            bare = tensor.detach().to("meta")
            made: Tensor = FakeTensor(self.mode, bare, torch.device("cpu"))
            if isinstance(tensor, nn.Parameter):
                made = nn.Parameter(made, requires_grad=tensor.requires_grad)
            self._made[id(tensor)] = tensor, made
        return self._made[id(tensor)][1]

    def all_of(self, values: Any) -> Any:
        """Arguments of an operation, constants that nobody moved included."""
        return tree_map_only(Tensor, self.of, values)
