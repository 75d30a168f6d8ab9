"""Which implementation of an operation runs: the definition, the fast one in torch, or a kernel."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.engine import why_not_ready
from ganzoo.backends.cupy_kernels.gains import committed_gains
from ganzoo.errors import BackendError, UsageError

Impl = Literal["auto", "reference", "cupy"]
"""What a caller may ask for; ``auto`` is the fastest that a measurement has shown."""

Choice = Literal["reference", "torch", "cupy"]
"""What runs."""

VARIABLE = "GANZOO_OPS"
"""``reference`` forces the definitions everywhere; ``cupy`` demands a kernel wherever the caller
left it open; ``auto`` is as if it were not set."""

_IMPLS: tuple[Impl, ...] = get_args(Impl)
_warned: set[str] = set()
_on_demand_only = False
_by_definition: frozenset[str] = frozenset()
_environment_is_ignored = False


@contextmanager
def kernels_on_demand_only() -> Iterator[None]:
    """For a while ``auto`` takes no kernel, whatever its gain: who compares them needs both.

    For the whole process, since gradients are computed by threads of their own.
    """
    global _on_demand_only
    before, _on_demand_only = _on_demand_only, True
    try:
        yield
    finally:
        _on_demand_only = before


@contextmanager
def by_definition(*ops: str) -> Iterator[None]:
    """For a while these operations run by their reference, whatever anybody asks for.

    Who follows a network step by step wants to see the formula, not how it is computed.
    """
    global _by_definition
    before, _by_definition = _by_definition, _by_definition.union(ops)
    try:
        yield
    finally:
        _by_definition = before


@contextmanager
def environment_ignored() -> Iterator[None]:
    """For a while ``GANZOO_OPS`` is as if it were not set.

    Who tells of a network tells the same whatever it would run by, and runs where no kernel can.
    """
    global _environment_is_ignored
    before, _environment_is_ignored = _environment_is_ignored, True
    try:
        yield
    finally:
        _environment_is_ignored = before


def choose(op: str, x: Tensor, impl: Impl) -> Choice:
    """The implementation of an operation that runs on ``x``.

    ``auto`` takes a kernel only where a committed measurement on a GPU shows that it gains, and
    warns once for each operation, saying why, if such a one cannot run.

    Args:
        op: name of the operation, which is also that of its kernels.
        x: what it is applied to; its type and device decide.
        impl: what the caller asks for.

    Raises:
        BackendError: a kernel is demanded and cannot run.
        ValueError: ``impl`` is none of the three, or ``x`` holds no floating numbers: what comes
            out of a filter or a norm would be cut to whole ones without a word.
        UsageError: the environment variable ``GANZOO_OPS`` is set to something else.
    """
    if impl != "cupy" and not x.dtype.is_floating_point:
        raise ValueError(
            f"{op} got a tensor of {_name_of(x.dtype)}; expected a floating type. Convert it"
            " first, as with x.float()"
        )
    return choose_for(op, x.dtype, x.device, impl)


def choose_for(op: str, dtype: torch.dtype, device: torch.device, impl: Impl = "auto") -> Choice:
    """As `choose`, for tensors of a type on a device."""
    choice, reason = choice_and_reason(op, dtype, device, impl)
    if reason is not None:
        _warn_once(op, f"{op} runs by torch on {device}, slower than by its kernel: {reason}")
    return choice


def choice_and_reason(
    op: str, dtype: torch.dtype, device: torch.device, impl: Impl = "auto"
) -> tuple[Choice, str | None]:
    """As `choose_for`, without a warning: why a kernel that gains cannot run comes back beside it.

    Raises:
        BackendError: a kernel is demanded and cannot run.
    """
    forced = forced_by_environment()
    if impl not in _IMPLS:
        raise ValueError(f"impl is {impl!r}; expected {', '.join(map(repr, _IMPLS))}")
    if forced == "reference" or impl == "reference" or op in _by_definition:
        return "reference", None
    if impl == "cupy" or forced == "cupy":
        reason = why_not_ready(op, dtype, device, True)
        if reason is not None:
            demanded = 'impl="cupy"' if impl == "cupy" else f"{VARIABLE}=cupy"
            raise BackendError(f"{op} with {demanded} on {device}: {reason}")
        return "cupy", None
    if device.type != "cuda" or _on_demand_only:
        return "torch", None
    if not committed_gains().shows(op, _name_of(dtype)):
        return "torch", None
    reason = why_not_ready(op, dtype, device)
    return ("cupy", None) if reason is None else ("torch", reason)


def forced_by_environment() -> Impl:
    """What ``GANZOO_OPS`` says; ``auto`` if it is not set.

    Raises:
        UsageError: it says something else.
    """
    said = "auto" if _environment_is_ignored else os.environ.get(VARIABLE) or "auto"
    for impl in _IMPLS:
        if said == impl:
            return impl
    raise UsageError(
        f"{VARIABLE} is {said!r}; expected 'auto', 'reference' or 'cupy'. Correct it, or unset it"
    )


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _warn_once(op: str, message: str) -> None:
    if op not in _warned:
        _warned.add(op)
        warnings.warn(message, RuntimeWarning, stacklevel=5)
