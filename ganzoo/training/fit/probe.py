"""Starts a measuring process, listens to it, and ends it when it takes too much or too long."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from ganzoo import errors
from ganzoo.errors import GanzooError
from ganzoo.training.fit.measurement import Measurement, Request
from ganzoo.training.fit.measuring import ANSWERS, REQUEST
from ganzoo.training.memory import resident

GLANCE_SECONDS = 0.05  # between two looks at the process
LAST_LINES = 20  # of a process that broke, told in the error
KILLED, ABORTED = -9, -6  # exit codes of SIGKILL and SIGABRT, which Windows has no names for
NO_MEMORY_LEFT = "bad_alloc"  # what C++ says before it aborts


def probe(request: Request, *, seconds: float, allowed: int | None = None) -> Measurement:
    """Measure one share size in a fresh process.

    Args:
        seconds: that building the networks may take, and again the steps; then it is ended.
        allowed: bytes that it may hold in memory before it is ended, so that it cannot drive the
            machine out of its memory; None: as many as it likes.

    Raises:
        GanzooError: the process refused the recipe, the data or the device; the error is its own.
        RuntimeError: the process broke, which is nobody's wish; the text is what it said.
    """
    measurement = Measurement(share=request.share)
    with tempfile.TemporaryDirectory(prefix="ganzoo-fit-") as name:
        folder = Path(name)
        (folder / REQUEST).write_text(json.dumps(asdict(request)), encoding="utf-8")
        answers, said = folder / ANSWERS, folder / "output.txt"
        answers.touch()
        with said.open("wb") as output, answers.open(encoding="utf-8") as lines:
            process = subprocess.Popen(
                [sys.executable, "-m", "ganzoo.training.fit.measuring", str(folder)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                _listen(process, lines, measurement, seconds, allowed)
            finally:
                process.kill()
                process.wait()
                if process.stdin is not None:
                    process.stdin.close()
        if measurement.ending == "measured" and measurement.checkpoint_bytes is None:
            text = said.read_text(encoding="utf-8", errors="replace")
            explain(process.returncode, text, measurement)
    return measurement


def _listen(
    process: subprocess.Popen[bytes],
    lines: TextIO,
    measurement: Measurement,
    seconds: float,
    allowed: int | None,
) -> None:
    began = time.monotonic()
    part = ""
    building = True
    while True:
        running = process.poll() is None
        while True:
            part += lines.readline()
            if not part.endswith("\n"):
                break  # nothing yet, or half a line
            answer, part = json.loads(part), ""
            if answer["event"] == "refused":
                raise _refusal(answer["kind"], answer["text"])
            if answer["event"] == "out of memory":
                measurement.ending = "out of memory"
                return
            measurement.hear(answer)
        if not running:
            return
        if building and measurement.facts is not None:
            building, began = False, time.monotonic()
        if time.monotonic() - began > seconds:
            measurement.ending = "too slow"
            return
        if allowed is not None and (resident(process.pid) or 0) > allowed:
            measurement.ending = "out of memory"
            return
        time.sleep(GLANCE_SECONDS)


def _refusal(kind: str, text: str) -> GanzooError:
    """The error of the process, as it would have been raised here."""
    found = getattr(errors, kind, None)
    if (
        isinstance(found, type)
        and issubclass(found, GanzooError)
        and found is not errors.RecipeProblems
    ):
        return found(text)
    return errors.RecipeError(text)


def explain(code: int, said: str, measurement: Measurement) -> None:
    """Write down that memory ran out, where that is what ended a process early.

    Args:
        code: its exit code; that of a signal is negative.
        said: all that it printed.

    Raises:
        RuntimeError: it broke for another reason.
    """
    # the system kills what takes its last memory; a library that gets none aborts
    if code == KILLED or (code == ABORTED and NO_MEMORY_LEFT in said):
        measurement.ending = "out of memory"
        return
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    last = said.splitlines()[-LAST_LINES:]
    raise RuntimeError("\n".join([f"the measuring process broke, with {how}:", *last]))
