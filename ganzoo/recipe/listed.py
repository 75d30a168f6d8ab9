"""What the points of a grid start from: its own file, or each recipe of its axis ``recipe``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ganzoo.errors import BadValue, RecipeError
from ganzoo.recipe.axes import RECIPE, Axis
from ganzoo.recipe.chain import neighbour
from ganzoo.recipe.compose import Composed, compose
from ganzoo.recipe.describe import shown
from ganzoo.recipe.merge import merge
from ganzoo.recipe.place import Problems
from ganzoo.recipe.sources import Source
from ganzoo.recipe.tree import Branch, Leaf, Node, is_broken, is_null, plain

_PATH = f"grid.{RECIPE}"
# What a grid says of its own file, not of the recipes that it lists.
_OWN = ("ganzoo", "extends", "name", "about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A tree for the other axes to lie over.

    Args:
        name: what the recipe says, or the file's stem.
        sources: the grid's file, what that extends, and the listed recipe with what it extends.
    """

    name: str
    tree: Branch
    stem: str
    sources: tuple[Source, ...]


def bases_of(composed: Composed, axes: Sequence[Axis], problems: Problems) -> tuple[Base, ...]:
    """One for each value of the axis ``recipe``; the recipe itself where there is no such axis.

    Notes a listed recipe that is no recipe, stands twice, or is a grid, and a grid of recipes that
    extends an ordinary one, which would lie under every recipe or under none.
    """
    axis = next((axis for axis in axes if axis.path == RECIPE), None)
    if axis is None:
        return (_base(composed, composed.tree, composed.sources),)
    _refuse_extends(composed, problems)
    over = Branch(
        {key: node for key, node in composed.tree.entries.items() if key not in _OWN},
        composed.tree.place,
    )
    bases = []
    seen: dict[str, str] = {}
    for value in axis.values:
        listed = _listed(value, composed, seen, problems)
        if listed is not None:
            tree = merge(listed.tree, over)
            assert isinstance(tree, Branch)
            bases.append(_base(listed, tree, (*composed.sources, *listed.sources)))
    return tuple(bases)


def word(tree: Branch, key: str, default: str) -> str:
    """A word that a tree says; anything else that stands there is an error for resolution."""
    node = tree.entries.get(key)
    return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else default


def _base(of: Composed, tree: Branch, sources: tuple[Source, ...]) -> Base:
    return Base(name=word(of.tree, "name", of.stem), tree=tree, stem=of.stem, sources=sources)


def _listed(
    value: Node, composed: Composed, seen: dict[str, str], problems: Problems
) -> Composed | None:
    if not isinstance(value, Leaf) or not isinstance(value.value, str):
        if not is_broken(value):
            problems.add(
                BadValue,
                "expected a recipe: a path beside this file, or 'package:file.yaml', "
                f"found {shown(plain(value))}",
                value.place,
                _PATH,
            )
        return None
    text = value.value
    writer = next(each for each in composed.sources if each.shown == value.place.source)
    try:
        source = neighbour(text, writer, value.place, _PATH)
        earlier = seen.setdefault(os.path.realpath(source.path), text)
        if earlier != text:
            problems.add(
                BadValue, f"{text!r} and {earlier!r} are one file; keep one", value.place, _PATH
            )
        found = compose(source, problems)
    except RecipeError as error:
        problems.add_error(error, value.place, "")
        return None
    if found.grid is not None:
        problems.add(
            BadValue,
            f"{text!r} is itself a grid; list the recipes of its points instead",
            value.place,
            _PATH,
        )
        return None
    return found


def _refuse_extends(composed: Composed, problems: Problems) -> None:
    writers = [index for index, (_, tree) in enumerate(composed.chain) if _lists_recipes(tree)]
    if max(writers) == len(composed.chain) - 1:
        return
    _, tree = composed.chain[max(writers)]
    problems.add(
        RecipeError,
        f"a grid with an axis {RECIPE!r} lies over the recipes that it lists and extends nothing "
        "else; remove this, or add it to the list",
        tree.entries["extends"].place,
        "extends",
    )


def _lists_recipes(tree: Branch) -> bool:
    grid = tree.entries.get("grid")
    axis = grid.entries.get(RECIPE) if isinstance(grid, Branch) else None
    return axis is not None and not is_null(axis)
