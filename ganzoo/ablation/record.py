"""``ablation.json``: what an ablation is, and how far each of its runs has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from ganzoo.ablation.folder import LOCK
from ganzoo.ablation.plan import Member, Plan
from ganzoo.data.files import atomic_file
from ganzoo.errors import DataError, UsageError
from ganzoo.recipe.diff import ABSENT
from ganzoo.registry.types import written

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
    """The record of one ablation's folder; every change is on the disk when it returns.

    Args:
        points: that an earlier record had, by index.
        runs: that an earlier record had, by the key of the member.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        *,
        points: Mapping[str, Any],
        runs: Mapping[str, RunRecord],
    ) -> None:
        self.folder = folder
        self._plan = plan
        self._points = {**points, **_points(plan)}
        self._runs = dict(runs)

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


def refuse_strangers(folder: Path) -> None:
    """See that a folder is an ablation's, or empty, or not there; nothing is written.

    Raises:
        DataError: it holds something else, or cannot be read.
    """
    try:
        strange = (
            not (folder / FILE).exists()
            and folder.is_dir()
            and any(entry.name != LOCK for entry in folder.iterdir())
        )
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read: {error.strerror or error}. Choose another place with"
            " --out.",
            path=folder,
        ) from error
    if strange:
        raise DataError(
            f"{folder}: this folder holds something else and no {FILE}. Name an empty or a new"
            " one with --out.",
            path=folder,
        )


def open_record(folder: Path, plan: Plan) -> Record:
    """The record of a folder, new or as an earlier ``ganzoo ablate`` left it.

    Raises:
        DataError: the folder holds something else, or its record cannot be read.
        UsageError: the recipe has changed since, so the runs there are of another experiment.
    """
    refuse_strangers(folder)
    path = folder / FILE
    if not path.exists():
        return Record(folder, plan, points={}, runs={})
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if int(stored["ganzoo_ablation"]) > FORMAT:
            raise DataError(f"{path}: written by a newer ganzoo. Upgrade ganzoo.", path=path)
        points = {key: _checked_point(key, point) for key, point in stored["points"].items()}
        runs = {key: _checked_run(key, fields) for key, fields in stored["runs"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: the record of the ablation cannot be read ({_reason(error)}). Its runs lie in"
            f" {folder / 'runs'}; name another folder with --out.",
            path=path,
        ) from error
    _refuse_changes(folder, plan, points)
    return Record(folder, plan, points=points, runs=runs)


def _checked_point(key: str, point: Any) -> Mapping[str, Any]:
    if not isinstance(point["content"], Mapping):
        raise TypeError(f"point {key} has no recipe")
    found: Mapping[str, Any] = point
    return found


def _checked_run(key: str, fields: Any) -> RunRecord:
    """A run as it was written, every field of its type."""
    run = RunRecord(**fields)
    for name, value in asdict(run).items():
        if not isinstance(value, _TYPES.get(name, int)):
            raise TypeError(f"run {key} has {name}: {value!r}")
    if run.status not in get_args(Status):
        raise ValueError(f"run {key} has status: {run.status!r}")
    return run


_MAYBE = (int, type(None))
_TYPES: Mapping[str, Any] = {  # of the fields that are not whole numbers
    "status": str,
    "reason": str,
    "seconds": (int, float),
    **dict.fromkeys(("pid", "exit_code", "peak_memory", "peak_device_memory"), _MAYBE),
}


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


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
        if before.get("hash") == point["hash"]:
            continue
        then, now = before["content"], json.loads(json.dumps(point["content"]))
        for path in dict.fromkeys([*then, *now]):
            old, new = (side.get(path, ABSENT) for side in (then, now))
            if old != new and not _both_nothing(old, new):
                old, new = written(old), written(new)
                lines.append(f"point {index} ({point['label']}): {path} was {old}, now {new}")
    if lines:
        more = len(lines) - SHOWN_CHANGES
        told = [*lines[:SHOWN_CHANGES], *([f"and {more} more"] if more > 0 else [])]
        raise UsageError(
            f"{folder}: the runs here are of another recipe. Go on in another folder, as:"
            f" --out {folder}-2\n  " + "\n  ".join(told)
        )


def _both_nothing(old: Any, new: Any) -> bool:
    """Whether what is absent on one side is null on the other, which is no other recipe."""
    return all(value is ABSENT or value is None for value in (old, new))
