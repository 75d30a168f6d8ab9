"""How large a share of a batch fits: a line through measured peaks, and the search along it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What grows with the images of a share: ``fixed + each * images``."""

    fixed: float
    each: float

    def at(self, images: int) -> float:
        """The value for so many images."""
        return self.fixed + self.each * images


def line_through(points: Mapping[int, float]) -> Line:
    """The least-squares line of values by images, moved up so that no point lies above it.

    It never falls: a share cannot need less than a smaller one. Memory is better over- than
    underrated.

    Raises:
        ValueError: there are fewer than two points.
    """
    if len(points) < 2:
        raise ValueError("a line needs two points")
    count = len(points)
    middle = sum(points) / count
    mean = sum(points.values()) / count
    spread = sum((images - middle) ** 2 for images in points)
    each = sum((images - middle) * (value - mean) for images, value in points.items()) / spread
    each = max(0.0, each)
    fixed = max(value - each * images for images, value in points.items())
    return Line(fixed=fixed, each=each)


def share_sizes(batch: int, share: int | None) -> set[int]:
    """The sizes of the shares that the loop cuts a batch into."""
    parts = math.ceil(batch / (share or batch))
    return {len(range(part, batch, parts)) for part in range(parts)}


def keeps_groups(batch: int, share: int | None, group: int) -> bool:
    """Whether samples are compared in the groups of the uncut batch.

    Sample i of N is in group i mod (N / g), and in share i mod (number of shares), so groups stay
    whole where they divide every share.

    Args:
        group: samples compared with each other; 0: the whole batch.
    """
    size = min(group, batch) if group else batch
    return all(part % size == 0 for part in share_sizes(batch, share))


def divisors(batch: int) -> list[int]:
    """The shares that cut a batch into equal parts, the largest first."""
    return [share for share in range(batch, 0, -1) if batch % share == 0]


def largest_share(
    batch: int,
    *,
    fits: Callable[[int], bool],
    accepts: Callable[[int], bool],
    at_most: int | None = None,
) -> int | None:
    """The largest share that divides a batch, fits, and is accepted; None: there is none.

    Args:
        at_most: leave larger ones out.
    """
    for share in divisors(batch):
        if (at_most is None or share <= at_most) and fits(share) and accepts(share):
            return share
    return None


def largest_batch(line: Line, allowed: float) -> int | None:
    """How many images fit at once; 0: none, None: more images cost nothing that was measured."""
    if line.at(1) > allowed:
        return 0
    if line.each == 0:
        return None
    return int((allowed - line.fixed) / line.each + 1e-9)  # what just fits, rounding apart


def exact(batches: Sequence[int], share: int, groups: Sequence[int]) -> bool:
    """Whether a share changes no group of any batch that training will have."""
    return all(keeps_groups(batch, share, group) for batch in batches for group in groups)
