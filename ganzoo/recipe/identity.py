"""The hash of a recipe: what was asked, not with what it was done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ganzoo.recipe.model import Recipe
from ganzoo.recipe.rooms import HASHED, rooms_of


def canonical(recipe: Recipe) -> dict[str, Any]:
    """What enters the hash, as JSON has it: task, data and training; not ``watch``, and no null.

    So a component can gain a parameter that may be left out without moving the hash of anyone who
    leaves it out; what is absent is null, so different recipes stay different. For the same reason
    ``training.precision`` enters only where something is lower than float32. ``training.layout``
    never does: it says where numbers lie, not what they are.
    """
    rooms = rooms_of(recipe)
    training = rooms["training"]
    del training["layout"]
    if not recipe.training.precision.lowers:
        del training["precision"]
    return {room: _json(rooms[room]) for room in HASHED}


def recipe_hash(recipe: Recipe) -> str:
    """First 12 hex digits of SHA-256 over canonical JSON: sorted keys, shortest floats."""
    text = json.dumps(
        canonical(recipe),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, float):
        return value + 0.0  # equal values, equal hash: -0.0 becomes 0.0
    return value
