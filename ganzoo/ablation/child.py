"""One process of an ablation, which ends when the process that started it does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a process ended.

    Args:
        exit_code: below 0 the number of the signal that ended it.
        peak_memory: bytes of its largest resident set; None where the system does not tell.
    """

    exit_code: int
    seconds: float
    peak_memory: int | None


class Child:
    """A running process in a session of its own, its output in a log.

    Its standard input is a pipe that nothing is written to. The process watches it, and when it
    closes (because it is to stop, or because we were killed) saves and ends by itself.

    Args:
        lock: a descriptor that it inherits, or None.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        lock: int | None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {}
        if sys.platform != "win32":
            options = {"start_new_session": True, "pass_fds": () if lock is None else (lock,)}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                **options,
            )
        self._began = time.monotonic()
        self.pid = self._process.pid

    def ended(self) -> Ending | None:
        """How it ended, or None while it runs."""
        peak = None
        if sys.platform == "win32":
            code = self._process.poll()
            if code is None:
                return None
        else:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid == 0:
                return None
            code = self._process.returncode = os.waitstatus_to_exitcode(status)
            # Linux counts in KiB, macOS in bytes
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        self.stop()
        return Ending(exit_code=code, seconds=time.monotonic() - self._began, peak_memory=peak)

    def stop(self) -> None:
        """Ask it to save and end."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self.stop()
        self._process.kill()
