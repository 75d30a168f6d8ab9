"""The sizes of a stack of doublings: how many there are, and how wide each one is."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.errors import BadValue

Size = tuple[int, int]


def num_doublings(resolution: Size, base: Size) -> int:
    """The k >= 1 of ``resolution = base * 2^k``.

    Raises:
        BadValue: there is no such k.
    """
    height, width = resolution
    if min(base) < 1:
        raise BadValue(f"the base grid is {show(base)}; expected positive sizes, as 4 x 4")
    k = (max(height // base[0], 1)).bit_length() - 1
    if k >= 1 and size_at(k, base) == (height, width):
        return k
    below, above = size_at(max(k, 1), base), size_at(max(k, 0) + 1, base)
    nearest = show(below) if below == above else f"{show(below)} or {show(above)}"
    raise BadValue(
        f"resolution {show(resolution)} does not fit the base grid {show(base)}; expected the base "
        f"grid doubled at least once. Nearest: {nearest}"
    )


def size_at(level: int, base: Size) -> Size:
    """Height and width after ``level`` doublings."""
    return base[0] << level, base[1] << level


def show(size: Size) -> str:
    """A size as people write it: height x width."""
    return f"{size[0]} x {size[1]}"


def channels_at(resolution: int, base: int, maximum: int) -> int:
    """Feature maps at a resolution, ``min(base / resolution, maximum)``, at least 1.

    Networks ask with the nominal resolution 4 * 2^level, whatever their base grid is.
    """
    if min(base, maximum) < 1:
        raise BadValue(
            f"channels_base is {base!r} and channels_max is {maximum!r}; expected at least 1 each"
        )
    return max(1, min(base // resolution, maximum))


def active_level(level: int | None, fade: float, top: int, grows: bool) -> int:
    """The level a network is asked to work at; None is its last.

    Raises:
        ValueError: the network has no such level, or does not grow and so cannot fade.
    """
    level = top if level is None else level
    if not grows and (level != top or fade < 1):
        raise ValueError(
            f"level {level!r} at fade {fade!r} was asked for, but this network does not grow; "
            f"expected level {top} at fade 1"
        )
    if not 0 <= level <= top:
        raise ValueError(f"level {level!r} is none of this network's; expected 0 to {top}")
    return level


def refuse_growth(parts: Iterable[object], word: str) -> None:
    """Stop where one of the parts of a growing network says that it cannot.

    Args:
        parts: each may have a sentence ``refuses_growth``.
        word: the key that chooses them, for the error.

    Raises:
        BadValue: one of them refuses.
    """
    for part in parts:
        why = getattr(part, "refuses_growth", "")
        if why:
            raise BadValue(
                f"{type(part).__name__} cannot grow: {why} Take the growth away with "
                f"task.growth=null, or choose another {word}",
                path=word,
            )
