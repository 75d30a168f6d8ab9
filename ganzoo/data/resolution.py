"""Which image sizes fit a base grid; plain arithmetic, without torch."""

from __future__ import annotations

import math

from ganzoo.errors import BadValue

MOST_LEVELS = 8  # base 4 then ends at 1024, the largest published size


def levels_of(resolution: tuple[int, int], base: tuple[int, int]) -> int:
    """The k >= 1 for which ``resolution`` is ``base * 2^k`` in height and width.

    Raises:
        BadValue: there is none; names the nearest sizes that fit, and a base grid that would.
    """
    low, high = _bracket(resolution, base)
    if low == high and _size(base, low) == resolution:
        return low
    nearest = " or ".join(_words(_size(base, k)) for k in sorted({low, high}))
    other = _base_for(resolution)
    remedy = f", or a base grid of [{other[0]}, {other[1]}]" if other else ""
    raise BadValue(
        f"{_words(resolution)} does not fit the base grid {_words(base)}: both sides must be the "
        f"base times the same 2^k, k at least 1. Nearest: {nearest}{remedy}",
        path="data.resolution",
    )


def largest_resolution(limit: tuple[int, int], base: tuple[int, int]) -> tuple[int, int]:
    """The largest ``base * 2^k``, 1 <= k <= 8, within ``limit`` (k = 1 where none is)."""
    shares = [side // start for side, start in zip(limit, base)]
    levels = min(share.bit_length() - 1 for share in shares)
    return _size(base, min(max(levels, 1), MOST_LEVELS))


def _size(base: tuple[int, int], levels: int) -> tuple[int, int]:
    return base[0] << levels, base[1] << levels


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _bracket(resolution: tuple[int, int], base: tuple[int, int]) -> tuple[int, int]:
    """The largest k that lies within the resolution and the smallest that covers it, from 1 up."""
    ratios = [max(side, 1) / start for side, start in zip(resolution, base)]
    low = math.floor(math.log2(min(ratios)))
    high = math.ceil(math.log2(max(ratios)))
    return max(low, 1), max(high, 1)


def _base_for(resolution: tuple[int, int]) -> tuple[int, int] | None:
    """The base grid, its sides no smaller than 3, that doubling takes to ``resolution``."""
    height, width = resolution
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 6:
        height, width = height // 2, width // 2
    return (height, width) if (height, width) != resolution else None
