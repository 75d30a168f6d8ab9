"""Which implementation of each operation runs on the devices here, and why, for the doctor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ganzoo.backends.cupy_kernels.cache_folder import cache_folder, is_writable
from ganzoo.backends.cupy_kernels.gains import OPS, TYPES, committed_gains
from ganzoo.errors import BackendError, GanzooError

if TYPE_CHECKING:
    import torch

ENVIRONMENT = "GANZOO_OPS"


def operation_facts() -> Mapping[str, str]:
    """For every operation, what runs on each device and why."""
    facts = {ENVIRONMENT: os.environ.get(ENVIRONMENT) or "not set: the fastest that is known"}
    for op in OPS:
        facts[op] = "; ".join(f"{device}: {standing(op, device)}" for device in devices())
    return facts


def standing(op: str, device: torch.device) -> str:
    """What runs on a device where the caller leaves it open, and why."""
    import torch

    from ganzoo.backends.cupy_kernels.engine import why_not
    from ganzoo.ops.implementation import choice_and_reason

    chosen, reason = {}, None
    for name in TYPES:
        try:
            chosen[name], missed = choice_and_reason(op, getattr(torch, name), device)
        except GanzooError as error:
            return f"nothing, {error}"
        reason = reason or missed
    kernel = [name for name, choice in chosen.items() if choice == "cupy"]
    if "reference" in chosen.values():
        return f"reference, the plain definition, because {ENVIRONMENT} says so"
    if kernel:
        other = [] if len(kernel) == len(TYPES) else ["torch for the other types"]
        return ", ".join([f"cupy for {' and '.join(_gain(op, name) for name in kernel)}", *other])
    if device.type != "cuda":
        return "torch, in an arrangement faster than the definition where there is one"
    reason = reason or why_not(device)
    if reason is not None:
        return f"torch; cupy cannot run: {reason}"
    return (
        'torch; cupy only where it is asked for (impl="cupy"; not tried here): '
        "no committed GPU measurement shows a gain"
    )


def kernel_facts() -> Mapping[str, str]:
    """What kernels need: CuPy, a compiler, headers, a cache, and a measurement that they gain."""
    import torch

    from ganzoo.backends.cupy_kernels.engine import why_not
    from ganzoo.backends.cupy_kernels.readiness import cupy_distributions, header_folder
    from ganzoo.nn.precision import has_fast_bfloat16

    facts = {}
    for device in devices():
        reason = why_not(device)
        facts[f"on {device}"] = "can run" if reason is None else f"cannot run: {reason}"
    try:
        facts["gains measured on"] = committed_gains().measured_on or "no GPU yet, so none is taken"
    except BackendError as error:
        facts["gains measured on"] = str(error)
    facts["CuPy"] = ", ".join(cupy_distributions()) or "not installed; only GPUs need it"
    compiler, major = _compiler()
    facts["NVRTC"] = compiler
    headers = header_folder(major)
    facts["CUDA headers"] = "not found; only GPUs need them" if headers is None else str(headers)
    folder = cache_folder()
    kept = "writable" if is_writable(folder) else "not writable: compiled anew in every process"
    facts["cache folder"] = f"{folder}, {kept}"
    capability = torch.backends.cpu.get_cpu_capability()  # type: ignore[no-untyped-call]
    facts["cpu arithmetic"] = f"torch uses {capability}"
    facts["cpu bfloat16"] = (
        "fast: the CPU has instructions for it"
        if has_fast_bfloat16()
        else "slow: no AVX512_BF16 and no AMX, so float32 is faster here"
    )
    return facts


def operation_problems() -> Iterator[tuple[str, str]]:
    """What is wrong with it, each with a remedy."""
    from ganzoo.backends.cupy_kernels.engine import why_not
    from ganzoo.ops.demand import unmet_demand
    from ganzoo.ops.implementation import forced_by_environment

    try:
        demanded = forced_by_environment() == "cupy"
        gains = committed_gains()
    except GanzooError as error:
        what, _, remedy = str(error).rpartition(". ")
        yield f"{what}.", remedy
        return
    gpus = [device for device in devices() if device.type == "cuda"]
    if demanded:
        for device in gpus or devices():
            unmet = unmet_demand(device)
            if unmet is not None:
                yield f"{unmet[0]}.", unmet[1]
    elif gains.gains:
        for device in gpus:
            reason = why_not(device)
            if reason is None:
                continue
            what, _, remedy = reason.rpartition(". ")
            yield f"No kernel can run on {device}: {what}.", remedy


def devices() -> list[torch.device]:
    """The CPU, and every GPU that torch sees."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [torch.device("cpu"), *(torch.device("cuda", index) for index in range(count))]


def _gain(op: str, name: str) -> str:
    gain = committed_gains().gains.get(op, {}).get(name)
    return name if gain is None else f"{name} ({gain:.2f} times as fast as torch)"


def _compiler() -> tuple[str, int]:
    """Version and place of NVRTC, and the CUDA version whose headers it would read."""
    import torch

    from ganzoo.backends.cupy_kernels.nvrtc import nvrtc_here

    built = int((torch.version.cuda or "13").partition(".")[0])
    try:
        compiler = nvrtc_here()
    except BackendError as error:
        return str(error), built
    if compiler is None:
        return "not found; only GPUs need it", built
    major, minor = compiler.version
    return f"{major}.{minor}, {compiler.path}", built if torch.version.cuda else major
