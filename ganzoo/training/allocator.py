"""Memory that a step gives back and the next one takes again, kept by the process meanwhile."""

from __future__ import annotations

import ctypes
import platform

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let glibc keep what is freed, for the next step's tensors; whether that could be asked for.

    Otherwise every large tensor on a CPU is mapped anew, and the system clears each of its pages
    before the first write: a tenth to a third of a training step. The process holds on to the most
    it needed so far, until it ends, so this is for commands that own their process. Elsewhere than
    on Linux with glibc nothing happens.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    kept = library.mallopt(_M_MMAP_MAX, 0) and library.mallopt(_M_TRIM_THRESHOLD, _NEVER)
    return bool(kept)
