"""From the merged tree to the frozen recipe: components found, types applied, defaults filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar

from ganzoo.recipe.merge import as_slot
from ganzoo.recipe.model import Recipe, Slot
from ganzoo.recipe.place import DATA_FLAG, Problems
from ganzoo.recipe.rules import check_rules
from ganzoo.recipe.settings import TrainingSettings, WatchSettings
from ganzoo.recipe.slots import Resolver, Settled
from ganzoo.recipe.tree import Branch, Leaf, is_null
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.schema import record_from_module
from ganzoo.registry.types import STR, Parameter, SlotOf, Value

T = TypeVar("T")

_HEADER = ("ganzoo", "extends")
_SETTINGS = "ganzoo.recipe.settings"


def resolve(
    tree: Branch, registry: Registry, *, stem: str, problems: Problems, created: frozenset[str]
) -> tuple[Recipe, Mapping[str, Settled]]:
    """The recipe, and for every dotted path its value and place.

    Args:
        stem: the name, unless the tree says another.
        created: as ``apply_overrides`` returns it.

    Raises:
        RecipeProblems: all that is wrong, ``problems`` from earlier steps included.
    """
    rooms = {
        "name": Parameter(name="name", type=STR, default=stem),
        "about": Parameter(name="about", type=STR, default=""),
        "task": Parameter(name="task", type=SlotOf("task"), doc=KINDS["task"].summary),
        "data": Parameter(name="data", type=SlotOf("dataset"), default={}),
        "training": _room("training", "TrainingSettings"),
        "watch": _room("watch", "WatchSettings"),
    }
    resolver = Resolver(registry, problems, created)
    values = resolver.fields(rooms, tree, "", "a recipe", tree.place)
    resolver.refuse_unknown(tree, rooms.values(), "", "a recipe", "key", _HEADER)
    check_rules(resolver.settled, problems)
    problems.raise_all()
    return (
        Recipe(
            name=values["name"],
            about=values["about"],
            task=values["task"],
            data=squared(values["data"]),
            training=_dataclass(TrainingSettings, values["training"]),
            watch=_dataclass(WatchSettings, values["watch"]),
        ),
        resolver.settled,
    )


def with_data(tree: Branch, use: str) -> Branch:
    """The tree with its data slot filled as ``--data`` asks.

    What a recipe says of any data stays (resolution, channels, labels, mirror); parameters of
    another data set go.
    """
    node = as_slot(tree.entries.get("data", Leaf(None, DATA_FLAG)))
    if not isinstance(node, Branch) and not is_null(node):
        return tree  # an error that resolution words
    entries = dict(node.entries) if isinstance(node, Branch) else {}
    before = entries.get("use")
    if not (isinstance(before, Leaf) and before.value == use):
        settings = {setting.name for setting in KINDS["dataset"].settings}
        entries = {key: inner for key, inner in entries.items() if key in settings}
        entries["use"] = Leaf(use, DATA_FLAG)
    place = node.place if isinstance(node, Branch) else DATA_FLAG
    return Branch({**tree.entries, "data": Branch(entries, place)}, tree.place)


def squared(data: Slot) -> Slot:
    """The data slot with ``[64, 64]`` written as 64, so that both have one hash."""
    side = data.settings["resolution"]
    if isinstance(side, tuple) and side[0] == side[1]:
        return replace(data, settings={**data.settings, "resolution": side[0]})
    return data


@cache
def _room(name: str, of: str) -> Parameter:
    return Parameter(name=name, type=record_from_module(_SETTINGS, of), default={})


def _dataclass(of: type[T], values: Mapping[str, Value]) -> T:
    """The settings that a resolved mapping describes, records inside them included."""
    arguments: dict[str, Any] = dict(values)
    for entry in fields(of):  # type: ignore[arg-type]
        inner = entry.default_factory
        if isinstance(inner, type) and is_dataclass(inner):
            arguments[entry.name] = _dataclass(inner, arguments[entry.name])
    return of(**arguments)
