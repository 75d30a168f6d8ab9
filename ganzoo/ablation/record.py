"""``ablation.json``: what an ablation is, and how far each of its runs has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ganzoo.ablation import words
from ganzoo.ablation.plan import Member, Plan
from ganzoo.data.files import atomic_file
from ganzoo.errors import DataError, UsageError

FILE = "ablation.json"
FORMAT = 1
SHOWN_CHANGES = 8

Status = Literal["waiting", "running", "stopped", "finished", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """How far one run has come.

    Args:
        images: the budget that it has finished.
        attempts: processes started for it.
        pid: of the process that is running, or was when its starter was killed.
        exit_code: of the last; below 0 the number of the signal that ended it.
        seconds: wall clock of all attempts that came to an end.
        peak_memory: bytes, the largest resident set of any attempt; None: not measured.
        peak_device_memory: bytes on a CUDA device, likewise.
        reason: the last lines of the log of a run that failed.
    """

    status: Status = "waiting"
    images: int = 0
    attempts: int = 0
    pid: int | None = None
    exit_code: int | None = None
    seconds: float = 0.0
    peak_memory: int | None = None
    peak_device_memory: int | None = None
    reason: str = ""


class Record:
    """The record of one ablation's folder; every change is on the disk when it returns."""

    def __init__(self, folder: Path, plan: Plan, stored: Mapping[str, Any] | None) -> None:
        self.folder = folder
        self._plan = plan
        stored = stored or {}
        self._points = {**stored.get("points", {}), **_points(plan)}
        self._runs = {
            key: RunRecord(**fields)
            for key, fields in stored.get("runs", {}).items()
            if isinstance(fields, Mapping)
        }

    def of(self, member: Member) -> RunRecord:
        """How far a run has come."""
        return self._runs.get(member.key, RunRecord())

    def change(self, member: Member, **changes: Any) -> RunRecord:
        """Note something new about a run."""
        found = replace(self.of(member), **changes)
        self._runs[member.key] = found
        self.write()
        return found

    def write(self) -> None:
        """Write the whole record."""
        content = {
            "ganzoo_ablation": FORMAT,
            "name": self._plan.name,
            "points": self._points,
            "runs": {key: asdict(run) for key, run in sorted(self._runs.items())},
        }
        with atomic_file(self.folder / FILE) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode("utf-8"))


def open_record(folder: Path, plan: Plan) -> Record:
    """The record of a folder, new or as an earlier ``ganzoo ablate`` left it.

    Raises:
        DataError: the folder holds something else, or its record cannot be read.
        UsageError: the recipe has changed since, so the runs there are of another experiment.
    """
    path = folder / FILE
    if not path.exists():
        if folder.is_dir() and any(entry.name != "lock" for entry in folder.iterdir()):
            raise DataError(
                f"{folder}: this folder holds something else and no {FILE}. Name an empty or a new"
                " one with --out.",
                path=folder,
            )
        return Record(folder, plan, None)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        found = int(stored["ganzoo_ablation"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: the record of the ablation cannot be read ({error}). Its runs lie in"
            f" {folder / 'runs'}; name another folder with --out.",
            path=path,
        ) from error
    if found > FORMAT:
        raise DataError(f"{path}: written by a newer ganzoo. Upgrade ganzoo.", path=path)
    _refuse_changes(folder, plan, stored["points"])
    return Record(folder, plan, stored)


def _points(plan: Plan) -> dict[str, Any]:
    return {
        str(point.index): {"label": point.label, "hash": point.hash, "content": point.content()}
        for point in plan.points
    }


def _refuse_changes(folder: Path, plan: Plan, stored: Mapping[str, Any]) -> None:
    lines = []
    for index, point in _points(plan).items():
        before = stored.get(index)
        if before is None:
            continue
        then, now = before["content"], json.loads(json.dumps(point["content"]))
        for path in dict.fromkeys([*then, *now]):
            old, new = (words.written(side.get(path)) for side in (then, now))
            if old != new:
                lines.append(f"point {index} ({point['label']}): {path} was {old}, now {new}")
    if lines:
        more = len(lines) - SHOWN_CHANGES
        told = [*lines[:SHOWN_CHANGES], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError(
            f"{folder}: the runs here are of another recipe. Go on in another folder, as:"
            f" --out {folder}-2\n  " + "\n  ".join(told)
        )
