"""The component under test: its class, its schema, and factories of it in small sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo.assembly.build import BoundFactory, build
from ganzoo.recipe.model import Slot
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.component import Component
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.types import (
    BOOL,
    Choice,
    MapOf,
    Mismatch,
    OneOf,
    Parameter,
    Schema,
    SlotOf,
    TypeForm,
    Value,
    coerce,
)
from ganzoo.testing.failure import CheckFailure

SMALL: Mapping[str, int] = {
    "channels_base": 40,  # 6 channels at 4 x 4, 5 at 8 x 8, 2 at 16 x 16
    "channels_max": 6,
    "depth": 2,
    "latent_width": 5,
    "width": 6,
}
USUAL: Mapping[str, str] = {
    "task": "ganzoo/adversarial",
    "network": "ganzoo/style-generator",
    "mapping": "ganzoo/mlp",
    "stem": "ganzoo/constant",
    "generator_block": "ganzoo/original",
    "discriminator_block": "ganzoo/original",
    "normalization": "ganzoo/demodulation",
    "head": "ganzoo/minibatch-stddev",
    "loss": "ganzoo/logistic",
    "regularizer": "ganzoo/r1",
    "dataset": "ganzoo/shapes",
}
Fill = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One component, as its checks see it.

    Args:
        registry: where it and its companions are looked up.
        path: what a data set is to read; None: a folder of small pictures that the kit makes.
        check_names: of all the checks of this component.
    """

    registry: Registry
    component: Component
    path: Path | None = None
    check_names: tuple[str, ...] = ()

    @property
    def cls(self) -> type[Any]:
        """The class; importing it may raise a ``PluginError``."""
        return self.registry.load(self.component)

    @property
    def schema(self) -> Schema:
        """What a recipe may write under the component."""
        return self.registry.schema(self.component)

    def factory(self, *, small: bool = True, fill: Fill | None = None, **given: Value) -> Any:
        """The component with its defaults, required slots filled, waiting for its site.

        Args:
            small: replace sizes that have a well-known name by the kit's own (``SMALL``).
            fill: components to put into the slots of a kind, instead of the usual ones; those of
                a mapping of slots are all put in.
            given: parameters.
        """
        return self._bound(self.component, small=small, fill=fill or {}, given=given)

    def companion(self, kind: str, name: str, *, fill: Fill | None = None, **given: Value) -> Any:
        """A factory of another component, in small sizes."""
        found = self.registry.find(kind, name)
        return self._bound(found, small=True, fill=fill or {}, given=given)

    def companions(self, kind: str) -> tuple[str, ...]:
        """The components of a kind that this one must work with: ganzoo's and its own vendor's."""
        vendors = ("ganzoo", self.component.vendor)
        return tuple(c.name for c in self.registry.components(kind) if c.vendor in vendors)

    def variants(self) -> tuple[Mapping[str, Value], ...]:
        """The defaults, and every other value of each parameter that has only a few."""
        found: list[Mapping[str, Value]] = [{}]
        for parameter in self.schema.parameters.values():
            for value in _few(parameter.type):
                if value != parameter.default:
                    found.append({parameter.name: value})
        return tuple(found)

    def _bound(
        self, component: Component, *, small: bool, fill: Fill, given: Mapping[str, Value]
    ) -> BoundFactory[Any]:
        slot = self._slot(component, small=small, fill=fill, given=given)
        return build(slot, self.registry, component.kind)

    def _slot(
        self, component: Component, *, small: bool, fill: Fill, given: Mapping[str, Value]
    ) -> Slot:
        values = {}
        for parameter in self.registry.schema(component).parameters.values():
            if parameter.name in given:
                values[parameter.name] = given[parameter.name]
            else:
                values[parameter.name] = self._value(component, parameter, small, fill)
        settings = {setting.name: setting.default for setting in KINDS[component.kind].settings}
        return Slot(
            kind=component.kind, use=component.name, parameters=values, settings=settings
        )

    def _value(self, owner: Component, parameter: Parameter, small: bool, fill: Fill) -> Value:
        form = parameter.type
        if isinstance(form, SlotOf) and (parameter.required or form.kind in fill):
            names = fill.get(form.kind) or (usual(form.kind, parameter.name),)
            return self._inner(form.kind, names[0])
        if isinstance(form, MapOf) and isinstance(form.value, SlotOf):
            names = fill.get(form.value.kind, ())
            return {name.partition("/")[2]: self._inner(form.value.kind, name) for name in names}
        if small and parameter.name in SMALL:
            try:
                return coerce(form, SMALL[parameter.name])
            except Mismatch:
                return parameter.default
        if parameter.required:
            raise CheckFailure(
                f"the parameter {parameter.name!r} ({form}) of {owner.name} has no default. Give it"
                " one; only slots may be without"
            )
        return parameter.default

    def _inner(self, kind: str, name: str) -> Slot:
        return self._slot(self.registry.find(kind, name), small=True, fill={}, given={})


def usual(kind: str, role: str = "") -> str:
    """The built-in component that the kit puts into a slot of this kind and name."""
    if kind == "network" and "discriminator" in role:
        return "ganzoo/stack-discriminator"
    return USUAL[kind]


def _few(form: TypeForm) -> tuple[Value, ...]:
    """All values of a type that has only a few."""
    if isinstance(form, OneOf):
        return tuple(value for option in form.options for value in _few(option))
    if isinstance(form, Choice):
        return form.values
    return (False, True) if form == BOOL else ()
