"""A recipe as plain nested data, in the shape in which YAML writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ganzoo.recipe.model import Recipe, Slot
from ganzoo.registry.types import Value

HASHED = ("task", "data", "training")


def rooms_of(recipe: Recipe) -> dict[str, Any]:
    """The four rooms; slots are mappings with ``use`` first (absent where data is left open)."""
    return {
        "task": _plain(recipe.task),
        "data": _plain(recipe.data),
        "training": asdict(recipe.training),
        "watch": asdict(recipe.watch),
    }


def leaves_of(tree: Mapping[Any, Any], path: str = "") -> Iterator[tuple[str, Value]]:
    """Every value that is not a mapping with something in it, with its dotted path."""
    for key, value in tree.items():
        inner = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from leaves_of(value, inner)
        else:
            yield inner, value


def _plain(value: Value) -> Any:
    if isinstance(value, Slot):
        use = {} if value.use is None else {"use": value.use}
        return _plain({**use, **value.settings, **value.parameters})
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return value
