"""Overrides of the command line: ``training.batch=16``, by the rules of the file itself."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.errors import BadValue, RecipeError
from ganzoo.recipe.merge import as_slot, merge
from ganzoo.recipe.place import Place, Problems
from ganzoo.recipe.read import read_yaml
from ganzoo.recipe.tree import Branch, Key, Node

_FILES_ONLY = ("extends", "ganzoo", "grid")


def apply_overrides(
    tree: Branch, overrides: Sequence[str], problems: Problems
) -> tuple[Branch, frozenset[str]]:
    """The tree with the overrides over it: whole slots and ``use`` first, then in their order.

    A component that is chosen replaces its slot, so it must not drop what another override of the
    same command line says about that slot.

    Returns:
        The tree, and the dotted paths that no file had: they must be parameters of a component,
        never new entries of a named mapping.
    """
    created: set[str] = set()
    for text in sorted(overrides, key=lambda text: rank(words_of(text))):
        place = Place(f"override {text}")
        parsed = _parse(text, place, problems)
        if parsed is None:
            continue
        words, node = parsed
        tree, missing = lay(tree, words, node, place)
        created |= missing
    return tree, frozenset(created)


def lay(
    tree: Branch, words: Sequence[str], node: Node, place: Place
) -> tuple[Branch, frozenset[str]]:
    """The tree with one value over it, and the dotted paths that the tree did not have."""
    keys, missing = _find(tree, words)
    for key in reversed(keys):
        node = Branch({key: node}, place)
    merged = merge(tree, node)
    assert isinstance(merged, Branch)
    return merged, frozenset(missing)


def words_of(override: str) -> list[str]:
    """The keys that an override names, whether or not its value can be read."""
    return override.partition("=")[0].strip().split(".")


def rank(words: Sequence[str]) -> tuple[int, bool]:
    """Orders values that are laid over a tree: whole slots first, and ``use`` before the rest."""
    return len(words), words[-1] != "use"


def _parse(text: str, place: Place, problems: Problems) -> tuple[list[str], Node] | None:
    key, equals, value = text.partition("=")
    words = key.strip().split(".")
    if not equals or not all(words):
        problems.add(BadValue, "an override reads key=value, as training.batch=16", place)
        return None
    if words[0] in _FILES_ONLY:
        problems.add(BadValue, f"{words[0]!r} belongs in the file; it cannot be overridden", place)
        return None
    if not value.strip():
        problems.add(
            BadValue, "there is no value after '='; write null to remove the key", place, key
        )
        return None
    noted = len(problems)
    try:
        node = read_yaml(value, lambda line: place, problems)
    except RecipeError as error:
        problems.add_error(error, place, key)
        return None
    if node is None or len(problems) > noted:
        if node is None:
            problems.add(BadValue, f"{value!r} is not a value", place, key)
        return None
    return words, node


def _find(tree: Branch, words: Sequence[str]) -> tuple[list[Key], set[str]]:
    """The keys that the words mean in this tree, and the paths that are not in it."""
    keys: list[Key] = []
    missing: set[str] = set()
    node: Node | None = tree
    for depth, word in enumerate(words):
        node = as_slot(node) if node is not None else None
        entries = node.entries if isinstance(node, Branch) else {}
        key = next((k for k in entries if str(k) == word), None)
        if key is None:
            missing.add(".".join(words[: depth + 1]))
            keys.append(int(word) if word.isdecimal() and word.isascii() else word)
            node = None
        else:
            keys.append(key)
            node = entries[key]
    return keys, missing
