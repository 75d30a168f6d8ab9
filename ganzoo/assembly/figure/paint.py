"""Paints a diagram that has its places: panels first, then lines, then cards."""

from __future__ import annotations

from collections.abc import Mapping

from ganzoo.assembly.figure.cards import Card, Segment
from ganzoo.assembly.figure.dataflow import TIMES
from ganzoo.assembly.figure.layout import (
    GLYPH,
    JOIN,
    LINE,
    Box,
    Layout,
    words_of_size,
    words_of_source,
)
from ganzoo.assembly.figure.svg import FAINT, INK, Canvas, Point, text_width

# One meaning, one colour: fill and border.
COLOURS: Mapping[str, tuple[str, str]] = {
    "layer": ("#cfe2f6", "#5b8fc7"),
    "rgb": ("#f9d9c9", "#d9825b"),
    "resample": ("#e4dcf4", "#8f78c2"),
    "modulation": ("#fbe6a8", "#cfa32b"),
    "norm": ("#d5ecd4", "#6aab68"),
    "noise": ("#f3d3e3", "#c1689a"),
    "pointwise": ("#f4f6f8", "#b4bdc7"),
    "other": ("#d3eeee", "#4fa3a3"),
    "join": ("#ffffff", INK),
    "source": ("#ffffff", INK),
    "output": ("#ffffff", INK),
}
PANEL, STRIP_FILL, EDGE = "#eceff2", "#f7f8fa", "#d3d9df"
STYLE_LINE = COLOURS["modulation"][1]
BUS = 14.0  # how far left of the panels the styles come down


class Painter:
    """Paints one diagram.

    Args:
        styles: where w comes from, to be led to every A of the first lane; None: nowhere.
        outlined: cards to mark.
    """

    def __init__(
        self, canvas: Canvas, layout: Layout, styles: Point | None, outlined: frozenset[int]
    ) -> None:
        self.canvas = canvas
        self.layout = layout
        self.cards = layout.made.cards
        self.boxes = layout.boxes
        self.styles = styles
        self.outlined = outlined

    def paint(self) -> None:
        """Put everything on the canvas."""
        self._panels()
        self._strips()
        if self.styles is not None:
            self._bus(self.styles)
        self._lines()
        for number, box in self.boxes.items():
            self._card(self.cards[number], box)
            if number in self.outlined:
                self.canvas.outline(
                    box.x - box.width / 2 - 3, box.top - 3, box.width + 6, box.bottom - box.top + 6
                )

    def _frame(self, top: float, bottom: float, fill: str) -> None:
        left, right = self.layout.left, self.layout.right
        self.canvas.rect(left, top, right - left, bottom - top, fill=fill, stroke=EDGE, radius=7)

    def _panels(self) -> None:
        for panel, (top, bottom) in self.layout.panels.items():
            size = self.layout.made.panels[panel]
            self._frame(top, bottom, PANEL)
            if size:
                words, x = words_of_size(size), self.layout.left + 7
                self.canvas.text(x, top + 13, words, anchor="start", bold=True)
            elif self.layout.title:
                words, x = self.layout.title, self.layout.right - 7
                self.canvas.text(x, top + 13, words, anchor="end", fill=FAINT, italic=True)

    def _strips(self) -> None:
        runs: dict[tuple[float, float], list[int]] = {}
        for panel, span in self.layout.strips.items():
            runs.setdefault(span, []).append(panel)
        for (top, bottom), panels in runs.items():
            self._frame(top, bottom, STRIP_FILL)
            for lane in sorted(self._crossing(panels)):
                x = self.layout.lanes[lane]
                self.canvas.line([(x, top), (x, bottom)], stroke=COLOURS["pointwise"][1])
            sizes = [size for size in (self.layout.made.panels[p] for p in panels) if size]
            first, last = words_of_size(sizes[0]), words_of_size(sizes[-1])
            words = f"{first} … {last}: {len(sizes)} alike"
            left, right = self.layout.left, self.layout.right
            wide = min(text_width(words, 11) + 6, right - left - 4)
            middle, centre = (top + bottom) / 2, (left + right) / 2
            self.canvas.rect(centre - wide / 2, middle - 9, wide, 18, fill=STRIP_FILL)
            if any(self.cards[number].panel in panels for number in self.outlined):
                self.canvas.outline(left, top, right - left, bottom - top)
            self.canvas.text(centre, middle, words, fill=FAINT, italic=True)

    def _crossing(self, panels: list[int]) -> set[int]:
        """Lanes on which a value comes into these panels from above."""
        return {
            card.lane
            for card in self.cards
            if card.panel in panels
            and any(
                self.cards[i].panel < panels[0] and self.cards[i].lane == card.lane
                for i in card.inputs
            )
        }

    def _bus(self, start: Point) -> None:
        heights = [
            box.top + (place + 0.5) * LINE
            for number, box in self.boxes.items()
            if self.cards[number].lane == 0
            for place, segment in enumerate(self.cards[number].segments)
            if segment.affines or segment.bare_style
        ]
        if not heights:
            return
        x, y = self.layout.left - BUS, start[1]
        self.canvas.line([start, (x, y)], stroke=STYLE_LINE)
        low, high = min([y, *heights]), max([y, *heights])
        self.canvas.line([(x, low), (x, high)], stroke=STYLE_LINE, width=1.8)

    def _lines(self) -> None:
        bypasses = {(b.start, b.end): b.lane for b in self.layout.made.bypasses}
        for number, card in enumerate(self.cards):
            for before in card.inputs:
                if before in self.boxes and number in self.boxes:
                    self._line(before, number, bypasses.get((before, number)))
                elif before in self.boxes:
                    self._into_strip(before, number)
                elif number in self.boxes:
                    self._out_of_strip(before, number)
        for number, box in self.boxes.items():
            readers = [n for n, card in enumerate(self.cards) if number in card.inputs]
            turning = [n for n in readers if n in self.boxes and self.layout.turns(number, n)]
            straight = [n for n in readers if self.cards[n].lane == self.cards[number].lane]
            if len({*turning, *straight}) > 1:
                for height in sorted({self.layout.branch(number, n) for n in turning}):
                    self.canvas.dot(box.x, height)

    def _line(self, before: int, number: int, lane: int | None) -> None:
        here, there = self.boxes[before], self.boxes[number]
        branch = self.layout.branch(before, number)
        if lane is not None:
            x = self.layout.lanes[lane]
            corner = [(here.x, here.bottom), (here.x, branch), (x, branch)]
            self.canvas.line([*corner, *_sideways(x, there)], arrow=True)
        elif here.x == there.x:
            self.canvas.line([(here.x, here.bottom), (there.x, there.top)], arrow=True)
        elif self.cards[number].kind == "join":
            self.canvas.line([(here.x, here.bottom), *_sideways(here.x, there)], arrow=True)
        else:
            points = [(here.x, here.bottom), (here.x, branch), (there.x, branch)]
            self.canvas.line([*points, (there.x, there.top)], arrow=True)

    def _into_strip(self, before: int, number: int) -> None:
        box = self.boxes[before]
        if self.cards[number].lane == self.cards[before].lane:
            top, _ = self.layout.strips[self.cards[number].panel]
            self.canvas.line([(box.x, box.bottom), (box.x, top)])

    def _out_of_strip(self, before: int, number: int) -> None:
        there = self.boxes[number]
        _, bottom = self.layout.strips[self.cards[before].panel]
        x = self.layout.lanes[self.cards[before].lane]
        if x == there.x:
            self.canvas.line([(x, bottom), (x, there.top)], arrow=True)
        elif self.cards[number].kind == "join":
            self.canvas.line([(x, bottom), *_sideways(x, there)], arrow=True)
        else:
            corner = [(x, bottom), (x, bottom + 6), (there.x, bottom + 6)]
            self.canvas.line([*corner, (there.x, there.top)], arrow=True)

    def _card(self, card: Card, box: Box) -> None:
        if card.kind == "join":
            self.canvas.circle(box.x, box.middle, JOIN, fill="#ffffff", stroke=INK, name="join")
            words = card.segments[0].text
            self.canvas.text(box.x, box.middle, words, size=13 if len(words) == 1 else 8)
            return
        for place, segment in enumerate(card.segments):
            self._segment(card, segment, box, box.top + place * LINE)
        if card.times > 1:
            x = box.x + box.width / 2 + 5
            self.canvas.text(x, box.middle, f"{TIMES}{card.times}", anchor="start", bold=True)

    def _segment(self, card: Card, segment: Segment, box: Box, y: float) -> None:
        middle, edge, width = y + LINE / 2, box.x - box.width / 2, box.width
        role: str = segment.role
        words = segment.text
        if card.kind in ("source", "output"):
            words = words_of_source(card)
        elif role == "noise":
            words = "⊕ noise"
        elif card.rgb and role == "layer":
            role, words = "rgb", "to RGB" if self.layout.made.makes_image else "from RGB"
        fill, stroke = COLOURS[role]
        radius = LINE / 2 if role in ("source", "output") else 3
        name = f"segment {role}"
        self.canvas.rect(edge, y, width, LINE, fill=fill, stroke=stroke, radius=radius, name=name)
        if segment.note:
            self.canvas.text(edge + 6, middle, words, anchor="start")
            x = edge + width - 6
            self.canvas.text(x, middle, segment.note, anchor="end", fill=FAINT, size=10)
        else:
            self.canvas.text(box.x, middle, words)
        if role == "noise":
            self.canvas.line([(edge + width, middle), (edge + width + 10, middle)], stroke=stroke)
            self._glyph("B", "noise", edge + width + 10, y)
        self._style(card, segment, edge, y)

    def _style(self, card: Card, segment: Segment, edge: float, y: float) -> None:
        middle = y + LINE / 2
        on_bus = self.styles is not None and card.lane == 0
        start = self.layout.left - BUS if on_bus else edge - 14
        if segment.affines:
            x = edge - GLYPH - 10
            self.canvas.line([(min(start, x), middle), (edge, middle)], stroke=STYLE_LINE)
            self._glyph("A", "affine", x, y)
        elif segment.bare_style:
            self.canvas.line([(start, middle), (edge, middle)], stroke=STYLE_LINE)

    def _glyph(self, letter: str, name: str, x: float, y: float) -> None:
        fill, stroke = COLOURS["modulation" if letter == "A" else "noise"]
        self.canvas.rect(x, y, GLYPH, GLYPH, fill=fill, stroke=stroke, radius=3, name=name)
        self.canvas.text(x + GLYPH / 2, y + GLYPH / 2, letter, bold=True)


def _sideways(x: float, there: Box) -> list[Point]:
    """From a lane into the side of a circle, or of a card that reads several values."""
    side = there.width / 2 if x > there.x else -there.width / 2
    return [(x, there.middle), (there.x + side, there.middle)]
