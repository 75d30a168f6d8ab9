"""What launches kernels: CuPy on CUDA tensors, or whatever `using` has put in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.arguments import Argument
from ganzoo.backends.cupy_kernels.cupy_engine import CupyEngine
from ganzoo.backends.cupy_kernels.readiness import why_not_here
from ganzoo.backends.cupy_kernels.table import ELEMENT_NAMES, Kernel
from ganzoo.errors import BackendError


class Engine(Protocol):
    """Launches one kernel on the tensors of its arguments."""

    def launch(
        self,
        kernel: Kernel,
        grid: tuple[int, int, int],
        block: int,
        arguments: Sequence[Argument],
    ) -> None:
        """Arguments in the order and of the C types of ``kernel.parameters``."""


# Not a context variable: the backward pass of CUDA tensors runs on threads of its own.
_in_place: list[Engine] = []
_short_of_memory: dict[tuple[str, torch.dtype, int], str] = {}


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Launch by ``engine`` for a while, on tensors of any device."""
    _in_place.append(engine)
    try:
        yield
    finally:
        _in_place.pop()


def stand_in() -> Engine | None:
    """The engine that `using` has put in place, if any."""
    return _in_place[-1] if _in_place else None


def why_not(device: torch.device) -> str | None:
    """Why kernels cannot run on a device, with a remedy; None if they can."""
    return None if _in_place else why_not_here(device)


def engine_of(x: Tensor) -> Engine:
    """The engine that runs kernels on the device of ``x``.

    Raises:
        BackendError: there is none.
    """
    if _in_place:
        return _in_place[-1]
    reason = why_not_here(x.device)
    if reason is not None:
        raise BackendError(f"no kernel can run on {x.device}: {reason}")
    return _cupy_engine()


def why_not_ready(
    source: str, dtype: torch.dtype, device: torch.device, demanded: bool = False
) -> str | None:
    """Why the kernels of one source cannot run, found out by compiling them; None if they can.

    What was compiled stays compiled, so asking again costs nothing. Where no memory was left to
    load them, only who demands them tries again: nobody else's results change on the way.

    Args:
        source: of the kernels.
        dtype: element type.
        device: where they are to run.
        demanded: whether nothing else will do.
    """
    if dtype not in ELEMENT_NAMES:
        names = ", ".join(str(each).removeprefix("torch.") for each in ELEMENT_NAMES)
        return f"kernels are made for {names}, not for {str(dtype).removeprefix('torch.')}"
    if _in_place:
        return None
    reason = why_not_here(device)
    if reason is not None:
        return reason
    index = torch.cuda.current_device() if device.index is None else device.index
    key = (source, dtype, index)
    if key in _short_of_memory and not demanded:
        return _short_of_memory[key]
    try:
        return _why_not_compiled(*key)
    except torch.OutOfMemoryError as error:
        _short_of_memory[key] = f"{error}. Take a smaller batch"
        return _short_of_memory[key]


# Asked while torch.compile traces, the answer is a constant. This is all that
# `torch.compiler.assume_constant_result` does, and it imports a second's worth of modules for it.
why_not_ready._dynamo_marked_constant = True  # type: ignore[attr-defined]


@cache
def _why_not_compiled(source: str, dtype: torch.dtype, index: int) -> str | None:
    try:
        _cupy_engine().module(source, dtype, index)
    except BackendError as error:
        return str(error)
    return None


@cache
def _cupy_engine() -> CupyEngine:
    return CupyEngine()
