"""A report as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html import escape

from ganzoo.ablation.facts import Facts
from ganzoo.ablation.notes import failures, losses_note, metrics_note, samples_note
from ganzoo.ablation.pictures import Picture, Pictures
from ganzoo.ablation.tables import Cell, Table, differences, matrices, summary

STYLE = """\
:root { color-scheme: light dark; --ink: #1d2126; --soft: #646c76; --line: #d9dde2;
  --paper: #ffffff; --card: #f5f6f8; --good: 34, 139, 96; --warn: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3ad; --line: #353b43;
  --paper: #15181c; --card: #1e2228; --good: 70, 190, 140; --warn: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 76rem; background: var(--paper);
  color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .8rem; }
p { margin: .4rem 0; } .about { font-size: 1.05rem; } .note { color: var(--soft); font-size: .85rem;
  max-width: 62rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 1.2rem 0;
  padding: .9rem 1.1rem; background: var(--card); border-radius: .6rem; font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: top; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); border-bottom-width: 2px; vertical-align: bottom;
  white-space: normal; line-height: 1.25; }
th.word, td.word { text-align: left; } td.faint { color: var(--soft); opacity: .6; }
td.strong { font-weight: 700; } table.matrix td { text-align: center; padding: .7rem 1.2rem; }
table.matrix th { text-align: center; } table.matrix .word { text-align: left; }
table.matrix th.word { max-width: 14rem; }
table.strips { table-layout: fixed; width: 100%; }
table.strips td { vertical-align: middle; }
table.strips td.word { width: 12rem; white-space: normal; }
td.strip { padding: .3rem .6rem; } .strip img, .figure img { display: block; max-width: 100%;
  height: auto; } .strip img { border-radius: .25rem; max-width: min(100%, 54rem); }
.figure { margin: 1.2rem 0; background: #fff; border: 1px solid var(--line);
  border-radius: .6rem; padding: .8rem; width: fit-content; max-width: 100%; }
.beware { border-left: .3rem solid var(--warn); padding: .5rem 1rem; background: var(--card); }
pre { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto;
  font-size: .82rem; } h3 { font-size: .95rem; margin: 1.2rem 0 .3rem; color: var(--warn); }
"""


def html_of(facts: Facts, pictures: Pictures) -> str:
    """The whole report, pictures inside."""
    return "\n".join(_lines(facts, pictures)) + "\n"


def _lines(facts: Facts, pictures: Pictures) -> Iterator[str]:
    title = f"Ablation of {escape(facts.plan.name)}"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{title}</h1>"
    if facts.plan.about:
        yield f'<p class="about">{escape(facts.plan.about)}</p>'
    yield "<dl>"
    for label, text in facts.setting:
        yield f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"
    for warning in facts.warnings:
        yield f'<p class="beware">{escape(warning)}</p>'
    yield from _table(summary(facts))
    for table in matrices(facts):
        yield from _table(table, "matrix")
    for picture in pictures.metrics:
        yield from _figure(picture)
    if metrics_note(facts):
        yield f'<p class="note">{escape(metrics_note(facts))}</p>'
    yield from _strips(facts, pictures)
    if pictures.losses is not None:
        yield "<h2>Losses</h2>"
        yield from _figure(pictures.losses)
        yield f'<p class="note">{escape(losses_note(facts))}</p>'
    between = differences(facts)
    if between is not None:
        yield from _table(between)
    found = failures(facts)
    if found:
        yield "<h2>Runs that are not finished</h2>"
    for heading, words in found:
        yield f"<h3>{escape(heading)}</h3>\n<pre>{escape(words)}</pre>"
    yield "</body>\n</html>"


def _table(table: Table, kind: str = "") -> Iterator[str]:
    yield f"<h2>{escape(table.title)}</h2>"
    yield f'<div class="wide"><table class="{kind}"><thead><tr>'
    for number, heading in enumerate(table.headings):
        word = ' class="word"' if number < table.labels else ""
        held = re.sub(" (?=[↓↑→])", "&nbsp;", escape(heading))  # no arrow on a line of its own
        yield f"<th{word}>{held}</th>"
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (_cell(cell, number < table.labels) for number, cell in enumerate(row))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'


def _cell(cell: Cell, word: bool) -> str:
    named = (("word", word), ("strong", cell.strong), ("faint", cell.faint))
    names = " ".join(name for name, holds in named if holds)
    shade = "" if cell.tint is None else f' style="background: rgba(var(--good), {_alpha(cell)})"'
    note = f' title="{escape(cell.note)}"' if cell.note else ""
    return f'<td class="{names}"{shade}{note}>{escape(cell.text)}</td>'


def _alpha(cell: Cell) -> str:
    return f"{0.04 + 0.42 * (cell.tint or 0):.3f}"


def _strips(facts: Facts, pictures: Pictures) -> Iterator[str]:
    if not any(pictures.strips):
        return
    yield "<h2>Samples</h2>"
    yield f'<p class="note">{escape(samples_note(facts))}</p>'
    yield '<div class="wide"><table class="strips"><tbody>'
    for point, picture in zip(facts.points, pictures.strips):
        if picture is not None:
            name = escape(f"{point.point.index}: {point.point.label}")
            yield f'<tr><td class="word">{name}</td><td class="strip">{_image(picture)}</td></tr>'
    yield "</tbody></table></div>"


def _figure(picture: Picture | None) -> Iterator[str]:
    if picture is not None:
        yield f'<div class="figure">{_image(picture)}</div>'


def _image(picture: Picture) -> str:
    content = base64.b64encode(picture.path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(picture.title)}" src="data:image/png;base64,{content}">'
