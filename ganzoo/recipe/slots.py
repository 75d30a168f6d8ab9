"""Values of a marked tree against the types that their components declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ganzoo.errors import BadValue, PluginError, RecipeError, UnknownKey
from ganzoo.recipe.describe import mismatch, shown, unknown_key
from ganzoo.recipe.merge import as_slot
from ganzoo.recipe.model import Slot
from ganzoo.recipe.place import DEFAULT, Place, Problems
from ganzoo.recipe.tree import BROKEN, Branch, Key, Leaf, Node, is_broken, is_null, plain, planted
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.component import Component
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.suggest import did_you_mean
from ganzoo.registry.types import (
    NONE,
    MapOf,
    Mismatch,
    OneOf,
    Parameter,
    Record,
    Schema,
    SlotOf,
    TypeForm,
    Value,
    coerce,
)


@dataclass(frozen=True, slots=True)
class Settled:
    """A value of its declared type, and where it was written."""

    value: Value
    place: Place


class Resolver:
    """Fills slots and records from a tree, noting problems and going on.

    **What null means**: the value None where the type admits it; anywhere else it removes the
    key, as if no file had written it, so that the default holds again.

    Args:
        created: dotted paths that only the command line names.
    """

    def __init__(self, registry: Registry, problems: Problems, created: frozenset[str]) -> None:
        self._registry = registry
        self._problems = problems
        self._created = created
        self.settled: dict[str, Settled] = {}

    def slot(self, kind: str, node: Node, path: str) -> Value:
        """The slot of a kind; only data may leave its component open."""
        branch = as_slot(node) if isinstance(node, Leaf) else node
        if isinstance(branch, Leaf) and isinstance(branch.value, str):
            branch = Branch({"use": branch}, branch.place)
        if not isinstance(branch, Branch):
            return self._bad(
                f"expected the name of a {kind}, or a mapping with 'use', "
                f"found {shown(plain(node))}",
                node.place,
                path,
            )
        use = branch.entries.get("use")
        if use is None or is_null(use):
            if kind != "dataset":
                return self._bad(
                    f"no component is named here; add 'use' with the name of a {kind} "
                    f"(ganzoo list {kind})",
                    branch.place,
                    path,
                )
            return self._unfilled(branch, path)
        name = use.value if isinstance(use, Leaf) else plain(use)
        if not isinstance(name, str):
            if is_broken(use):
                return BROKEN
            return self._bad(
                f"expected the name of a {kind}, as 'vendor/name', found {shown(name)}",
                use.place,
                f"{path}.use",
            )
        settings = self.fields(_setting(kind), branch, path, name, use.place)
        schema = self._schema(kind, name, use.place, path)
        if schema is None:
            return BROKEN
        self.settled[f"{path}.use"] = Settled(name, use.place)
        parameters = self.fields(schema.parameters, branch, path, name, use.place)
        known = [*schema.parameters.values(), *KINDS[kind].settings]
        self.refuse_unknown(branch, known, path, name, "parameter", ("use",))
        return Slot(kind=kind, use=name, parameters=parameters, settings=settings)

    def fields(
        self,
        parameters: Mapping[str, Parameter],
        branch: Branch,
        path: str,
        owner: str,
        place: Place,
    ) -> dict[str, Value]:
        """Every parameter's value, written or default, in the order of the parameters."""
        values = {}
        for name, parameter in parameters.items():
            inner = f"{path}.{name}" if path else name
            node = branch.entries.get(name)
            if node is not None and is_null(node) and not admits_none(parameter.type):
                node = None
            if node is not None:
                values[name] = self._value(parameter.type, node, inner, parameter.minimum)
            elif not parameter.required:
                values[name] = self._value(
                    parameter.type, planted(parameter.default, DEFAULT), inner, None
                )
            elif isinstance(parameter.type, Record):
                values[name] = self._value(parameter.type, Branch({}, place), inner, None)
            else:
                doc = f": {parameter.doc}" if parameter.doc else ""
                values[name] = self._bad(
                    f"{owner} needs {name!r} ({parameter.type}){doc}", place, path
                )
        return values

    def refuse_unknown(
        self,
        branch: Branch,
        parameters: Iterable[Parameter],
        path: str,
        owner: str,
        word: str,
        also: tuple[str, ...] = (),
    ) -> None:
        """Note every key that nobody reads."""
        known = tuple(parameters)
        names = {parameter.name for parameter in known} | set(also)
        for key, node in branch.entries.items():
            if key not in names:
                self._problems.add(
                    UnknownKey, unknown_key(owner, key, known, word), node.place, path
                )

    def _unfilled(self, branch: Branch, path: str) -> Slot:
        settings = self.fields(_setting("dataset"), branch, path, path, branch.place)
        self.refuse_unknown(
            branch,
            KINDS["dataset"].settings,
            path,
            "data without a 'use'",
            "key",
            ("use",),
        )
        self.settled[f"{path}.use"] = Settled(None, DEFAULT)
        return Slot(kind="dataset", use=None, parameters={}, settings=settings)

    def _schema(self, kind: str, name: str, place: Place, path: str) -> Schema | None:
        try:
            component: Component = self._registry.find(kind, name)
            return self._registry.schema(component)
        except RecipeError as error:
            self._problems.add_error(error, place, path)
        except PluginError as error:
            self._problems.add(RecipeError, f"{name} cannot be used: {error}", place, path)
        return None

    def _value(self, form: TypeForm, node: Node, path: str, minimum: float | None) -> Value:
        if not isinstance(node, Branch) and is_broken(node):
            return BROKEN
        chosen = _option(form, node)
        if isinstance(chosen, SlotOf):
            return self.slot(chosen.kind, node, path)
        if isinstance(chosen, Record) and isinstance(node, Branch):
            values = self.fields(chosen.fields, node, path, path, node.place)
            self.refuse_unknown(node, chosen.fields.values(), path, path, "key")
            return values
        if isinstance(chosen, MapOf) and isinstance(node, Branch):
            return self._map(chosen, node, path)
        if is_broken(node):
            return BROKEN
        value = plain(node)
        try:
            settled = coerce(form, value)
        except (Mismatch, OverflowError):
            return self._bad(mismatch(form, value), node.place, path)
        if minimum is not None and any(number < minimum for number in _numbers(settled)):
            return self._bad(
                f"expected at least {minimum:g}, found {shown(value)}", node.place, path
            )
        self.settled[path] = Settled(settled, node.place)
        return settled

    def _map(self, form: MapOf, branch: Branch, path: str) -> Value:
        if not branch.entries:
            self.settled[path] = Settled({}, branch.place)
        values = {}
        for key, node in branch.entries.items():
            inner = f"{path}.{key}"
            removal = None if admits_none(form.value) or not is_null(node) else node
            if inner in self._created or (isinstance(removal, Leaf) and not removal.removes):
                self._no_such_entry(key, branch, node.place, path)
                continue
            if removal:
                continue
            try:
                settled_key = coerce(form.key, key)
            except Mismatch as error:
                self._bad(f"expected {error} as key, found {shown(key)}", node.place, path)
                continue
            values[settled_key] = self._value(form.value, node, inner, None)
        return values

    def _no_such_entry(self, key: Key, branch: Branch, place: Place, path: str) -> None:
        there = [
            str(other)
            for other, node in branch.entries.items()
            if f"{path}.{other}" not in self._created and not is_null(node)
        ]
        nearest = did_you_mean(str(key), there)
        hint = f"Did you mean {nearest!r}?  " if nearest else ""
        files = ". A new entry belongs in a recipe file" if place.line is None else ""
        self._problems.add(
            UnknownKey,
            f"there is no entry {key!r} here to change or remove.\n  {hint}"
            f"There are: {', '.join(there) or 'none'}{files}",
            place,
            path,
        )

    def _bad(self, message: str, place: Place, path: str) -> Value:
        self._problems.add(BadValue, message, place, path)
        return BROKEN


def admits_none(form: TypeForm) -> bool:
    """Whether ``null`` is a value of this type."""
    return form == NONE or (isinstance(form, OneOf) and any(map(admits_none, form.options)))


def _option(form: TypeForm, node: Node) -> TypeForm:
    """The option of a union that a value is written for, judged by the value's shape."""
    if not isinstance(form, OneOf):
        return form
    slots = [option for option in form.options if isinstance(option, SlotOf)]
    if isinstance(node, Branch):
        mappings = [option for option in form.options if isinstance(option, (Record, MapOf))]
        ordered = slots + mappings if "use" in node.entries else mappings + slots
        return ordered[0] if ordered else form
    if slots and isinstance(node, Leaf) and isinstance(node.value, str):
        try:
            coerce(form, node.value)
        except Mismatch:
            return slots[0]
    return form


def _setting(kind: str) -> Mapping[str, Parameter]:
    return {parameter.name: parameter for parameter in KINDS[kind].settings}


def _numbers(value: Value) -> Iterable[float]:
    if isinstance(value, tuple):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []
