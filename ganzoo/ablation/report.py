"""Writes down what an ablation found: Markdown, HTML, CSV, and their pictures."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

from ganzoo.ablation.facts import Facts
from ganzoo.ablation.figures import loss_figure, metric_figure
from ganzoo.ablation.html import html_of
from ganzoo.ablation.markdown import markdown_of
from ganzoo.ablation.pictures import Picture, Pictures
from ganzoo.ablation.tables import number_name
from ganzoo.data.files import atomic_file
from ganzoo.errors import DataError

FOLDER = "report"


def write_report(folder: Path, facts: Facts) -> Path:
    """Write ``report.md``, ``report.html`` and ``report.csv`` beside the runs.

    The HTML file holds everything that it shows and asks nothing of the network. The pictures of
    the Markdown file lie in ``report/``.

    Returns:
        The HTML file.

    Raises:
        DataError: the folder cannot be written.
    """
    pictures = _pictures(folder, facts)
    _write(folder / "report.csv", csv_of(facts, folder))
    _write(folder / "report.md", markdown_of(facts, pictures, folder))
    _write(folder / "report.html", html_of(facts, pictures))
    return folder / "report.html"


def csv_of(facts: Facts, folder: Path) -> str:
    """A row a run, all numbers unrounded; empty where something is not known."""
    networks = list(dict.fromkeys(name for point in facts.points for name in point.parameters))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            *("point", "label", "seed", "status", "recipe_hash", "images", "run"),
            *(f"{name}_parameters" for name in networks),
            *(f"{name}_multiply_adds" for name in networks),
            *("steps_per_second", "seconds", "peak_memory", "peak_device_memory"),
            *facts.metrics,
        ]
    )
    for point in facts.points:
        for run in point.runs:
            where = "" if run.folder is None else run.folder.relative_to(folder).as_posix()
            writer.writerow(
                [
                    *(point.point.index, point.point.label, run.member.seed, run.status),
                    *(point.point.hash, run.images, where),
                    *(point.parameters.get(name) for name in networks),
                    *(point.multiply_adds.get(name) for name in networks),
                    *(run.steps_per_second, run.seconds),
                    *(run.record.peak_memory, run.record.peak_device_memory),
                    *(run.evaluation.get("values", {}).get(name) for name in facts.metrics),
                ]
            )
    return out.getvalue()


def _pictures(folder: Path, facts: Facts) -> Pictures:
    place = folder / FOLDER
    strips: list[Picture | None] = []
    for point in facts.points:
        first = next((run.strip for run in point.runs if run.strip is not None), None)
        if first is not None:
            name = f"point-{point.point.index}.png"
            _copy(first, place / name)
            strips.append(Picture(title=point.point.label, path=place / name))
        else:
            strips.append(None)
    return Pictures(
        strips=tuple(strips),
        losses=_drawn(place / "losses.png", "Losses over the images shown", loss_figure(facts)),
        metrics=tuple(
            _drawn(place / f"metric-{number}.png", number_name(name), metric_figure(facts, name))
            for number, name in enumerate(facts.metrics)
        ),
    )


def _drawn(path: Path, title: str, content: bytes | None) -> Picture | None:
    if content is None:
        return None
    with atomic_file(path) as file:
        file.write(content)
    return Picture(title=title, path=path)


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror}.", path=target) from error


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))
