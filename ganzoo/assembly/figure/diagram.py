"""Where each card of a figure belongs: panels by resolution, lanes side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ganzoo.assembly.figure.cards import Card, Size, cards_of, makes_image
from ganzoo.assembly.figure.dataflow import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypass:
    """A value that goes past the cards between two cards of one lane."""

    start: int
    end: int
    lane: int


@dataclass(slots=True, kw_only=True)
class Diagram:
    """All cards of one network in the order of making, and where each belongs.

    Args:
        panels: the resolution of each; None for a network without pixels.
    """

    cards: list[Card]
    panels: list[Size | None]
    makes_image: bool = False
    bypasses: list[Bypass] = field(default_factory=list)

    @property
    def lanes(self) -> int:
        """How many stand side by side."""
        used = [card.lane for card in self.cards] + [b.lane for b in self.bypasses]
        return max(used) + 1


def diagram(items: Sequence[Item], *, image_channels: int) -> Diagram:
    """Arrange the items of one network.

    Args:
        image_channels: by which images are told from features.
    """
    cards = cards_of(items, image_channels=image_channels)
    main = _main_path(cards)
    panels = _panels(cards, main)
    made = Diagram(cards=cards, panels=panels, makes_image=makes_image(cards))
    _lanes(made, main)
    return made


def _longest(cards: Sequence[Card], allowed: Callable[[int, int | None], bool]) -> list[int]:
    """The path with the most segments; ``allowed(card, from)`` says which steps it may take."""
    best: dict[int, tuple[int, int | None]] = {}
    for number, card in enumerate(cards):
        if not allowed(number, None):
            continue
        weight = max(len(card.segments), 1) if card.kind != "join" else 0
        options = [(best[i][0], i) for i in card.inputs if i in best and allowed(number, i)]
        length, before = max(options, key=lambda option: option[0], default=(0, None))
        best[number] = (length + weight + 1, before)
    if not best:
        return []
    end: int | None = max(best, key=lambda n: (best[n][0], -n))
    path = []
    while end is not None:
        path.append(end)
        end = best[end][1]
    return path[::-1]


def _main_path(cards: list[Card]) -> list[int]:
    sums = any(card.image and card.kind == "join" for card in cards)

    def allowed(number: int, before: int | None) -> bool:
        card = cards[number]
        if sums:  # an image of its own runs beside the features
            return not card.image and not card.rgb
        return not card.image or card.kind in ("source", "output") or not card.inputs

    return _longest(cards, allowed)


def _panels(cards: list[Card], main: list[int]) -> list[Size | None]:
    panels: list[Size | None] = []
    for number in main:
        card = cards[number]
        if card.kind == "output" or card.comes_from_outside:
            continue
        if not panels or (card.size is not None and card.size != panels[-1]):
            if panels == [None]:
                panels[0] = card.size
            else:
                panels.append(card.size)
        card.panel = len(panels) - 1
    panels = panels or [None]
    alone: list[int] = []  # what depends on nothing that has a place yet
    for number, card in enumerate(cards):
        if card.kind == "output":
            card.panel = len(panels)
        elif card.comes_from_outside and (number in main or panels == [None]):
            card.panel = -1
        elif number not in main:
            placed = [max(cards[i].panel, 0) for i in card.inputs if i not in alone]
            if not placed:
                alone.append(number)
                continue
            fitting = [p for p in range(max(placed), len(panels)) if panels[p] == card.size]
            card.panel = fitting[0] if fitting else max(placed)
    for number in reversed(alone):
        readers = [card.panel for card in cards if number in card.inputs]
        cards[number].panel = min(readers, default=0)
    return panels


def _lanes(made: Diagram, main: list[int]) -> None:
    cards = made.cards
    left = set(range(len(cards))) - set(main)
    taken: list[list[tuple[int, int]]] = []
    readers: dict[int, list[int]] = {number: [] for number in range(len(cards))}
    for number, card in enumerate(cards):
        for before in card.inputs:
            readers[before].append(number)

    def sort(number: int) -> str:
        card = cards[number]
        return "rgb" if card.rgb else "image" if card.image else "features"

    def allowed(number: int, before: int | None) -> bool:
        if number not in left:
            return False
        return before is None or (before in left and sort(number) == sort(before) != "rgb")

    def lane_for(start: int, end: int) -> int:
        for lane, spans in enumerate(taken):
            if all(end <= a or b <= start for a, b in spans):
                spans.append((start, end))
                return lane + 1
        taken.append([(start, end)])
        return len(taken)

    paths = []
    while left:
        path = _longest(cards, allowed)
        paths.append(path)
        left -= set(path)
    images = [path for path in paths if sort(path[0]) == "image"]
    ordinary = sorted((path for path in paths if path not in images), key=len)
    for path in ordinary:
        start = min(cards[path[0]].inputs, default=path[0])
        lane = lane_for(start, max(readers[path[-1]], default=path[-1]))
        for number in path:
            cards[number].lane = lane
    aside = {number for path in images for number in path}
    for number, card in enumerate(cards):
        for before in card.inputs:
            if number in aside or before in aside or cards[before].lane != card.lane:
                continue
            between = set(range(before + 1, number)) - aside
            if any(cards[i].lane == card.lane for i in between):
                lane = lane_for(before, number)
                made.bypasses.append(Bypass(start=before, end=number, lane=lane))
    for number in aside:
        cards[number].lane = len(taken) + 1
