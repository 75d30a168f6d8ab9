"""The marked tree: what YAML says, every value with the place that said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganzoo.recipe.place import Place
from ganzoo.registry.types import Value

Key = str | int


class Broken:
    """Stands for a value whose problem is already noted; whoever meets it says nothing more."""

    def __repr__(self) -> str:
        return "(broken)"


BROKEN = Broken()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar; its place is the line of its key.

    Args:
        removes: whether this null lies over something inherited.
    """

    value: Value
    place: Place
    removes: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Branch:
    """A mapping."""

    entries: Mapping[Key, Node]
    place: Place


Node = Leaf | Items | Branch


def plain(node: Node) -> Value:
    """The tree as plain data, its places forgotten."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(inner) for key, inner in node.entries.items()}


def planted(value: Value, place: Place) -> Node:
    """Plain data as a tree, all of it at one place."""
    if isinstance(value, Mapping):
        return Branch({key: planted(inner, place) for key, inner in value.items()}, place)
    if isinstance(value, (list, tuple)):
        return Items(tuple(planted(item, place) for item in value), place)
    return Leaf(value, place)


def is_null(node: Node) -> bool:
    """Whether the file says ``null``."""
    return isinstance(node, Leaf) and node.value is None


def is_broken(node: Node) -> bool:
    """Whether this value, or one inside it, was noted as a problem by the reader."""
    if isinstance(node, Items):
        return any(map(is_broken, node.items))
    if isinstance(node, Branch):
        return any(map(is_broken, node.entries.values()))
    return node.value is BROKEN
