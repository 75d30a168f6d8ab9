"""Where the cards of a diagram stand: lanes from left to right, panels from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.assembly.figure.cards import Card, Size
from ganzoo.assembly.figure.dataflow import TIMES
from ganzoo.assembly.figure.diagram import Diagram
from ganzoo.assembly.figure.svg import text_width

LINE = 17.0  # height of a segment
GAP = 20.0  # between cards, room for an arrow and a branch
PAD = 14.0  # inside a panel, above and below
BETWEEN_PANELS = 12.0
STRIP = 34.0  # height of what stands for panels left out
GLYPH = 17.0  # side of an A or a B
JOIN = 9.0  # radius
MOST_PANELS = 4


@dataclass(slots=True, kw_only=True)
class Box:
    """Where a card stands; ``x`` is its middle."""

    x: float
    top: float
    bottom: float
    width: float

    @property
    def middle(self) -> float:
        """Half-way down."""
        return (self.top + self.bottom) / 2


class Layout:
    """Places for everything in a diagram.

    Args:
        left: of the panels.
        top: of the first panel, or of what stands above it.
        title: a word in the first panel's corner, for a diagram without resolutions.
        all_levels: also panels in the middle that look like the one before them.
    """

    def __init__(
        self, made: Diagram, left: float, top: float, *, title: str = "", all_levels: bool = False
    ) -> None:
        self.made = made
        self.left = left
        self.title = title
        self.hidden = frozenset() if all_levels else _like_their_neighbours(made)
        self.boxes: dict[int, Box] = {}
        self.lanes: list[float] = []
        self.panels: dict[int, tuple[float, float]] = {}
        self.strips: dict[int, tuple[float, float]] = {}  # by hidden panel; runs share theirs
        self._widths: list[float] = []
        # labels stand beside the cards, or above them where each line needs the room for an A
        styled = any(card.takes_style for card in made.cards if card.lane == 0)
        self._label_above = bool(title) or styled
        self.right = self._place_lanes(styled)
        self._place_cards(top)

    def turns(self, before: int, number: int) -> bool:
        """Whether the line between two cards leaves its lane near its start."""
        bypassed = any((b.start, b.end) == (before, number) for b in self.made.bypasses)
        joins = self.made.cards[number].kind == "join"
        return bypassed or (not joins and self.boxes[before].x != self.boxes[number].x)

    def branch(self, before: int, number: int) -> float:
        """Where that line turns: just above its end, unless a card is in the way."""
        here, there = self.boxes[before], self.boxes[number]
        cards = self.made.cards
        below = [
            box.top
            for other, box in self.boxes.items()
            if cards[other].lane == cards[before].lane and box.top >= here.bottom
        ]
        high = there.top - 11
        free = cards[number].kind != "join" and min(below, default=high + 1) > high
        return high if free else here.bottom + 7

    def _place_lanes(self, styled: bool) -> float:
        x = self.left + 12
        if not self._label_above:
            labels = (words_of_size(size) for size in self.made.panels if size)
            x += text_width(max(labels, key=len, default=""), 11, bold=True)
        elif styled:
            x += GLYPH + 12
        for lane in range(self.made.lanes):
            cards = [card for card in self.made.cards if card.lane == lane]
            width = max(map(card_width, cards), default=0.0)
            if lane:
                x += GLYPH + 18 if any(card.takes_style for card in cards) else 14
            self.lanes.append(x + width / 2)
            self._widths.append(width)
            x += width
            x += 22 if any(card.times > 1 for card in cards) else 0
            x += GLYPH + 16 if any(card.takes_noise for card in cards) else 6
        least = self.lanes[-1] + text_width(self.title, 11) + 14 if self.title else 0.0
        return max(x + 8, least)

    def _place_cards(self, top: float) -> None:
        y = top
        bottoms = [top - GAP] * self.made.lanes
        for panel in range(-1, len(self.made.panels) + 1):
            if panel in self.hidden:
                if panel - 1 in self.hidden:
                    self.strips[panel] = self.strips[panel - 1]
                    continue
                self.strips[panel] = (y, y + STRIP)
                y += STRIP + BETWEEN_PANELS
                bottoms = [y - GAP] * self.made.lanes
                continue
            framed = 0 <= panel < len(self.made.panels)
            start = y
            if framed:
                start += PAD + LINE if self._label_above else PAD
            bottom = self._place_panel(panel, start, bottoms)
            if framed:
                self.panels[panel] = (y, bottom + PAD)
                y = bottom + PAD + BETWEEN_PANELS
            elif bottom > start:
                y = bottom + GAP

    def _place_panel(self, panel: int, start: float, bottoms: list[float]) -> float:
        bottom = start
        for number, card in enumerate(self.made.cards):
            if card.panel != panel:
                continue
            above = [self.boxes[i].bottom for i in card.inputs if i in self.boxes]
            begins = max([start, bottoms[card.lane] + GAP, *(y + GAP for y in above)])
            box = Box(
                x=self.lanes[card.lane],
                top=begins,
                bottom=begins + (2 * JOIN if card.kind == "join" else LINE * len(card.segments)),
                width=self._widths[card.lane] if card.kind == "card" else card_width(card),
            )
            self.boxes[number] = box
            bottoms[card.lane] = box.bottom
            bottom = max(bottom, box.bottom)
        return bottom


def card_width(card: Card) -> float:
    """How much room the words of a card need."""
    if card.kind == "join":
        return 2 * JOIN
    if card.kind in ("source", "output"):
        return text_width(words_of_source(card), 11) + 22
    widest = 74.0
    for segment in card.segments:
        note = text_width(segment.note, 10) + 12 if segment.note else 0
        words = "⊕ noise" if segment.role == "noise" else segment.text
        widest = max(widest, text_width(words, 11) + note + 14)
    return widest


def words_of_source(card: Card) -> str:
    """What is written where something comes in or out."""
    name = card.segments[0].text
    if name == "image" and card.size:
        return f"image {words_of_size(card.size)}"
    if name == "const" and card.size:
        return f"Const {words_of_size(card.size)}{TIMES}{card.channels}"
    return "latent z" if name == "z" else name


def words_of_size(size: Size) -> str:
    """Height and width."""
    return f"{size[0]}{TIMES}{size[1]}"


def _like_their_neighbours(made: Diagram) -> frozenset[int]:
    """Runs of panels in the middle of a long stack that repeat the one before them."""
    count = len(made.panels)
    if count <= MOST_PANELS:
        return frozenset()
    looks = [
        [(card.lane, card.look) for card in made.cards if card.panel == panel]
        for panel in range(count)
    ]
    alike = {panel for panel in range(2, count - 1) if looks[panel] == looks[panel - 1]}
    return frozenset(p for p in alike if p - 1 in alike or p + 1 in alike)
