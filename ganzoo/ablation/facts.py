"""What an ablation found: one set of facts a run, one a point."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.ablation.folder import EVALUATION, STRIP, home_of, rows_of, run_of
from ganzoo.ablation.plan import Member, Plan, PlannedPoint
from ganzoo.ablation.record import Record, RunRecord

# what an evaluation holds by name; a file without them is none
MAPPINGS = ("parameters", "multiply_adds", "values", "protocols", "lower_is_better", "data")

Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """One run.

    Args:
        folder: its run folder, or None where nothing was trained.
        steps_per_second: median over the rows of its log, without the first; None: not known.
        seconds: trained in all, by its log.
        losses: by name, (images, value) in their order.
        evaluation: as ``evaluation.json`` has it; empty where it was not evaluated.
        strip: a PNG of its samples, or None.
    """

    member: Member
    record: RunRecord
    folder: Path | None
    steps_per_second: float | None
    seconds: float
    losses: Mapping[str, Curve]
    evaluation: Mapping[str, Any]
    strip: Path | None

    @property
    def images(self) -> int:
        """That it has seen: as evaluated, else as the record has it."""
        return int(self.evaluation.get("images") or self.record.images)

    @property
    def status(self) -> str:
        """Of the run, or that it is trained but was not evaluated."""
        evaluated = bool(self.evaluation) and not self.evaluation.get("error")
        return (
            "not evaluated"
            if self.record.status == "finished" and not evaluated
            else self.record.status
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFacts:
    """One point with all its runs.

    Args:
        differences: (path, value at the first point, value here).
    """

    point: PlannedPoint
    runs: tuple[RunFacts, ...]
    differences: tuple[tuple[str, Any, Any], ...]

    @property
    def parameters(self) -> Mapping[str, int]:
        """By network; empty where no run was evaluated."""
        return self._by_network("parameters")

    @property
    def multiply_adds(self) -> Mapping[str, int]:
        """By network, of one sample's forward pass; empty where they were not counted."""
        return self._by_network("multiply_adds")

    def _by_network(self, name: str) -> Mapping[str, int]:
        for run in self.runs:
            if run.evaluation:
                found: Mapping[str, int] = run.evaluation[name]
                return found
        return {}

    def values(self, metric: str) -> list[float]:
        """The number of each evaluated run, in the order of the seeds."""
        return [
            run.evaluation["values"][metric]
            for run in self.runs
            if metric in run.evaluation.get("values", {})
        ]

    def speeds(self) -> list[float]:
        """Steps a second of each run that has them."""
        return [run.steps_per_second for run in self.runs if run.steps_per_second is not None]

    def peak(self, name: str) -> int | None:
        """The most memory of any run: ``peak_memory`` or ``peak_device_memory``."""
        found = [getattr(run.record, name) for run in self.runs]
        return max((amount for amount in found if amount is not None), default=None)

    def status(self) -> str:
        """``3 finished``, ``2 finished, 1 failed``."""
        counts: dict[str, int] = {}
        for run in self.runs:
            counts[run.status] = counts.get(run.status, 0) + 1
        return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An ablation, ready to be written down.

    Args:
        metrics: names of the numbers, in the order they were asked for.
        setting: label and text of what it was made with: recipe, data, machine, versions.
    """

    plan: Plan
    points: tuple[PointFacts, ...]
    metrics: tuple[str, ...]
    protocols: Mapping[str, str]
    lower_is_better: Mapping[str, bool]
    setting: Sequence[tuple[str, str]]
    warnings: Sequence[str] = ()

    def best(self, metric: str) -> PointFacts | None:
        """The point with the best mean of a number; None: none has it."""
        means = [
            (statistics.fmean(values), point)
            for point in self.points
            if (values := point.values(metric)) and all(map(math.isfinite, values))
        ]
        if not means:
            return None
        sign = 1 if self.lower_is_better.get(metric.partition(":")[0], True) else -1
        return min(means, key=lambda pair: sign * pair[0])[1]


def run_facts(folder: Path, member: Member, record: Record) -> RunFacts:
    """What is known of one run, from its files."""
    home = home_of(folder, member)
    run = run_of(folder, member)
    rows = [] if run is None else rows_of(run)
    known = record.of(member)
    # an unfinished run has seen fewer images than the others, and does not compare
    evaluation = _evaluation(home) if run is not None and known.status == "finished" else {}
    strip = home / STRIP
    return RunFacts(
        member=member,
        record=known,
        folder=run,
        steps_per_second=steps_per_second(rows),
        seconds=float(rows[-1].get("seconds", 0.0)) if rows else 0.0,
        losses=losses(rows),
        evaluation=evaluation,
        strip=strip if evaluation and strip.is_file() else None,
    )


def steps_per_second(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """Median over the rows of a log of the steps a second since the row before.

    The first row includes warming up and counts only where it is the only one.
    """
    if not rows:
        return None
    places = [(row["step"], row["seconds"]) for row in rows if "step" in row and "seconds" in row]
    rates = [
        (step - step_before) / (seconds - seconds_before)
        for (step_before, seconds_before), (step, seconds) in itertools.pairwise(places)
        if seconds > seconds_before and step > step_before
    ]
    if rates:
        return float(statistics.median(rates))
    if not places or places[0][1] <= 0:
        return None
    return float(places[0][0] / places[0][1])


def losses(rows: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """Every ``..._loss`` of a log by its name without the ending."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name.endswith("_loss") and isinstance(value, (int, float)) and math.isfinite(value):
                found.setdefault(name.removesuffix("_loss"), []).append((row["images"], value))
    return {name: tuple(curve) for name, curve in found.items()}


def _evaluation(home: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((home / EVALUATION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(found, dict) and all(isinstance(found.get(key), dict) for key in MAPPINGS)
    return found if whole else {}
