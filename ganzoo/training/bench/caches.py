"""The last cache of a CPU: what it holds never crosses the memory."""

from __future__ import annotations

import re
from pathlib import Path

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def last_cache(folder: Path = _CACHES) -> int | None:
    """Bytes of the largest cache that a CPU's core reads through; None: not told.

    Args:
        folder: where Linux lists the caches of a core.
    """
    found = []
    for path in folder.glob("index*/size"):
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        size = re.fullmatch(r"(\d+)([KMG]?)", text)
        if size is not None:
            found.append(int(size[1]) * _UNITS[size[2]])
    return max(found, default=None)
