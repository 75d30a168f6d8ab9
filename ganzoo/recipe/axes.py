"""The axes of a grid: dotted paths and the values that each of them takes in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ganzoo.errors import BadValue
from ganzoo.recipe.describe import shown
from ganzoo.recipe.merge import as_slot
from ganzoo.recipe.place import Place, Problems
from ganzoo.recipe.tree import Branch, Items, Leaf, Node, is_broken, is_null, plain

RECIPE = "recipe"
MOST_POINTS = 10_000
_NOT_VARIED = ("ganzoo", "extends", "grid", "name", "about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A dotted path, or ``recipe``, with at least one value.

    Args:
        values: each with the place of its own line.
        place: of the path.
    """

    path: str
    values: tuple[Node, ...]
    place: Place

    @property
    def words(self) -> list[str]:
        """The keys that the path names."""
        return self.path.split(".")


def read_axes(grid: Node | None, problems: Problems) -> tuple[Axis, ...]:
    """The axes in the order in which they are written; none where there is no grid.

    Notes an axis that is no list or holds nothing or something twice, and a grid that is too large.
    """
    if grid is None:
        return ()
    if not isinstance(grid, Branch) or not grid.entries:
        if is_broken(grid):
            return ()
        problems.add(
            BadValue,
            "expected dotted paths with a list of values each, as "
            f"{{training.batch: [16, 32]}}, found {shown(plain(grid))}",
            grid.place,
            "grid",
        )
        return ()
    axes = []
    for key, node in grid.entries.items():
        if isinstance(node, Leaf) and node.removes:
            continue
        axis = _axis(str(key), node, problems)
        if axis is not None:
            axes.append(axis)
    if num_points(axes) > MOST_POINTS:
        product = " x ".join(str(len(axis.values)) for axis in axes)
        problems.add(
            BadValue,
            f"this grid has {product} = {num_points(axes):,} points, and {MOST_POINTS:,} are the "
            "most. Split it, or vary less",
            grid.place,
            "grid",
        )
    return tuple(axes)


def num_points(axes: Sequence[Axis]) -> int:
    """How many points the product of the axes has; 1 without axes."""
    return prod(len(axis.values) for axis in axes)


def positions(axes: Sequence[Axis], index: int) -> tuple[int, ...]:
    """Which value of each axis the point of an index takes; the last axis turns fastest."""
    found = []
    for axis in reversed(axes):
        index, position = divmod(index, len(axis.values))
        found.append(position)
    return tuple(reversed(found))


def _axis(path: str, node: Node, problems: Problems) -> Axis | None:
    where = f"grid.{path}"
    words = path.split(".")
    if not all(words):
        problems.add(
            BadValue, "an axis is a dotted path, as task.generator.block", node.place, where
        )
        return None
    if words[0] in _NOT_VARIED or (words[0] == RECIPE and len(words) > 1):
        problems.add(
            BadValue,
            f"{words[0]!r} is no axis; the points differ in what the rooms of a recipe say, "
            f"or in {RECIPE!r}, a list of recipes",
            node.place,
            where,
        )
        return None
    if not isinstance(node, Items):
        if not is_broken(node):
            problems.add(BadValue, _no_list(path, node), node.place, where)
        return None
    if not node.items:
        problems.add(
            BadValue, "this axis has no values; list some, or remove it", node.place, where
        )
        return None
    _refuse_repeats(node, where, problems)
    return Axis(path=path, values=node.items, place=node.place)


def _no_list(path: str, node: Node) -> str:
    found = shown(plain(node))
    if isinstance(node, Branch) and "use" not in node.entries and node.entries:
        inner = f"{path}.{next(iter(node.entries))}"
        return f"expected a list of values, found {found}. Write a deeper path as one: {inner!r}"
    remedy = "Remove the axis instead" if is_null(node) else f"Write [{found}]"
    return f"expected a list of values, found {found}. {remedy}"


def _refuse_repeats(node: Items, where: str, problems: Problems) -> None:
    seen: set[str] = set()
    for item in node.items:
        if is_broken(item):
            continue
        text = shown(plain(as_slot(item)))
        if text in seen:
            problems.add(
                BadValue,
                f"{shown(plain(item))} stands in this axis twice; keep one",
                item.place,
                where,
            )
        seen.add(text)
