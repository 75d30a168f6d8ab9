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
    "growth": "ganzoo/progressive",
    "dataset": "ganzoo/shapes",
    "feature_extractor": "ganzoo/seeded-convolutions",
    "metric": "ganzoo/frechet",
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

    def factory(
        self,
        *,
        small: bool = True,
        fill: Fill | None = None,
        settings: Mapping[str, Value] | None = None,
        **given: Value,
    ) -> Any:
        """The component with its defaults, required slots filled, waiting for its site.

        Args:
            small: replace sizes that have a well-known name by the kit's own (``SMALL``).
            fill: components to put into the slots of a kind, instead of the usual ones; those of
                a mapping of slots are all put in.
            settings: keys of the slots in such a mapping, beside the components' own.
            given: parameters.
        """
        return self._bound(
            self.component, small=small, fill=fill or {}, given=given, settings=settings or {}
        )

    def companion(self, kind: str, name: str, *, fill: Fill | None = None, **given: Value) -> Any:
        """A factory of another component, in small sizes."""
        found = self.registry.find(kind, name)
        return self._bound(found, small=True, fill=fill or {}, given=given, settings={})

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
        self,
        component: Component,
        *,
        small: bool,
        fill: Fill,
        given: Mapping[str, Value],
        settings: Mapping[str, Value],
    ) -> BoundFactory[Any]:
        values = {}
        for parameter in self.registry.schema(component).parameters.values():
            form = parameter.type
            if parameter.name in given:
                value = given[parameter.name]
            elif isinstance(form, SlotOf) and (parameter.required or form.kind in fill):
                names = fill.get(form.kind) or (usual(form.kind, parameter.name),)
                value = self._slot(form.kind, names[0], {})
            elif isinstance(form, MapOf) and isinstance(form.value, SlotOf):
                kind = form.value.kind
                value = {
                    name.partition("/")[2]: self._slot(kind, name, settings)
                    for name in fill.get(kind, ())
                }
            else:
                value = self._plain(component, parameter, small)
            values[parameter.name] = value
        return build(_slot_of(component, values, {}), self.registry, component.kind)

    def _slot(self, kind: str, name: str, settings: Mapping[str, Value]) -> Slot:
        """A companion in small sizes, its own slots filled with the usual components."""
        component = self.registry.find(kind, name)
        values = {}
        for parameter in self.registry.schema(component).parameters.values():
            form = parameter.type
            if isinstance(form, SlotOf) and parameter.required:
                values[parameter.name] = self._slot(form.kind, usual(form.kind, parameter.name), {})
            else:
                values[parameter.name] = self._plain(component, parameter, small=True)
        return _slot_of(component, values, settings)

    @staticmethod
    def _plain(owner: Component, parameter: Parameter, small: bool) -> Value:
        """The value of a parameter that is no slot."""
        if small and parameter.name in SMALL:
            try:
                return coerce(parameter.type, SMALL[parameter.name])
            except Mismatch:
                return parameter.default
        if parameter.required:
            raise CheckFailure(
                f"the parameter {parameter.name!r} ({parameter.type}) of {owner.name} has no"
                " default. Give it one; only slots may be without"
            )
        return parameter.default


def usual(kind: str, role: str = "") -> str:
    """The built-in component that the kit puts into a slot of this kind and name."""
    if kind == "network" and "discriminator" in role:
        return "ganzoo/stack-discriminator"
    return USUAL[kind]


def _slot_of(
    component: Component, values: Mapping[str, Value], settings: Mapping[str, Value]
) -> Slot:
    known = {setting.name: setting.default for setting in KINDS[component.kind].settings}
    return Slot(
        kind=component.kind,
        use=component.name,
        parameters=values,
        settings={**known, **settings},
    )


def _few(form: TypeForm) -> tuple[Value, ...]:
    """All values of a type that has only a few."""
    if isinstance(form, OneOf):
        return tuple(value for option in form.options for value in _few(option))
    if isinstance(form, Choice):
        return form.values
    return (False, True) if form == BOOL else ()
