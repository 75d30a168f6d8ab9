"""From the widths of layers back to the two numbers that a recipe gives for them."""

from __future__ import annotations

from collections.abc import Mapping

from ganzoo.errors import DataError
from ganzoo.nn.pyramid import channels_at


def channel_schedule(
    widths: Mapping[int, int], what: str, known: tuple[int, int] | None = None
) -> tuple[int, int]:
    """``channels_base`` and ``channels_max`` with width ``min(base / resolution, max)`` everywhere.

    Args:
        widths: by resolution.
        what: the network, for the error.
        known: base and maximum as the file names them; taken where they say the same.

    Raises:
        DataError: no two numbers give these widths.
    """
    if known is not None and all(
        channels_at(side, *known) == width for side, width in widths.items()
    ):
        return known
    most = max(widths.values())
    below = [side for side, width in widths.items() if width < most]
    # a width of 1 may be what is left of a smaller share, so it bounds the base from above only
    low = max((width * side for side, width in widths.items() if width > 1), default=1)
    high = min(((widths[side] + 1) * side - 1 for side in below), default=low)
    if low <= high and all(channels_at(side, low, most) == w for side, w in widths.items()):
        return low, most
    listed = ", ".join(f"{width} at {side}" for side, width in sorted(widths.items()))
    raise DataError(
        f"the {what} has irregular widths ({listed}); expected min(base / resolution, maximum)"
        " for some base and maximum, as all published networks have. ganzoo cannot describe this"
        " one by a recipe"
    )
