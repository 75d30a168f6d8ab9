"""The architecture of a recipe as a figure (in the manner of StyleGAN2, Figs. 2 and 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ganzoo.assembly.figure.dataflow import TIMES, Dataflow
from ganzoo.assembly.figure.diagram import Diagram, diagram
from ganzoo.assembly.figure.layout import Layout
from ganzoo.assembly.figure.paint import COLOURS, Painter
from ganzoo.assembly.figure.svg import FAINT, INK, Canvas, text_width
from ganzoo.assembly.inspection import Inspection, NetworkTable
from ganzoo.errors import UsageError

MAPPING, SYNTHESIS = "mapping", "the rest"

_LEGEND = (
    ("A", "modulation", "learned affine of w, and what it modulates"),
    ("B", "noise", "noise, learned strength"),
    ("", "layer", "learned layer, output channels"),
    ("", "rgb", "features to or from RGB"),
    ("", "resample", "up- or downsampling, blur"),
    ("", "norm", "normalization"),
    ("", "pointwise", "bias, activation"),
    ("", "other", "anything else"),
    ("+", "join", "sum"),
    (TIMES, "join", "product"),
    ("@", "join", "matrix product"),
)


def draw(
    inspection: Inspection, *, all_levels: bool = False, against: Inspection | None = None
) -> str:
    """The drawing of all networks side by side, as the text of an SVG file.

    It is made from what a pass did, so a third party's block appears as it computes. The same
    inspection gives the same bytes.

    Args:
        all_levels: draw resolutions in the middle that are built like their neighbours, too.
        against: another recipe; what it does not have, at the same resolution, is outlined.

    Raises:
        UsageError: nobody but its task knows how to call a network.
    """
    canvas = Canvas()
    height, width = inspection.resolution
    canvas.text(20, 26, inspection.name, size=17, anchor="start", bold=True)
    labels = f", {inspection.label_width} classes" if inspection.label_width else ""
    facts = f"{height}{TIMES}{width}{TIMES}{inspection.channels}{labels} · recipe {inspection.hash}"
    facts += " · grows; here at full size" if inspection.grows else ""
    if against is not None:
        facts += f" · outlined: not in {against.name} ({against.hash})"
    canvas.text(20, 47, facts, anchor="start", fill=FAINT)
    diagrams = _diagrams(inspection)
    others = {} if against is None else _diagrams(against)
    left = 20.0
    for table in inspection.networks.values():
        outlined = {
            part: _absent(made, others.get((name, part)))
            for (name, part), made in diagrams.items()
            if name == table.name and against is not None
        }
        mine = {part: made for (name, part), made in diagrams.items() if name == table.name}
        left = _network(canvas, table, mine, outlined, left, all_levels) + 44
    _legend(canvas, canvas.height + 30)
    return canvas.written(f"Architecture of {inspection.name}")


def _diagrams(inspection: Inspection) -> dict[tuple[str, str], Diagram]:
    found = {}
    for table in inspection.networks.values():
        if table.trace is None:
            raise UsageError(
                f"the network {table.name!r} of {inspection.name!r} takes neither an image nor"
                " styles, so only its task knows how to call it, and there is nothing to draw.\n"
                "  Leave --draw out: the table counts its parameters without a call."
            )
        flow = Dataflow(table.trace, units=table.units, mixing=table.mixing)
        outputs = table.trace.outputs
        for part in (MAPPING, SYNTHESIS):  # styles are a value of their own, and end a figure
            mine = {name: n for name, n in outputs.items() if (name == "w") == (part == MAPPING)}
            if mine:
                items = flow.items(mine)
                found[table.name, part] = diagram(items, image_channels=inspection.channels)
    return found


def _absent(made: Diagram, other: Diagram | None) -> frozenset[int]:
    """Cards that another diagram lacks at their resolution."""
    there = Counter() if other is None else Counter(_looks(other))
    found = set()
    for number, look in enumerate(_looks(made)):
        if there[look] > 0:
            there[look] -= 1
        else:
            found.add(number)
    return frozenset(found)


def _looks(made: Diagram) -> list[tuple[object, ...]]:
    return [
        (card.size, card.look, card.times, *(segment.note for segment in card.segments))
        for card in made.cards
    ]


def _network(
    canvas: Canvas,
    table: NetworkTable,
    diagrams: Mapping[str, Diagram],
    outlined: Mapping[str, frozenset[int]],
    left: float,
    all_levels: bool,
) -> float:
    top = 86.0
    canvas.text(left, top - 12, table.name.capitalize(), size=13, anchor="start", bold=True)
    figures = f"{table.parameters:,} parameters · {table.multiply_adds:,} multiply-adds"
    begin = left + text_width(table.name, 13, bold=True) + 6
    canvas.text(begin, top - 12, figures, anchor="start", fill=FAINT, size=10)
    styles: tuple[float, float] | None = None
    for part, made in diagrams.items():
        title = MAPPING if part == MAPPING else ""
        layout = Layout(made, left, top, title=title, all_levels=all_levels)
        Painter(canvas, layout, styles, outlined.get(part, frozenset())).paint()
        left = layout.right
        if part == MAPPING:
            box = layout.boxes[len(made.cards) - 1]
            styles = (box.x + box.width / 2, box.middle)
            left += 34
    return left


def _legend(canvas: Canvas, y: float) -> None:
    x, right = 20.0, max(canvas.width, 560)
    for letter, role, words in _LEGEND:
        wide = 20 + text_width(words, 10) + 14
        if x + wide > right:
            x, y = 20.0, y + 20
        fill, stroke = COLOURS[role]
        if role == "join":
            canvas.circle(x + 7, y, 7, fill=fill, stroke=INK)
        else:
            canvas.rect(x, y - 7, 14, 14, fill=fill, stroke=stroke, radius=3)
        if letter:
            canvas.text(x + 7, y, letter, size=10, bold=role != "join")
        canvas.text(x + 20, y, words, anchor="start", size=10, fill=FAINT)
        x += wide
