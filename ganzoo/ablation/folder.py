"""Where an ablation keeps its runs, and what can be read there while they go on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ganzoo.ablation.plan import Member
from ganzoo.assembly.checkpoint import checkpoint_files
from ganzoo.errors import DataError, UsageError

LOCK = "lock"
LOG = "log.txt"
USAGE = "usage.json"
EVALUATION = "evaluation.json"
STRIP = "strip.png"
TAIL_BYTES = 8_192  # some rows of stats.jsonl
LOG_TAIL_BYTES = 65_536
REASON_LINES = 6
PATIENCE = 120.0  # seconds for runs of a killed `ganzoo ablate` to save and end


def home_of(folder: Path, member: Member) -> Path:
    """The folder of one run of an ablation: its log, and its run folder."""
    return folder / "runs" / member.key


def run_of(folder: Path, member: Member) -> Path | None:
    """The run folder to go on with or to read: the one that came furthest; None: none trained."""
    found = [
        (images, path)
        for path in home_of(folder, member).glob("*/")
        if (path / "recipe.yaml").is_file() and (images := saved_images(path))
    ]
    return max(found, key=lambda pair: (pair[0], pair[1].name))[1] if found else None


def saved_images(run: Path) -> int:
    """Images that the newest checkpoint of a run has seen; 0: there is none."""
    files = checkpoint_files(run)
    return int(files[0].stem) if files else 0


def shown_images(home: Path) -> int:
    """Images that the run in a home says it has shown, by the last row of its log."""
    logs = [path for path in home.glob("*/stats.jsonl") if path.is_file()]
    if not logs:
        return 0
    newest = max(logs, key=lambda path: path.stat().st_mtime)
    rows = _rows(_tail(newest, TAIL_BYTES).splitlines())
    return int(rows[-1]["images"]) if rows else 0


def rows_of(run: Path) -> list[dict[str, Any]]:
    """The rows of a run's ``stats.jsonl``; a half-written last one is left out."""
    try:
        return _rows((run / "stats.jsonl").read_text(encoding="utf-8").splitlines())
    except OSError:
        return []


def _rows(lines: list[str]) -> list[dict[str, Any]]:
    rows = []
    for line in lines:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict) and "images" in row:
                rows.append(row)
    return rows


def last_words(home: Path) -> str:
    """The last lines of a run's output, without its progress bars."""
    text = _tail(home / LOG, LOG_TAIL_BYTES)
    lines = [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]
    told = [line for line in lines if line and not re.search(r"\d+%\|", line)]
    return "\n".join(told[-REASON_LINES:])


def _tail(path: Path, size: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


@contextlib.contextmanager
def locked(folder: Path, report: Callable[[str], None]) -> Iterator[int | None]:
    """Hold a folder for this process and the runs it starts; they inherit the descriptor.

    So a second ``ganzoo ablate`` waits until every run of a killed one has ended too. Where the
    system has no such locks, the folder is not held and None comes out.

    Raises:
        DataError: the folder cannot be written.
        UsageError: somebody else holds it for longer than such runs take to save.
    """
    descriptor = _lock_file(folder)
    if descriptor is None or sys.platform == "win32":
        yield None
        return
    import fcntl

    try:
        began = time.monotonic()
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not told:
                    report(
                        f"{folder}: runs of another `ganzoo ablate` are at work or saving; waiting."
                    )
                    told = True
            if time.monotonic() - began > PATIENCE:
                raise UsageError(
                    f"{folder}: another `ganzoo ablate` is at work here. Wait for it, or name"
                    " another folder with --out."
                )
            time.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock_file(folder: Path) -> int | None:
    """A descriptor of the file that is locked, its folder made; None: there are no such locks."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            return None
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written: {error.strerror or error}. Choose another place with"
            " --out.",
            path=folder,
        ) from error
