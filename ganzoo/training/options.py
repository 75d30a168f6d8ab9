"""Machine matters of a run: flags of the command line, never keys of a recipe."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def _silent(line: str) -> None:
    del line


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How this machine is to run a recipe.

    Args:
        data: where the pictures are, or None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        images: stop after this many images in all, sooner or later than the recipe's budget;
            None: at the budget.
        max_minutes: stop after this long; None: no limit.
        out: folder that run folders are made in.
        resume: run folder or checkpoint to continue; None: a new run.
        init_from: run folder, checkpoint or folder of weights that a new run starts with, or None.
        workers: threads that read pictures side by side; 0: one reads ahead.
        command: what was typed, for the record.
        again: options that a later command on this run needs as well, as they are typed.
        report: is told lines for the user.
        progress: whether to show a bar.
    """

    data: Path | None = None
    device: str = "auto"
    images: int | None = None
    max_minutes: float | None = None
    out: Path = Path("runs")
    resume: Path | None = None
    init_from: Path | None = None
    workers: int = 0
    command: str = ""
    again: str = ""
    report: Callable[[str], None] = field(default=_silent)
    progress: bool = True


def resume_command(folder: Path, options: RunOptions) -> str:
    """What to type to go on with a run."""
    return f"ganzoo run {shlex.quote(str(folder))} {options.again}".rstrip()
