"""A resolved recipe as YAML that a person reads and that loads back to itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.recipe.model import Recipe
from ganzoo.recipe.rooms import rooms_of
from ganzoo.recipe.scalars import write_scalar

_COMMENT_COLUMN = 40


def dump(recipe: Recipe, origin: Mapping[str, str] | None = None) -> str:
    """The recipe in block style, every default written out.

    Args:
        origin: of ``LoadedRecipe``; given, every value is followed by a comment that says where
            it was written.
    """
    tree = {
        "ganzoo": recipe.schema,
        "name": recipe.name,
        "about": recipe.about,
        **rooms_of(recipe),
    }
    lines = _lines(tree, "", "")
    if origin is None:
        return "".join(f"{text}\n" for text, _ in lines)
    column = max(_COMMENT_COLUMN, *(len(text) for text, path in lines if path != "about"))
    return "".join(_commented(text, origin.get(path), column) for text, path in lines)


def as_yaml(tree: Mapping[str, Any]) -> str:
    """A recipe of plain mappings and values, not yet resolved, in the same style."""
    return "".join(f"{text}\n" for text, _ in _lines(tree, "", ""))


def _lines(tree: Mapping[Any, Any], path: str, indent: str) -> list[tuple[str, str]]:
    """Every line with the dotted path that it writes."""
    lines = []
    for key, value in tree.items():
        inner = f"{path}.{key}" if path else str(key)
        start = f"{indent}{write_scalar(key)}:"
        if isinstance(value, Mapping) and value:
            lines.append((start, inner))
            lines += _lines(value, inner, indent + "  ")
        else:
            lines.append((f"{start} {_flow(value, in_list=False)}", inner))
    return lines


def _flow(value: Any, *, in_list: bool) -> str:
    if isinstance(value, Mapping):
        pairs = (
            f"{write_scalar(key, in_list=True)}: {_flow(inner, in_list=True)}"
            for key, inner in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item, in_list=True) for item in value) + "]"
    return write_scalar(value, in_list=in_list)


def _commented(text: str, place: str | None, column: int) -> str:
    return f"{text}\n" if place is None else f"{text.ljust(column)}  # {place}\n"
