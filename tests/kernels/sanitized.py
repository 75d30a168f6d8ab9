"""Run the comparisons on kernels built with the address sanitizer: ``sanitized.py DIR``.

First all of them as they are, then those that have to show a mistake of
`faults.BEYOND_THE_MEMORY`. Names go to stderr, between the sanitizer's own complaints. Its runtime
has to be preloaded, for the sake of the memory that torch allocates.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from emulator import SANITIZED, Emulator
from faults import BEYOND_THE_MEMORY, comparisons


def main() -> None:
    """Print what is run, a line each."""
    emulator = Emulator(folder=Path(sys.argv[1]), flags=SANITIZED)
    for comparison in comparisons():
        print(f"run: {comparison.__name__}", file=sys.stderr, flush=True)
        comparison(emulator)
    for name, (fault, comparison) in BEYOND_THE_MEMORY.items():
        print(f"run: {name}", file=sys.stderr, flush=True)
        child = os.fork()  # the sanitizer ends a process at its first complaint
        if child == 0:
            comparison(emulator.with_(fault=fault))
            os._exit(0)
        os.waitpid(child, 0)
    print("run: over", file=sys.stderr)


if __name__ == "__main__":
    main()
