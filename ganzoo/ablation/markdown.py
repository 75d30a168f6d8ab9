"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ganzoo.ablation.facts import Facts
from ganzoo.ablation.notes import failures, losses_note, metrics_note, samples_note
from ganzoo.ablation.pictures import Picture, Pictures
from ganzoo.ablation.tables import Cell, Table, differences, matrices, summary


def markdown_of(facts: Facts, pictures: Pictures, folder: Path) -> str:
    """The whole report; pictures are linked relative to ``folder``."""
    return "\n".join(_lines(facts, pictures, folder)) + "\n"


def _lines(facts: Facts, pictures: Pictures, folder: Path) -> Iterator[str]:
    yield f"# Ablation of {facts.plan.name}"
    yield ""
    if facts.plan.about:
        yield facts.plan.about
        yield ""
    for label, text in facts.setting:
        yield f"- **{label}:** {_escaped(text)}"
    yield ""
    for warning in facts.warnings:
        yield f"> **Beware.** {_escaped(warning)}"
        yield ""
    yield from _table(summary(facts))
    for table in matrices(facts):
        yield from _table(table)
    for picture in pictures.metrics:
        yield from _picture(picture, folder)
    if metrics_note(facts):
        yield f"*{metrics_note(facts)}*"
        yield ""
    if any(pictures.strips):
        yield "## Samples"
        yield ""
        yield samples_note(facts)
        yield ""
        yield "| Point | Samples |"
        yield "|---|---|"
        for point, picture in zip(facts.points, pictures.strips):
            if picture is not None:
                image = _image(picture, folder)
                yield f"| {point.point.index}: {_escaped(point.point.label)} | {image} |"
        yield ""
    if pictures.losses is not None:
        yield "## Losses"
        yield ""
        yield from _picture(pictures.losses, folder)
        yield f"*{losses_note(facts)}*"
        yield ""
    between = differences(facts)
    if between is not None:
        yield from _table(between)
    yield from _failures(facts)


def _table(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    yield ""
    yield "| " + " | ".join(map(_escaped, table.headings)) + " |"
    yield (
        "|"
        + "|".join(
            "---" if number < table.labels else "--:" for number in range(len(table.headings))
        )
        + "|"
    )
    for row in table.rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"
    yield ""
    if table.note:
        yield f"*{_escaped(table.note)}*"
        yield ""


def _cell(cell: Cell) -> str:
    text = _escaped(cell.text)
    return f"**{text}**" if cell.strong and text else text


def _picture(picture: Picture | None, folder: Path) -> Iterator[str]:
    if picture is not None:
        yield _image(picture, folder)
        yield ""


def _image(picture: Picture, folder: Path) -> str:
    return f"![{_escaped(picture.title)}]({picture.path.relative_to(folder).as_posix()})"


def _failures(facts: Facts) -> Iterator[str]:
    found = failures(facts)
    if not found:
        return
    yield "## Runs that are not finished"
    yield ""
    for title, words in found:
        yield f"**{_escaped(title)}**"
        yield ""
        yield "```text"
        yield words.replace("```", "'''")
        yield "```"
        yield ""


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return plain.replace("_", "\\_").replace("\n", " ")
