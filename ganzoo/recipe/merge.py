"""How one recipe lies over another.

Mappings merge deeply; scalars and lists replace. A bare component name over or under a mapping
counts as ``{use: name}``, and where ``use`` changes the whole slot is replaced, so that one
component's parameters never leak into another. ``null`` stays in the tree: only the schema knows
whether it is a value or a removal (see ``slots.Resolver``), but nothing below it survives a merge.
"""

from __future__ import annotations

from dataclasses import replace

from ganzoo.recipe.tree import Branch, Leaf, Node


def merge(base: Node, over: Node) -> Node:
    """``over`` laid over ``base``; what both say, ``over`` says."""
    if isinstance(over, Leaf) and over.value is None:
        return replace(over, removes=True)
    if isinstance(over, Branch):
        base = as_slot(base)
    elif isinstance(base, Branch) and "use" in base.entries:
        over = as_slot(over)
    if not (isinstance(base, Branch) and isinstance(over, Branch)) or _use_changes(base, over):
        return over
    entries = dict(base.entries)
    for key, node in over.entries.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return Branch(entries, over.place)


def as_slot(node: Node) -> Node:
    """``vendor/name`` as ``{use: vendor/name}``; anything else as it is."""
    if isinstance(node, Leaf) and isinstance(node.value, str) and "/" in node.value:
        return Branch({"use": node}, node.place)
    return node


def _use_changes(base: Branch, over: Branch) -> bool:
    before, after = base.entries.get("use"), over.entries.get("use")
    if before is None or after is None:
        return False
    return not (
        isinstance(before, Leaf) and isinstance(after, Leaf) and before.value == after.value
    )
