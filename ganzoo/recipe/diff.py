"""Where two recipes differ, path by path."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.recipe.model import Recipe
from ganzoo.recipe.rooms import leaves_of, rooms_of
from ganzoo.registry.types import Value


class Absent:
    """Stands for a value on the side that has no such key."""

    def __str__(self) -> str:
        return "(absent)"

    __repr__ = __str__


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """A dotted path whose value differs; ``ABSENT`` on the side that has no such key."""

    path: str
    left: Value
    right: Value


def diff(a: Recipe, b: Recipe) -> tuple[Difference, ...]:
    """Every difference of the four rooms, in the order in which ``a``, then ``b``, says them.

    Slots are compared by their parameters: another component under ``use`` is one line, and each
    parameter that only one of them has is another.
    """
    left, right = (dict(leaves_of(rooms_of(recipe))) for recipe in (a, b))
    paths = dict.fromkeys([*left, *right])
    return tuple(
        Difference(path, left.get(path, ABSENT), right.get(path, ABSENT))
        for path in paths
        if left.get(path, ABSENT) != right.get(path, ABSENT)
    )
