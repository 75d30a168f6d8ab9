"""The peak of the memory that a piece of work takes."""

from __future__ import annotations

from pathlib import Path

import torch

from ganzoo.training.memory import peak_memory, resident

_RESET = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # what proc(5) wants written to start the high-water mark anew


class PeakMemory:
    """Bytes at most since the beginning: of torch's allocator on a GPU, of the process on a CPU.

    On a CPU it is the growth of the resident set's high-water mark, so it takes in what libraries
    and threads allocate beside tensors. Where the system cannot start that mark anew, an earlier
    peak of the same process may hide a part of it; a fresh process has none.

    Args:
        device: whose memory; CUDA devices have their own, every other shares that of the CPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        _start_anew()
        self._before = resident() or peak_memory(device)

    def bytes(self) -> int:
        """The peak so far."""
        return max(0, peak_memory(self._device) - self._before)


def _start_anew() -> None:
    try:
        _RESET.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return  # there is no such file, or a sandbox forbids it
