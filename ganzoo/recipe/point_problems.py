"""What is wrong with the points of a grid: each problem once, with the points that have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ganzoo.errors import RecipeError
from ganzoo.recipe.axes import Axis, num_points
from ganzoo.recipe.place import Place, Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """A problem, and everywhere it was met.

    Args:
        axis: the axis whose value is wrong, if one is.
        places: as an ordered set.
    """

    error: RecipeError
    axis: Axis | None
    places: dict[Place, None] = field(default_factory=dict)
    indices: list[int] = field(default_factory=list)

    def told(self, points: str) -> tuple[Place, RecipeError]:
        """Its place and its text: at the line of the axis where several values have it."""
        place, where = next(iter(self.places)), self.error.where
        if self.axis is not None and len(self.places) > 1:
            place = self.axis.place
            where = str(place)
        message = f"{self.error.message}\n  {points}" if points else self.error.message
        return place, type(self.error)(message, where=where, path=self.error.path)


class PointProblems:
    """Collects the problems of one point after the other.

    Args:
        axes: of the grid.
        shared: noted while the files were read, before there were points.
    """

    def __init__(self, axes: Sequence[Axis], shared: Problems) -> None:
        self._axes = axes
        self._shared = {id(error) for _, error in shared}
        self._count = num_points(axes)
        self._wrong: dict[tuple[object, ...], _Wrong] = {}

    def add(self, index: int, problems: Problems) -> None:
        """Note all that is wrong with the point of an index."""
        for place, error in problems:
            axis = self._axis_at(place)
            at = error.where if axis is None else axis.place
            key = type(error), at, error.path, error.message
            seen = self._wrong.setdefault(key, _Wrong(error=error, axis=axis))
            seen.places.setdefault(place)
            seen.indices.append(index)

    def raise_all(self, label: Callable[[int], str]) -> None:
        """Raise what was found, if anything.

        Args:
            label: from the index of a point to its label.

        Raises:
            RecipeProblems: in the order of files and lines, overrides last.
        """
        told = Problems()
        for wrong in self._wrong.values():
            place, error = wrong.told(self._points(wrong, label))
            told.add_error(error, place, "")
        told.raise_all()

    def _axis_at(self, place: Place) -> Axis | None:
        """The axis that has a value at a place."""
        axes = (axis for axis in self._axes if any(v.place == place for v in axis.values))
        return next(axes, None)

    def _points(self, wrong: _Wrong, label: Callable[[int], str]) -> str:
        """Which points have a problem; empty where all have it."""
        if id(wrong.error) in self._shared or len(wrong.indices) == self._count:
            return ""
        first = wrong.indices[0]
        if len(wrong.indices) == 1:
            return f"At point {first} ({label(first)})."
        return f"At points {_spans(wrong.indices)}."


def _spans(indices: Iterable[int]) -> str:
    """``0-2, 5`` for 0, 1, 2, 5."""
    spans: list[list[int]] = []
    for index in indices:
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
