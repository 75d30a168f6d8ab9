"""Arguments of a launch, checked and in the exact types that a kernel declares.

A number that arrives in another width than its parameter shifts every argument behind it, so none
is passed as Python happens to hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.table import Kernel, declared_type
from ganzoo.errors import BackendError

Argument: TypeAlias = Tensor | int | float | None

_NULL = np.uint64(0)


def _address(tensor: Tensor | None) -> np.uint64:
    return _NULL if tensor is None else np.uint64(tensor.data_ptr())


# index() and float() refuse what is no such number; numpy would make something of it.
NUMBERS: Mapping[str, Callable[[Any], np.generic]] = {
    "int": lambda number: np.int32(index(number)),
    "long long": lambda number: np.int64(index(number)),
    "float": lambda number: np.float32(float(number)),
    "double": lambda number: np.float64(float(number)),
}
"""C types of numbers that kernels take, and what makes them."""

MOST_BLOCKS = (2**31 - 1, 65535, 65535)
"""Blocks that a grid may have along each axis."""


def device_of(kernel: Kernel, arguments: Sequence[Argument]) -> torch.device:
    """The one device that all tensors are on.

    Raises:
        BackendError: they are on several, or there is none among the arguments.
    """
    devices = {argument.device for argument in arguments if isinstance(argument, Tensor)}
    if len(devices) == 1:
        return devices.pop()
    if not devices:
        raise BackendError(f"{kernel.name} got no tensor; expected at least one")
    found: dict[torch.device, str] = {}
    for (_, name), argument in zip(kernel.parameters, arguments):
        if isinstance(argument, Tensor):
            found.setdefault(argument.device, name)
    places = " and ".join(f"{name} is on {device}" for device, name in found.items())
    raise BackendError(f"{kernel.name}: {places}. Move all of them to one device, with x.to(...)")


def as_scalars(kernel: Kernel, arguments: Sequence[Argument]) -> list[np.generic]:
    """Addresses and numbers in the types of ``kernel.parameters``.

    A tensor becomes its address, None the null pointer. ``T`` and ``A`` of a parameter stand for
    the kernel's element and accumulating type.

    Raises:
        BackendError: the number of arguments, or the kind or range of one, does not fit.
    """
    if len(arguments) != len(kernel.parameters):
        raise BackendError(
            f"{kernel.name} got {len(arguments)!r} arguments; expected {len(kernel.parameters)!r}"
        )
    try:
        return [make(argument) for make, argument in zip(_converters(kernel), arguments)]
    except (AttributeError, TypeError, OverflowError) as error:
        raise _misfit(kernel, arguments) from error


@cache
def _converters(kernel: Kernel) -> tuple[Callable[[Any], np.generic], ...]:
    kinds = (declared_type(kernel, kind) for kind, _ in kernel.parameters)
    return tuple(_address if kind.endswith("*") else NUMBERS[kind] for kind in kinds)


def checked_grid(kernel: Kernel, grid: tuple[int, int, int], block: int) -> None:
    """Refuse a launch that no device carries out.

    Raises:
        BackendError: too many blocks along an axis, or too many threads in one.
    """
    if any(not 1 <= blocks <= most for blocks, most in zip(grid, MOST_BLOCKS)):
        raise BackendError(
            f"{kernel.name} would take a grid of {grid!r} blocks; expected 1 to {MOST_BLOCKS!r}. "
            "Take a smaller batch"
        )
    if not 1 <= block <= kernel.max_threads:
        raise BackendError(
            f"{kernel.name} would take {block!r} threads a block; expected 1 to "
            f"{kernel.max_threads!r}"
        )


def _misfit(kernel: Kernel, arguments: Sequence[Argument]) -> BackendError:
    """What to say of the first argument that cannot be converted."""
    for make, (kind, name), argument in zip(_converters(kernel), kernel.parameters, arguments):
        place = f"{kernel.name}: {name} is {argument!r}"
        try:
            make(argument)
        except OverflowError:
            return BackendError(f"{place}, more than {kind} holds. Take a smaller batch")
        except (AttributeError, TypeError):
            wanted = "a tensor or None" if kind.endswith("*") else f"a number ({kind})"
            return BackendError(f"{place}; expected {wanted}")
    raise AssertionError("every argument fits")
