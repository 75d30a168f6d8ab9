"""Every implementation of an operation against the others and against a plain copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.engine import why_not_ready
from ganzoo.errors import BackendError, UsageError
from ganzoo.ops.implementation import VARIABLE, forced_by_environment, kernels_on_demand_only
from ganzoo.training.bench.operations import Operation, Problem, Size, problem
from ganzoo.training.bench.timing import Call, interleaved
from ganzoo.training.memory import is_out_of_memory

LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
COMPILERS = ("c++", "g++", "clang++", "cl")

Way = Callable[..., Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds of one implementation.

    Args:
        implementation: ``reference``, ``torch``, ``cupy``, or ``compiled`` (torch.compile of the
            reference).
        forward: seconds of a call without gradients.
        both: seconds of a call and the gradients of all its inputs.
        forward_rate: bytes that must move, a second.
        both_rate: the same of forward and backward.
        forward_share: of the rate of a copy.
        both_share: of the rate of a copy.
    """

    implementation: str
    forward: float
    both: float
    forward_rate: float
    both_rate: float
    forward_share: float
    both_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One operation at one size, type and layout.

    Args:
        size: N, C, H, W of the input.
        layout: a key of ``LAYOUTS``.
        copied_bytes: that a copy of the input reads and writes.
        copy_rate: the same a second, in the same rounds as the speeds.
        forward_bytes: that must move.
        both_bytes: that forward and backward must move.
        speeds: of every implementation that ran.
        left_out: those that did not, with the reason.
    """

    operation: Operation
    size: Size
    dtype: torch.dtype
    layout: str
    copied_bytes: int
    copy_rate: float
    forward_bytes: int
    both_bytes: int
    speeds: tuple[Speed, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An operation that does not take a size.

    Args:
        size: N, C, H, W of the input.
        reason: what the operation says.
    """

    operation: Operation
    size: Size
    reason: str

    def __str__(self) -> str:
        return f"{self.operation.name} of {','.join(map(str, self.size))}: {self.reason}"


def compare(
    operations: Sequence[Operation],
    *,
    device: torch.device,
    dtypes: Sequence[torch.dtype],
    sizes: Sequence[Size],
    layouts: Sequence[str],
    compiled: bool,
    seconds: float,
    refused: Callable[[Refusal], object] | None = None,
) -> Iterator[Comparison]:
    """Measure every operation at every size, type and layout, one after the other.

    Args:
        layouts: keys of ``LAYOUTS``.
        compiled: whether to compile the reference as well.
        seconds: to spend on each comparison.
        refused: is told of each operation that does not take a size, and the others go on.

    Raises:
        ValueError: an operation does not take a size, and there is no ``refused``.
        UsageError: GANZOO_OPS leaves nothing to compare.
        BackendError: the tensors do not fit the memory of the device.
    """
    forced = forced_by_environment()
    if forced != "auto":
        raise UsageError(
            f"ganzoo bench ops compares implementations, and {VARIABLE}={forced} forces one."
            " Unset it."
        )
    for size, dtype, layout, operation in product(sizes, dtypes, layouts, operations):
        try:
            with kernels_on_demand_only():
                try:
                    given = problem(operation, size, dtype, LAYOUTS[layout], device)
                except ValueError as error:  # how an op refuses a shape
                    if refused is None:
                        raise
                    refused(Refusal(operation=operation, size=size, reason=str(error)))
                    continue
                ways, left_out = _ways(operation, given, device, compiled)
                copy_rate, speeds = _speeds(given, ways, device, seconds)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            shape = ",".join(map(str, size))
            raise BackendError(
                f"{operation.name} of {shape} in {str(dtype).removeprefix('torch.')} does not fit"
                f" the memory of {device}. Choose a smaller one with --size."
            ) from error
        yield Comparison(
            operation=operation,
            size=size,
            dtype=dtype,
            layout=layout,
            copied_bytes=_copied(given),
            copy_rate=copy_rate,
            forward_bytes=given.forward_bytes,
            both_bytes=given.forward_bytes + given.backward_bytes,
            speeds=speeds,
            left_out=tuple(left_out),
        )


def why_not_compiled(device: torch.device) -> str | None:
    """The reason for which torch.compile cannot run for a device; None: it can."""
    if device.type == "cuda":
        return None if find_spec("triton") else "triton is not installed"
    return None if any(map(shutil.which, COMPILERS)) else "there is no C++ compiler here"


def _speeds(
    given: Problem, ways: dict[str, Way], device: torch.device, seconds: float
) -> tuple[float, tuple[Speed, ...]]:
    """The rate of a copy, and what every implementation takes, measured in turn with it."""
    x = given.inputs[0].detach()
    y = torch.empty_like(x)
    calls: dict[str, Call] = {"copy": lambda: y.copy_(x)}
    for name, way in ways.items():
        calls[f"{name} forward"] = _forward(way, given)
        calls[f"{name} both"] = _both(way, given)
    times = interleaved(calls, device, seconds=seconds)
    copy_rate = _copied(given) / times["copy"]
    both_bytes = given.forward_bytes + given.backward_bytes
    speeds = []
    for name in ways:
        forward, both = times[f"{name} forward"], times[f"{name} both"]
        speeds.append(
            Speed(
                implementation=name,
                forward=forward,
                both=both,
                forward_rate=given.forward_bytes / forward,
                both_rate=both_bytes / both,
                forward_share=given.forward_bytes / forward / copy_rate,
                both_share=both_bytes / both / copy_rate,
            )
        )
    return copy_rate, tuple(speeds)


def _copied(given: Problem) -> int:
    """Bytes that a copy of the input reads and writes."""
    x = given.inputs[0]
    return 2 * x.numel() * x.element_size()


def _ways(
    operation: Operation, given: Problem, device: torch.device, compiled: bool
) -> tuple[dict[str, Way], list[tuple[str, str]]]:
    """The implementations that run here, and those that do not with the reason."""

    def way(impl: str) -> Way:
        return lambda *inputs: given.call(*inputs, impl=impl)

    ways = {"reference": way("reference"), "torch": way("auto")}
    left_out = []
    reason = why_not_ready(operation.op, given.inputs[0].dtype, device)
    if reason is None:
        ways["cupy"] = way("cupy")
    else:
        left_out.append(("cupy", reason))
    if compiled:
        reason = why_not_compiled(device)
        if reason is None:
            torch.compiler.reset()  # each size and type its own graph, not a dynamic one for all
            compiled_way: Any = torch.compile(way("reference"), dynamic=False)
            reason = _failure(compiled_way, given)
            ways |= {} if reason else {"compiled": compiled_way}
        if reason is not None:
            left_out.append(("compiled", reason))
    return ways, left_out


def _failure(way: Way, given: Problem) -> str | None:
    """Why an implementation cannot be called, or None."""
    try:
        _forward(way, given)()
        _both(way, given)()
    except RuntimeError as error:  # what dynamo and inductor raise
        if is_out_of_memory(error):
            raise
        return str(error).strip().partition("\n")[0]
    return None


def _forward(way: Way, given: Problem) -> Call:
    inputs = tuple(tensor.detach() for tensor in given.inputs)

    def call() -> object:
        with torch.no_grad():
            return way(*inputs)

    return call


def _both(way: Way, given: Problem) -> Call:
    def call() -> object:
        return torch.autograd.grad(way(*given.inputs), given.inputs, given.gradient)

    return call
