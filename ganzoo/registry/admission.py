"""What a plugin yields, checked and signed with its vendor's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ganzoo.errors import ContractError, NameClash
from ganzoo.registry.component import Component
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.suggest import did_you_mean

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def is_name(word: str) -> bool:
    """Whether a word can be a vendor, or what stands after it: lower case, digits, hyphens."""
    return _NAME.fullmatch(word) is not None


def admitted(vendor: str, yielded: object) -> tuple[Component, ...]:
    """The components of a plugin, with full names, sorted by kind and name.

    Args:
        yielded: what the plugin's hook returned.

    Raises:
        ContractError: something is not a component that this ganzoo knows.
        NameClash: two components of one kind have one name.
    """
    if not isinstance(yielded, Iterable) or isinstance(yielded, (str, bytes)):
        raise ContractError(
            f"ganzoo_components of {vendor!r} returned {yielded!r}, not components."
            " Return components_in(__package__), or yield Component(...)."
        )
    found: dict[tuple[str, str], Component] = {}
    for item in yielded:
        component = _admit(vendor, item)
        key = (component.kind, component.name)
        if key in found:
            raise NameClash(
                f"two components of the kind {component.kind} are named {component.name!r}:"
                f" {found[key].target} and {component.target}. Rename one of them."
            )
        found[key] = component
    return tuple(found[key] for key in sorted(found))


def _admit(vendor: str, item: object) -> Component:
    if not isinstance(item, Component):
        raise ContractError(
            f"ganzoo_components of {vendor!r} yielded {item!r}; it may only yield Component(...)."
        )
    component = _signed(vendor, item)
    kind = KINDS.get(component.kind)
    if kind is None:
        meant = did_you_mean(str(component.kind), KINDS)
        hint = f" Did you mean {meant!r}?" if meant else f" Kinds: {', '.join(KINDS)}."
        raise ContractError(f"{component.name}: this ganzoo has no kind {component.kind!r}.{hint}")
    if not isinstance(component.target, str) or not _TARGET.fullmatch(component.target):
        raise ContractError(
            f"{component.name}: target is {component.target!r}, not 'package.module:Class'."
        )
    if not isinstance(component.summary, str) or not component.summary.strip():
        raise ContractError(f"{component.name}: summary is empty; `ganzoo list` shows it.")
    if type(component.contract) is not int or component.contract < 1:
        raise ContractError(
            f"{component.name}: contract is {component.contract!r}, not a version number from 1 on."
        )
    if component.contract > kind.version:
        raise ContractError(
            f"{component.name} was written against contract {component.contract} of the kind"
            f" {kind.name}; this ganzoo knows {kind.version}. Upgrade ganzoo, or install an older"
            f" version of the plugin."
        )
    return component


def _signed(vendor: str, component: Component) -> Component:
    """The component under its full name; one that carries another vendor's name is refused."""
    before, slash, name = str(component.name).rpartition("/")
    if not is_name(name) or (slash and not is_name(before)):
        raise ContractError(
            f"{component.name!r} cannot be a component's name: lower-case words joined by hyphens,"
            f" as in '{vendor}/local-attention'."
        )
    if slash and before != vendor:
        raise ContractError(
            f"{component.name!r} carries another vendor's name; this plugin is {vendor!r} and may"
            f" only offer '{vendor}/{name}'."
        )
    return replace(component, name=f"{vendor}/{name}")
