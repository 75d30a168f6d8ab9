"""``python -m ganzoo.cli.attached FILE run ...``: a command that ends with who started it.

Its standard input is a pipe. When that closes, whoever started it is gone or wants it to stop, and
it gets the signal of Ctrl-C, upon which a run saves and ends. FILE is told of its memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from ganzoo.cli.main import INTERRUPTED, main

PATIENCE = 120.0  # seconds to save in, before the signal comes again
LAST_PATIENCE = 30.0


def attached(words: list[str]) -> int:
    """Run one command line and return its exit code."""
    report, *command = words
    threading.Thread(target=_watch, name="ganzoo-attached", daemon=True).start()
    code = main(command)
    with contextlib.suppress(OSError):
        Path(report).write_text(json.dumps(_usage()), encoding="utf-8")
    return code


def _watch() -> None:
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    signal.raise_signal(signal.SIGINT)
    time.sleep(PATIENCE)
    signal.raise_signal(signal.SIGINT)
    time.sleep(LAST_PATIENCE)
    os._exit(INTERRUPTED)


def _usage() -> dict[str, int | None]:
    torch = sys.modules.get("torch")
    used = torch is not None and torch.cuda.is_initialized()
    return {"peak_device_memory": torch.cuda.max_memory_allocated() if torch and used else None}


if __name__ == "__main__":
    sys.exit(attached(sys.argv[1:]))
