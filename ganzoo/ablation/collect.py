"""Gathers what an ablation found, from the files of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from ganzoo.ablation.facts import Facts, PointFacts, RunFacts, run_facts
from ganzoo.ablation.machine import machine_words, version_words
from ganzoo.ablation.plan import Member, Plan, PlannedPoint
from ganzoo.ablation.record import Record
from ganzoo.ablation.words import duration
from ganzoo.recipe.diff import diff

MORE_THAN_A_BATCH = 1.05  # runs end with a whole batch, so sizes differ a little


def collect(folder: Path, plan: Plan, record: Record, *, recipe: str) -> Facts:
    """All facts of an ablation's folder; reads files and computes nothing anew.

    Args:
        recipe: what the user called it.
    """
    first = plan.points[0]
    points = tuple(
        _point_facts(
            first,
            point,
            [run_facts(folder, Member(point.index, seed), record) for seed in plan.seeds],
        )
        for point in plan.points
    )
    evaluations = [run.evaluation for run in _evaluated(points)]
    metrics = dict.fromkeys(name for evaluation in evaluations for name in evaluation["values"])
    protocols: dict[str, str] = {}
    lower: dict[str, bool] = {}
    for evaluation in evaluations:
        protocols.update(evaluation["protocols"])
        lower.update(evaluation["lower_is_better"])
    return Facts(
        plan=plan,
        points=points,
        metrics=tuple(metrics),
        protocols=protocols,
        lower_is_better=lower,
        setting=_setting(plan, points, recipe),
        warnings=_warnings(points),
    )


def _point_facts(first: PlannedPoint, point: PlannedPoint, runs: Sequence[RunFacts]) -> PointFacts:
    return PointFacts(
        point=point,
        runs=tuple(runs),
        differences=tuple(
            (found.path, found.left, found.right) for found in diff(first.recipe, point.recipe)
        ),
    )


def _setting(plan: Plan, points: Sequence[PointFacts], recipe: str) -> list[tuple[str, str]]:
    told = [("Recipe", f"{plan.name} ({recipe})")]
    data = list(
        dict.fromkeys(
            "{use}, {count:,} pictures of {height} x {width} x {channels}, fingerprint"
            " {fingerprint:.8}".format(
                **run.evaluation["data"],
                height=run.evaluation["data"]["resolution"][0],
                width=run.evaluation["data"]["resolution"][1],
            )
            for run in _evaluated(points)
        )
    )
    if data:
        told.append(("Data", "; ".join(data)))
    seen = {run.images for run in _evaluated(points)} or {point.images for point in plan.points}
    told.append(("Budget", " or ".join(f"{images:,}" for images in sorted(seen)) + " images a run"))
    told.append(("Seeds", ", ".join(map(str, plan.seeds))))
    seconds = sum(run.seconds for point in points for run in point.runs)
    told.append(("Machine", machine_words()))
    told.append(("Versions", version_words()))
    told.append(("Training", f"{duration(seconds)} in all runs together"))
    told.append(("Written", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")))
    return told


def _warnings(points: Sequence[PointFacts]) -> list[str]:
    found = []
    prints = {run.evaluation["data"]["fingerprint"] for run in _evaluated(points)}
    if len(prints) > 1:
        found.append(
            "The runs were evaluated against different pictures, so their numbers do not compare:"
            f" fingerprints {', '.join(sorted(name[:8] for name in prints))}."
        )
    for budget in sorted({point.point.images for point in points}):
        same = [point for point in points if point.point.images == budget]
        seen = sorted({run.images for run in _evaluated(same)})
        if seen and seen[-1] > seen[0] * MORE_THAN_A_BATCH:
            found.append(
                f"Some runs have seen {seen[-1]:,} images and others {seen[0]:,}, so their numbers"
                " do not compare; the CSV file says which. Train the others as far with --images."
            )
    counts = {
        len(values) for point in points for name in _names(points) if (values := point.values(name))
    }
    if len(counts) > 1:
        found.append("Some points have fewer evaluated runs than others; see the status.")
    return found


def _evaluated(points: Sequence[PointFacts]) -> list[RunFacts]:
    """The runs that there are numbers of."""
    return [run for point in points for run in point.runs if run.evaluation.get("values")]


def _names(points: Sequence[PointFacts]) -> list[str]:
    return list(
        dict.fromkeys(
            name
            for point in points
            for run in point.runs
            for name in run.evaluation.get("values", {})
        )
    )
