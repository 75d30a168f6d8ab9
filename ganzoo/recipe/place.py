"""Where a value of a recipe was written, and the collection of all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ganzoo.errors import RecipeError, RecipeProblems


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, an override, or one of the two places below.

    Args:
        source: the file as the user named it, or ``"override task.x=1"``.
        line: counted from 1; None where lines mean nothing.
    """

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


DEFAULT = Place("default")
DATA_FLAG = Place("--data")


class Problems:
    """Everything found wrong so far; reading goes on after each, so that all are told at once."""

    def __init__(self) -> None:
        self._found: list[tuple[Place, RecipeError]] = []

    def add(self, kind: type[RecipeError], message: str, place: Place, path: str = "") -> None:
        """Note one problem at its place."""
        self._found.append((place, kind(message, where=str(place), path=path or None)))

    def add_error(self, error: RecipeError, place: Place, path: str) -> None:
        """Note an error of a lower floor, which knew neither place nor path."""
        error.where = error.where or str(place)
        error.path = error.path or path
        self._found.append((place, error))

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[tuple[Place, RecipeError]]:
        return iter(self._found)

    def raise_with(self, error: RecipeError) -> NoReturn:
        """Raise what was found, and last the error after which nothing can be read.

        Raises:
            RecipeProblems: always.
        """
        found = [earlier for _, earlier in sorted(self._found, key=lambda each: _order(each[0]))]
        raise RecipeProblems([*found, error]) from error

    def raise_all(self) -> None:
        """Raise what was found, if anything.

        Raises:
            RecipeProblems: in the order of files and lines, overrides last.
        """
        if self._found:
            ordered = sorted(self._found, key=lambda found: _order(found[0]))
            raise RecipeProblems(error for _, error in ordered)


def _order(place: Place) -> tuple[bool, str, int]:
    if place.line is None:
        return True, "", 0
    return False, place.source, place.line
