"""Derivatives of a formula in plain torch, for the places where no own formula pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def pull_back(
    function: Callable[..., Tensor | tuple[Tensor, ...]],
    arguments: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """The gradients of a function's arguments, given those of its results.

    Computes the function once more and differentiates it; the gradients can be differentiated in
    their turn wherever gradients are enabled. For use in the backward of a faster form.

    Args:
        function: differentiable; of the arguments alone.
        arguments: of the function.
        cotangents: gradients of the results; None for zero.
        wanted: for each argument, whether its gradient is.

    Returns:
        A gradient for each argument; None where it is zero or not wanted.
    """
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        # Aliases, because one argument may have been computed from another: a gradient is to stop
        # at the argument and not go on to what that was made of.
        aliases = [
            argument.view_as(argument)
            if differentiable and argument.requires_grad
            else argument.detach().requires_grad_(wants)
            for argument, wants in zip(arguments, wanted)
        ]
        results = function(*aliases)
    results = (results,) if isinstance(results, Tensor) else results
    given = [
        (result, cotangent)
        for result, cotangent in zip(results, cotangents)
        if cotangent is not None and result.requires_grad
    ]
    asked = [alias for alias, wants in zip(aliases, wanted) if wants]
    if not given or not asked:
        return [None] * len(aliases)
    found = iter(
        torch.autograd.grad(
            [result for result, _ in given],
            asked,
            [cotangent for _, cotangent in given],
            create_graph=differentiable,
            allow_unused=True,
        )
    )
    return [next(found) if wants else None for wants in wanted]
