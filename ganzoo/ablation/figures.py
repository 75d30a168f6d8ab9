"""The drawings of a report: losses over the images shown, and the metric of every point."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from ganzoo.ablation.facts import Curve, Facts, PointFacts
from ganzoo.ablation.notes import MOST_BANDS
from ganzoo.ablation.tables import number_name

INK = "#4a5058"
PAPER = "#ffffff"
RESOLUTION = 150  # dots per inch
SAMPLES = 160  # places along a curve
WINDOW = 9  # of them in a running mean, a twentieth


def loss_figure(facts: Facts) -> bytes | None:
    """PNG: a panel a loss, a line a point (mean over seeds), smoothed.

    A line has a band of one deviation, unless there are too many to tell their bands apart.
    """
    names = list(
        dict.fromkeys(name for point in facts.points for run in point.runs for name in run.losses)
    )
    names = [name for name in names if any(_curves(point, name) for point in facts.points)]
    if not names:
        return None
    figure, axes = _panels(len(names), width=5.2, height=3.6)
    for name, axis in zip(names, axes):
        for number, point in enumerate(facts.points):
            curves = _curves(point, name)
            if not curves:
                continue
            images, mean, deviation = band(curves, window=WINDOW)
            color = _color(number, len(facts.points))
            label = f"{point.point.index}  {point.point.label}"
            axis.plot(images, mean, color=color, linewidth=1.5, label=label)
            if len(curves) > 1 and len(facts.points) <= MOST_BANDS:
                axis.fill_between(
                    images, mean - deviation, mean + deviation, color=color, alpha=0.14, linewidth=0
                )
        axis.set_title(f"{name} loss", loc="left", fontsize=10, color=INK)
        axis.set_xlabel("images shown")
        axis.xaxis.set_major_formatter(_thousands)
        axis.grid(alpha=0.25, linewidth=0.6)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(4, max(1, len(labels))),
        frameon=False,
        fontsize=8,
    )
    return _png(figure)


def metric_figure(facts: Facts, metric: str) -> bytes | None:
    """PNG: a line a point, a ring a run, and the mean with its deviation."""
    points = [point for point in facts.points if point.values(metric)]
    if not points:
        return None
    figure, (axis,) = _panels(1, width=7.4, height=0.9 + 0.36 * len(points))
    for place, point in enumerate(points):
        number = facts.points.index(point)
        color = _color(number, len(facts.points))
        values = np.array(point.values(metric), dtype=np.float64)
        deviation = values.std(ddof=1) if len(values) > 1 else 0.0
        axis.errorbar(
            values.mean(), place, xerr=deviation, fmt="o", color=color, markersize=6.5, capsize=3
        )
        if len(values) > 1:
            axis.plot(
                values,
                np.full(len(values), place),
                "o",
                markersize=4.5,
                markerfacecolor="none",
                markeredgecolor=color,
                alpha=0.75,
            )
    axis.set_yticks(range(len(points)), [f"{p.point.index}  {p.point.label}" for p in points])
    axis.set_ylim(len(points) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.25, linewidth=0.6)
    lower = facts.lower_is_better.get(metric.partition(":")[0], True)
    better = "lower" if lower else "higher"
    axis.set_xlabel(f"{number_name(metric)} ({better} is better)")
    return _png(figure)


def band(
    curves: Sequence[Curve], *, window: int = 1
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean and standard deviation of curves, where all of them are known.

    Args:
        window: odd, places of a running mean of each curve; 1: as it is.

    Returns:
        Images, mean, deviation (divisor n - 1; 0 for one curve), each [P].
    """
    first = max(curve[0][0] for curve in curves)
    last = min(curve[-1][0] for curve in curves)
    images = np.linspace(first, max(first, last), SAMPLES)
    values = np.stack([_smoothed(_read(curve, images), window) for curve in curves])
    deviation = values.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros(len(images))
    return images, values.mean(axis=0), deviation


def _read(curve: Curve, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    places, values = np.array(curve, dtype=np.float64).T
    found: np.ndarray[Any, Any] = np.interp(images, places, values)
    return found


def _smoothed(values: np.ndarray[Any, Any], window: int) -> np.ndarray[Any, Any]:
    """Running mean; at the ends over as many places as there are."""
    ones = np.ones(window)
    found: np.ndarray[Any, Any] = np.convolve(values, ones, "same")
    return found / np.convolve(np.ones(len(values)), ones, "same")


def _curves(point: PointFacts, name: str) -> list[Curve]:
    return [run.losses[name] for run in point.runs if run.losses.get(name)]


def _color(number: int, count: int) -> Any:
    from matplotlib import colormaps

    if count <= 10:
        return colormaps["tab10"](number)
    return colormaps["turbo"]((number + 0.5) / count)


def _panels(count: int, *, width: float, height: float) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * count, height), layout="constrained", facecolor=PAPER)
    axes = [figure.add_subplot(1, count, number + 1) for number in range(count)]
    for axis in axes:
        axis.tick_params(labelsize=8, colors=INK)
        axis.xaxis.label.set(fontsize=9, color=INK)
        for name, spine in axis.spines.items():
            spine.set_visible(name in ("left", "bottom"))
            spine.set_color("#9aa1a9")
    return figure, axes


def _thousands(value: float, place: int) -> str:
    del place
    return f"{value / 1000:g} k" if abs(value) >= 1000 else f"{value:g}"


def _png(figure: Any) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", dpi=RESOLUTION)
    return file.getvalue()
