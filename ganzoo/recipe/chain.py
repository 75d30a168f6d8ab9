"""A recipe and what it extends, each file read and marked."""

from __future__ import annotations

import os

from ganzoo.errors import BadValue, CircularExtends, NewerSchema, RecipeError
from ganzoo.recipe.place import Place, Problems
from ganzoo.recipe.read import read_yaml
from ganzoo.recipe.sources import Source, locate, locate_beside, shipped_hint
from ganzoo.recipe.tree import BROKEN, Branch, Leaf, is_null

SCHEMA = 1


def read_chain(
    source: str | os.PathLike[str] | Source, problems: Problems
) -> list[tuple[Source, Branch]]:
    """The recipe first, then what it extends, then what that extends.

    Raises:
        RecipeError: a file cannot be read as a recipe at all.
        CircularExtends: a file extends itself, directly or through others.
        NewerSchema: a file is written for a newer ganzoo.
    """
    here = source if isinstance(source, Source) else locate(os.fspath(source))
    chain: list[tuple[Source, Branch]] = []
    while True:
        tree = _read_file(here, problems)
        chain.append((here, tree))
        _check_schema(tree, here, problems)
        parent = tree.entries.get("extends")
        if parent is None or is_null(parent):
            return chain
        if not isinstance(parent, Leaf) or not isinstance(parent.value, str):
            if not isinstance(parent, Leaf) or parent.value is not BROKEN:
                problems.add(
                    BadValue,
                    "expected one file: a path beside this one, or 'package:file.yaml'",
                    parent.place,
                    "extends",
                )
            return chain
        here = neighbour(parent.value, here, parent.place, "extends")
        _refuse_circle(here, chain, parent.place)


def _read_file(source: Source, problems: Problems) -> Branch:
    root = read_yaml(source.read_text(), lambda line: Place(source.shown, line), problems)
    if root is None or is_null(root):
        raise RecipeError(
            f"this recipe is empty; one begins with 'ganzoo: {SCHEMA}'", where=source.shown
        )
    if not isinstance(root, Branch):
        found = "one value" if isinstance(root, Leaf) else "a list"
        raise RecipeError(
            f"a recipe is a mapping that begins with 'ganzoo: {SCHEMA}'; this file holds {found}",
            where=str(root.place),
        )
    return root


def _check_schema(tree: Branch, source: Source, problems: Problems) -> None:
    node = tree.entries.get("ganzoo")
    if node is None or is_null(node):
        problems.add(
            RecipeError,
            f"this recipe does not say which ganzoo it is for; add 'ganzoo: {SCHEMA}'",
            Place(source.shown, 1),
        )
        return
    value = node.value if isinstance(node, Leaf) else None
    if value is BROKEN:
        return
    if type(value) is not int or value < 1:
        problems.add(BadValue, f"expected {SCHEMA}", node.place, "ganzoo")
    elif value > SCHEMA:
        raise NewerSchema(
            f"this recipe is written for schema {value}; this ganzoo reads {SCHEMA}. "
            "Install a newer ganzoo",
            where=str(node.place),
            path="ganzoo",
        )


def neighbour(text: str, source: Source, place: Place, path: str) -> Source:
    """The recipe file that ``source`` names by ``text``, at a place and under a key.

    Raises:
        RecipeError: there is no such package or file.
    """
    try:
        found = locate_beside(text, source)
    except RecipeError as error:
        raise RecipeError(error.message, where=str(place), path=path) from error
    if not found.path.is_file():
        raise RecipeError(
            f"there is no file {text!r} here (looked for {found.shown}){shipped_hint(text)}",
            where=str(place),
            path=path,
        )
    return found


def _refuse_circle(source: Source, chain: list[tuple[Source, Branch]], place: Place) -> None:
    seen = [os.path.realpath(earlier.path) for earlier, _ in chain]
    real = os.path.realpath(source.path)
    if real in seen:
        names = [earlier.shown for earlier, _ in chain[seen.index(real) :]]
        raise CircularExtends(
            f"this recipe extends itself: {' -> '.join([*names, names[0]])}. Break the circle",
            where=str(place),
            path="extends",
        )
