"""How a check fails: in one sentence."""

from __future__ import annotations

from collections.abc import Iterable


class CheckFailure(AssertionError):
    """A component does not keep a promise of its kind; the text says which, and what happened."""


def expect(condition: bool, sentence: str) -> None:
    """Go on, or fail with the sentence.

    Raises:
        CheckFailure: the condition does not hold.
    """
    if not condition:
        raise CheckFailure(sentence)


def listed(names: Iterable[str], limit: int = 5) -> str:
    """A few names in a row, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(found[:limit]) + more
