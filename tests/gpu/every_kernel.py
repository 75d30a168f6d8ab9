"""Run every operation by its kernel, forward and backward, and print the seconds that it took.

A script: the first time in a process, what it runs is compiled or read from the cache.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / "kernels")]  # comparing, which bodies imports
    from bodies import DTYPES, LAYOUTS, NAMES, given, step

    torch.zeros(1, device="cuda").add_(1).item()  # wakes the device
    start = time.perf_counter()
    for name in NAMES:
        for dtype in DTYPES:
            for layout in LAYOUTS:
                step(given(name, (2, 16, 16, 16), dtype, layout, "cuda"))
    torch.cuda.synchronize()
    print(f"{time.perf_counter() - start:.2f} s")
