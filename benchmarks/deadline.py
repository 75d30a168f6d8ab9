"""Commands that run one after the other inside a limit of time; what no longer fits is skipped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TAIL = 2_000  # characters of what a command said that failed or was ended


@dataclass(kw_only=True)
class Outcome:
    """How a command went.

    Args:
        state: ``done``, ``failed``, ``out of time`` or ``skipped``.
        text: its standard output; of one that failed or was ended its last words, and of one that
            was ended or skipped the reason, in the last line.
        code: its exit code; None: it had none.
        seconds: that it took.
    """

    command: str
    state: str
    text: str = ""
    code: int | None = None
    seconds: float = 0.0

    def json(self) -> Any:
        """What it printed, read as JSON; None where it did not come to that."""
        try:
            return json.loads(self.text) if self.state == "done" else None
        except ValueError:
            return None


@dataclass(kw_only=True)
class Deadline:
    """Runs commands until the time is over.

    Args:
        seconds: for all of them together.
        folder: that they run in.
        clock: seconds that never go back.
        shown: places of this machine, and what stands for them in commands and in last words.
    """

    seconds: float
    folder: Path
    clock: Callable[[], float] = time.monotonic
    shown: Mapping[str, str] = field(default_factory=dict)
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def left(self) -> float:
        """Seconds."""
        return self.seconds - (self.clock() - self.began)

    def run(
        self,
        words: Sequence[str],
        *,
        needs: float,
        most: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run a command, unless less time is left than it needs.

        Args:
            words: the command line.
            needs: seconds without which it is not worth starting.
            most: seconds that it may take; None: all that are left.
            env: variables on top of this process's own.
        """
        command = self._shown(" ".join(words))
        if self.left < needs:
            left = f"{max(0.0, self.left):.0f} s were left, and it takes {needs:.0f} s"
            return Outcome(command=command, state="skipped", text=left)
        limit = self.left if most is None else min(most, self.left)
        start = self.clock()
        with subprocess.Popen(
            words,
            cwd=self.folder,
            # what a Python program said by then must not lie in its buffer when it is ended
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # what it started ends with it
                out, err = process.communicate()
                text = self._shown(f"{(out + err)[-TAIL:].rstrip()}\nended after {limit:.0f} s")
                return Outcome(
                    command=command,
                    state="out of time",
                    text=text.lstrip(),
                    seconds=self.clock() - start,
                )
        seconds = self.clock() - start
        if process.returncode:
            text = self._shown((out + err)[-TAIL:])
            return Outcome(
                command=command,
                state="failed",
                text=text,
                code=process.returncode,
                seconds=seconds,
            )
        return Outcome(command=command, state="done", text=out, code=0, seconds=seconds)

    def _shown(self, text: str) -> str:
        for place, name in self.shown.items():
            text = text.replace(place, name)
        return text
