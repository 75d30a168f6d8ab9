"""Words of the command line that name something on the disk."""

from __future__ import annotations

from pathlib import Path

from ganzoo.errors import DataError


def refuse_missing(word: str | Path, missing: str) -> None:
    """Refuse a path at which nothing is.

    Args:
        word: the path as it was typed.
        missing: what to say of it where nothing is.

    Raises:
        DataError: nothing is there, or the system takes no such name (too long, a folder that may
            not be entered).
    """
    try:
        there = Path(word).exists()
    except OSError as error:
        raise DataError(
            f"{word}: cannot be looked at: {error.strerror}. Expected a path that this system"
            " can open.",
            path=word,
        ) from error
    if not there:
        raise DataError(f"{word}: {missing}", path=word)
