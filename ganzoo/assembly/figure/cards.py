"""From items to cards: what belongs to one layer is stacked, and paths meet in circles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ganzoo.assembly.figure.dataflow import NORM_MEAN, NORM_STD, Item, Role, consumers
from ganzoo.assembly.tracing import CANVAS

CardKind = Literal["card", "join", "source", "output"]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A line of a card: its words, a number of channels or empty, and what reaches it."""

    text: str
    role: Role
    note: str = ""
    affines: tuple[str, ...] = ()
    bare_style: bool = False


@dataclass(slots=True, kw_only=True)
class Card:
    """Segments stacked on each other, or the circle where paths meet.

    Args:
        inputs: places of other cards in their list.
        size: the larger of what it reads and makes, None without pixels.
        image: works on images, without parameters.
        rgb: turns features into an image or an image into features.
        panel: place among the panels; -1 before the first, one past the last behind it.
    """

    kind: CardKind
    segments: list[Segment]
    inputs: list[int]
    size: Size | None = None
    channels: int = 0
    image: bool = False
    rgb: bool = False
    times: int = 1
    lane: int = 0
    panel: int = 0

    @property
    def takes_style(self) -> bool:
        """Whether a style modulates one of the segments."""
        return any(segment.affines or segment.bare_style for segment in self.segments)

    @property
    def takes_noise(self) -> bool:
        """Whether noise is added in it."""
        return any(segment.role == "noise" for segment in self.segments)

    @property
    def look(self) -> tuple[object, ...]:
        """What a reader sees of it, its channels apart."""
        return (
            self.kind,
            self.rgb,
            tuple((s.text, s.role, len(s.affines), s.bare_style) for s in self.segments),
        )

    @property
    def comes_from_outside(self) -> bool:
        """Whether it is an input of the network; a learned constant is not."""
        return self.kind == "source" and self.segments[0].text != CANVAS

    @property
    def has_layer(self) -> bool:
        """Whether one of the segments has a kernel or a matrix."""
        return any(segment.role == "layer" for segment in self.segments)


def cards_of(items: Sequence[Item], *, image_channels: int) -> list[Card]:
    """All cards in the order of making.

    Args:
        image_channels: by which images are told from features.
    """
    cards = _merge_repeats(_cards(items))
    _mark_images(cards, image_channels)
    return cards


def makes_image(cards: Sequence[Card]) -> bool:
    """Whether one of the outputs is an image."""
    return any(card.kind == "output" and card.segments[0].text == "image" for card in cards)


def _cards(items: Sequence[Item]) -> list[Card]:
    items = _absorb_filters(items)
    readers = consumers(items)
    cards: list[Card] = []
    place: dict[int, int] = {}  # from an item to its card
    last: list[Item] = []  # of each card
    for item in items:
        if item.role == "join" or item.role == "source" or item.role == "output":
            cards.append(Card(kind=item.role, segments=[], inputs=[]))
            last.append(item)
        else:
            only = item.inputs[0] if len(item.inputs) == 1 else None
            before = place.get(only) if only is not None else None
            fits = (
                before is not None
                and last[before].number == only
                and len(readers[only]) == 1
                and _belongs(item, last[before], cards[before])
            )
            if not fits:
                cards.append(Card(kind="card", segments=[], inputs=[]))
                last.append(item)
            else:
                assert before is not None
                last[before] = item
                place[item.number] = before
                _extend(cards[before], item)
                continue
        here = len(cards) - 1
        place[item.number] = here
        cards[here].inputs = list(dict.fromkeys(place[number] for number in item.inputs))
        _extend(cards[here], item)
    for card in cards:
        if card.kind == "join":
            sizes = {cards[i].size for i in card.inputs}
            if len(sizes) == 1:  # a block ends with its sum, at whatever size that is
                card.size = sizes.pop()
    return cards


def _belongs(item: Item, before: Item, card: Card) -> bool:
    if card.kind != "card" or (item.role == "layer" and card.has_layer):
        return False
    if item.unit == before.unit:
        return True
    if before.role == "resample" and before.unit.startswith(f"{item.unit}.") and item.unit:
        return True  # a filter that the layer keeps in front of its convolution
    inside = not item.unit or before.unit.startswith(f"{item.unit}.")
    return inside and item.role in ("pointwise", "norm")


def _extend(card: Card, item: Item) -> None:
    sizes = [size for size in (card.size, item.size, item.read_size) if size is not None]
    card.size = max(sizes, default=None)
    card.channels = item.channels
    texts = item.text.split("\n")
    for text in texts:
        segment = Segment(
            text=text,
            role="resample" if text in ("Upsample", "Downsample") else item.role,
            note=str(item.channels) if item.role == "layer" and text not in _RESAMPLE else "",
            affines=item.affines,
            bare_style=item.bare_style,
        )
        earlier = card.segments[-1] if card.segments else None
        if earlier and earlier.text == text and item.role == "norm":
            continue
        if earlier and (earlier.text, text) == (NORM_MEAN, NORM_STD):
            card.segments[-1] = Segment(text=f"{NORM_MEAN}/std", role="norm")
            continue
        if earlier and earlier.role == item.role == "pointwise":
            card.segments[-1] = Segment(text=f"{earlier.text}, {text}", role="pointwise")
        else:
            card.segments.append(segment)


_RESAMPLE = ("Upsample", "Downsample")


def _absorb_filters(items: Sequence[Item]) -> list[Item]:
    """Let a convolution that resamples say so itself, its filter being a part of it."""
    layers = {item.owner: item for item in items if item.role == "layer" and item.owner}
    renamed: dict[int, int] = {}
    found: list[Item] = []
    first: dict[str, Size | None] = {}
    for item in items:
        inputs = tuple(renamed.get(number, number) for number in item.inputs)
        item = replace(item, inputs=inputs)
        if item.role == "resample" and item.owner in layers:
            first.setdefault(item.owner, item.read_size)
            renamed[item.number] = inputs[0]
            layer = next((n for n, other in enumerate(found) if _is_layer(other, item)), None)
            if layer is not None:  # the filter comes behind the convolution
                found[layer] = _resampled(found[layer], first[item.owner], item.size)
        elif item.role == "layer" and item.owner:
            first.setdefault(item.owner, item.read_size)
            found.append(_resampled(item, first[item.owner], item.size))
        else:
            found.append(item)
    return found


def _is_layer(item: Item, part: Item) -> bool:
    return item.role == "layer" and item.owner == part.owner and item.number in part.inputs


def _resampled(item: Item, read: Size | None, made: Size | None) -> Item:
    text = item.text.replace("Upsample\n", "").replace("\nDownsample", "")
    if read and made and made[0] >= 1.5 * read[0]:
        text = f"Upsample\n{text}"
    elif read and made and read[0] >= 1.5 * made[0]:
        text = f"{text}\nDownsample"
    return replace(item, text=text, size=made, read_size=read)


def _merge_repeats(cards: list[Card]) -> list[Card]:
    """Write a run of equal layers without pixels once, with their number."""
    readers: dict[int, int] = {}
    for card in cards:
        for number in card.inputs:
            readers[number] = readers.get(number, 0) + 1
    found: list[Card] = []
    moved: dict[int, int] = {}
    for number, card in enumerate(cards):
        before = card.inputs[0] if len(card.inputs) == 1 else None
        if (
            before is not None
            and card.kind == "card"
            and card.size is None
            and readers[before] == 1
            and cards[before].segments == card.segments
            and cards[before].size is None
        ):
            found[moved[before]].times += 1
            moved[number] = moved[before]
            continue
        card.inputs = [moved[i] for i in card.inputs]
        moved[number] = len(found)
        found.append(card)
    return found


def _mark_images(cards: list[Card], channels: int) -> None:
    if makes_image(cards):
        wanted = [number for number, card in enumerate(cards) if card.kind == "output"]
        while wanted:
            card = cards[wanted.pop()]
            if card.channels != channels or card.rgb or card.image:
                continue
            card.rgb = card.has_layer
            card.image = not card.rgb
            if card.image:
                wanted += card.inputs
        return
    for card in cards:
        reads = [cards[i] for i in card.inputs]
        if card.kind == "source":
            card.image = card.size is not None
        elif reads and all(before.image for before in reads):
            card.rgb = card.has_layer
            card.image = not card.rgb
