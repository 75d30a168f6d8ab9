"""Numbers of bytes in words."""

from __future__ import annotations


def bytes_words(count: float) -> str:
    """A number of bytes as people say it."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            number = count / 1024**power
            return f"{number:,.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"
    return f"{count:.0f} B"
