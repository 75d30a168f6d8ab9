"""Which gradients a backward pass is really there for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def asked_for(ctx: Any, given: Sequence[bool]) -> list[bool]:
    """Whether the backward pass that is running wants the gradients of a Function's arguments.

    ``needs_input_grad`` only knows which arguments could have one. Torch's own operations ask the
    engine what `torch.autograd.grad` was called for, and so does this: the first pass of path
    length, which differentiates for styles, then sums nothing for biases.

    Args:
        ctx: of the backward that is running.
        given: for each of the first arguments, whether it is a tensor, and not None.
    """
    edges = iter(ctx.next_functions)  # of the tensors among the arguments only
    return [
        tensor and _executed(next(edges)[0]) and needed
        for tensor, needed in zip(given, ctx.needs_input_grad)
    ]


def _executed(node: Any) -> bool:
    if node is None:
        return False
    try:
        return bool(torch._C._will_engine_execute_node(node))
    except RuntimeError:  # it is itself what the caller differentiates for
        return True
