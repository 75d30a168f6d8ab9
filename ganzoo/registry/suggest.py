"""The word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The candidate nearest to ``word``, or None where nothing is near.

    Case, and underscores for hyphens, do not count. A word without a vendor is compared with
    what stands after the slash; one with a vendor first with the names of that vendor.

    Args:
        cutoff: how alike two words must be, from 0 to 1 (``difflib``).
    """
    plain = _plain(word)
    known = {_plain(candidate): candidate for candidate in sorted(candidates)}
    if plain in known:
        return known[plain]
    vendor, slash, name = plain.rpartition("/")
    near = {
        key.rpartition("/")[2]: candidate
        for key, candidate in known.items()
        if not slash or key.rpartition("/")[0] == vendor
    }
    found = get_close_matches(name, near, n=1, cutoff=cutoff)
    if found:
        return near[found[0]]
    # The shared length of the vendors' names makes whole names look more alike than they are.
    found = get_close_matches(plain, known, n=1, cutoff=max(cutoff, 0.75))
    return known[found[0]] if found else None


def _plain(word: str) -> str:
    return str(word).lower().replace("_", "-")
