"""The tables of a report, before they become Markdown or HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ganzoo.ablation.facts import Facts, PointFacts
from ganzoo.ablation.words import amount, brief, mean, memory, spread
from ganzoo.registry.types import Value, written

MOST_ACROSS = 4  # points beside one another that a page has room for


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell.

    Args:
        strong: the best of its column.
        faint: says nothing new.
        tint: 0 (worst) .. 1 (best), for a shade behind it; None: no shade.
        note: more about it, for who points at it.
    """

    text: str
    strong: bool = False
    faint: bool = False
    tint: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells under headings; the first ``labels`` columns are words, the others numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    labels: int = 1
    note: str = ""


def number_name(metric: str) -> str:
    """``ganzoo/frechet:frechet_distance`` as ``Frechet distance``."""
    words = metric.partition(":")[2].replace("_", " ")
    return words[:1].upper() + words[1:]


def axis_name(path: str) -> str:
    """``task.generator.block`` as ``generator block``."""
    return " ".join(path.removeprefix("task.").split(".")[-2:]).replace("_", " ")


def summary(facts: Facts) -> Table:
    """A row a point: what it costs, how fast it is, how good."""
    networks = list(dict.fromkeys(name for point in facts.points for name in point.parameters))
    on_device = any(point.peak("peak_device_memory") is not None for point in facts.points)
    headings = [
        "#",
        "Point",
        *(number_name(metric) + _arrow(facts, metric) for metric in facts.metrics),
        *(f"{name.capitalize()} parameters" for name in networks),
        *(f"{name.capitalize()} mult-adds" for name in networks),
        "Steps/s",
        "Peak memory",
        *(["Peak GPU memory"] if on_device else []),
        "Runs",
    ]
    best = {metric: facts.best(metric) for metric in facts.metrics}
    rows = []
    for point in facts.points:
        costs = [
            Cell(
                text=amount(table.get(name)),
                note=f"{table[name]:,}" if name in table else "",
            )
            for table in (point.parameters, point.multiply_adds)
            for name in networks
        ]
        rows.append(
            (
                Cell(text=str(point.point.index)),
                Cell(text=point.point.label, note=f"recipe {point.point.hash}"),
                *(
                    Cell(
                        text=spread(point.values(metric)),
                        strong=best[metric] is point and len(facts.points) > 1,
                        note=", ".join(f"{value:.6g}" for value in point.values(metric)),
                    )
                    for metric in facts.metrics
                ),
                *costs,
                Cell(text=spread(point.speeds())),
                Cell(text=memory(point.peak("peak_memory"))),
                *([Cell(text=memory(point.peak("peak_device_memory")))] if on_device else []),
                Cell(text=point.status()),
            )
        )
    return Table(
        title="Results",
        headings=tuple(headings),
        rows=tuple(rows),
        labels=2,
        note=_summary_note(facts),
    )


def _summary_note(facts: Facts) -> str:
    lines = [f"{name}: {text}." for name, text in facts.protocols.items()]
    if any(name == "ganzoo/frechet" for name in facts.protocols):
        lines.append("Only with Inception features is such a distance the FID of papers.")
    count = len(facts.plan.seeds)
    if count > 1:
        lines.append(
            f"Mean ± standard deviation (divisor n - 1) over the finished ones of {count} seeds."
        )
    if len(facts.points) > 1:
        lines.append("Bold is the best mean.")
    lines.append(
        "Mult-adds are those of one sample's forward pass. Steps/s is the median over the log, and"
        " runs that share a machine slow one another. Peak memory is the largest resident set of"
        " any run's process."
    )
    return " ".join(lines)


def _arrow(facts: Facts, metric: str) -> str:
    return " ↓" if facts.lower_is_better.get(metric.partition(":")[0], True) else " ↑"


def matrices(facts: Facts) -> list[Table]:
    """For a grid of two axes a table a metric: the first axis down, the second across."""
    if len(facts.plan.axes) != 2:
        return []
    down, across = facts.plan.axes
    rows = _named(facts, down)
    columns = _named(facts, across)
    if len(rows) < 2 or len(columns) < 2:
        return []
    cells = {
        (_key(point.point.values[down]), _key(point.point.values[across])): point
        for point in facts.points
    }
    return [_matrix(facts, metric, rows, columns, cells) for metric in facts.metrics]


def _named(facts: Facts, axis: str) -> dict[str, str]:
    """The values of an axis by their keys, in brief where no two of them look alike."""
    values = {_key(point.point.values[axis]): point.point.values[axis] for point in facts.points}
    short = {key: brief(value) for key, value in values.items()}
    if len(set(short.values())) == len(short):
        return short
    return {key: written(value) for key, value in values.items()}


def _key(value: Value) -> str:
    return repr(value)  # 1 and "1" are two values, and so are components of two vendors


def _matrix(
    facts: Facts,
    metric: str,
    rows: dict[str, str],
    columns: dict[str, str],
    cells: dict[tuple[str, str], PointFacts],
) -> Table:
    down, across = facts.plan.axes
    best = facts.best(metric)
    means = {
        key: mean(point.values(metric)) for key, point in cells.items() if point.values(metric)
    }
    finite = [value for value in means.values() if math.isfinite(value) and value > 0]
    low, high = (min(finite), max(finite)) if finite else (1.0, 1.0)
    lower = facts.lower_is_better.get(metric.partition(":")[0], True)

    def cell(key: tuple[str, str]) -> Cell:
        point = cells.get(key)
        if point is None:
            return Cell(text="", faint=True)
        value = means.get(key, math.nan)
        tint = None
        if math.isfinite(value) and 0 < low < high and value > 0:
            place = math.log(value / low) / math.log(high / low)
            tint = 1 - place if lower else place
        return Cell(
            text=spread(point.values(metric)),
            strong=point is best,
            tint=tint,
            note=f"point {point.point.index}: {point.point.label}",
        )

    return Table(
        title=f"{number_name(metric)}{_arrow(facts, metric)}",
        headings=(f"{axis_name(down)} ↓ / {axis_name(across)} →", *columns.values()),
        rows=tuple(
            (Cell(text=text), *(cell((row, column)) for column in columns))
            for row, text in rows.items()
        ),
    )


def differences(facts: Facts) -> Table | None:
    """Where the recipes differ from the first point's: a row a path, or a row a point if more."""
    paths = dict.fromkeys(path for point in facts.points for path, _, _ in point.differences)
    if not paths:
        return None
    found = [{path: right for path, _, right in point.differences} for point in facts.points]
    first = {path: left for point in facts.points for path, left, _ in point.differences}
    columns = [[Cell(text=written(first[path])) for path in paths]]
    for changed in found[1:]:
        columns.append(
            [
                Cell(text=written(changed[path])) if path in changed else Cell(text="=", faint=True)
                for path in paths
            ]
        )
    names = [f"{point.point.index}: {point.point.label}" for point in facts.points]
    if len(names) > max(len(paths), MOST_ACROSS):
        headings = ("Point", *paths)
        rows = [(Cell(text=name), *cells) for name, cells in zip(names, columns)]
    else:
        headings = ("Key", *names)
        rows = [(Cell(text=path), *cells) for path, *cells in zip(paths, *columns)]
    return Table(
        title="What differs",
        headings=headings,
        rows=tuple(rows),
        labels=len(headings),
        note=f"All recipes against that of point {facts.points[0].point.index}; = is as there.",
    )
