"""Bytes that are free here, and bytes that a process takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

_GROUP = Path("/sys/fs/cgroup")
_NO_MEMORY = ("can't allocate memory", "not enough memory", "DefaultCPUAllocator")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the machine."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def free_memory(device: torch.device) -> int | None:
    """Bytes that this process may have in all on a device; None: the system does not tell.

    On a CPU what it has already counts as free, and a container's limit counts where it is the
    narrower one. On a GPU it is what is left beside CUDA's own context, so allocations count alone.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_allocated(device)
    free_now = _available()
    if free_now is None:
        return None
    return free_now + (resident() or 0)


def peak_memory(device: torch.device) -> int:
    """Bytes that this process has had at most: of tensors on a GPU, else all of it."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    found = _kibibytes("/proc/self/status", "VmHWM")
    if found is not None:
        return found
    if sys.platform == "win32":
        raise OSError("Windows does not tell the peak memory of a process")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident(pid: int | None = None) -> int | None:
    """Bytes of a process (None: this one) that lie in memory now; None: not told, or no process."""
    return _kibibytes(f"/proc/{'self' if pid is None else pid}/status", "VmRSS")


def _available() -> int | None:
    free = _kibibytes("/proc/meminfo", "MemAvailable")
    if free is None and hasattr(os, "sysconf"):
        try:
            free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (ValueError, OSError):
            free = None
    left = [number for number in (free, _left_in_group()) if number is not None]
    return min(left) if left else None


def _left_in_group() -> int | None:
    """What a container's limit leaves, files that can be dropped counted as free."""
    for limit, usage, droppable in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most = int((_GROUP / limit).read_text(encoding="ascii"))
            used = int((_GROUP / usage).read_text(encoding="ascii"))
            rows = ((_GROUP / limit).parent / "memory.stat").read_text(encoding="ascii")
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
        facts = dict(line.split() for line in rows.splitlines())
        return max(0, most - used + int(facts.get(droppable, 0)))
    return None


def _kibibytes(path: str, name: str) -> int | None:
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
