"""The types a recipe value may have, and how a written value becomes one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Value = Any  # plain data: bool, int, float, str, None, tuples and mappings of these


class Missing:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "(required)"


MISSING = Missing()


class Mismatch(Exception):
    """A value does not have the type asked for; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """``bool``, ``int``, ``float``, ``str`` or ``None``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Choice:
    """``Literal[...]``: one of a few written values."""

    values: tuple[bool | int | str | None, ...]

    def __str__(self) -> str:
        return " | ".join(str(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A union, tried in the order it is written."""

    options: tuple[TypeForm, ...]

    def __str__(self) -> str:
        return " | ".join(str(option) for option in self.options)


@dataclass(frozen=True, slots=True)
class ListOf:
    """``tuple[T, ...]``, written as a YAML list."""

    item: TypeForm

    def __str__(self) -> str:
        return f"list of {self.item}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """``tuple[A, B]``, written as a YAML list of exactly that many."""

    items: tuple[TypeForm, ...]

    def __str__(self) -> str:
        return "[" + ", ".join(str(item) for item in self.items) + "]"


@dataclass(frozen=True, slots=True)
class MapOf:
    """``Mapping[K, V]``; keys are ``str`` or ``int``."""

    key: Scalar
    value: TypeForm

    def __str__(self) -> str:
        return f"mapping of {self.key} to {self.value}"


@dataclass(frozen=True, slots=True)
class Record:
    """A frozen dataclass: a mapping with known keys."""

    name: str
    fields: Mapping[str, Parameter] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class SlotOf:
    """``Factory[Contract]``: a place another component fills."""

    kind: str

    def __str__(self) -> str:
        return self.kind


TypeForm = Scalar | Choice | OneOf | ListOf | Fixed | MapOf | Record | SlotOf

BOOL, INT, FLOAT, STR, NONE = map(Scalar, ("bool", "int", "float", "str", "None"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One key that a recipe may write, with what it may say there.

    Args:
        name: the keyword-only parameter of the constructor.
        type: what values it takes.
        default: what it is when the recipe is silent; ``MISSING`` where it must speak.
        doc: one line, from the constructor's or the class's ``Args``.
        minimum: smallest number allowed, or None.
    """

    name: str
    type: TypeForm
    default: Value = MISSING
    doc: str = ""
    minimum: float | None = None

    @property
    def required(self) -> bool:
        """Whether a recipe must give it."""
        return self.default is MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a recipe may write under a component: its constructor's keyword-only parameters."""

    parameters: Mapping[str, Parameter]
    summary: str = ""
    doc: str = ""


def coerce(form: TypeForm, value: Value) -> Value:
    """The value as the type has it: an int becomes a float where floats are asked for.

    ``int`` fits ``float``; ``bool`` fits neither; lists become tuples. Slots and records hold keys
    of their own with places of their own, so the recipe floor resolves them, not this function.

    Raises:
        Mismatch: the value does not fit; the text is what was expected.
    """
    if isinstance(form, Scalar):
        return _coerce_scalar(form, value)
    if isinstance(form, Choice):
        for allowed in form.values:
            if value == allowed and type(value) is type(allowed):
                return allowed
    elif isinstance(form, OneOf):
        for option in form.options:
            if not isinstance(option, (SlotOf, Record)):
                try:
                    return coerce(option, value)
                except Mismatch:
                    continue
    elif isinstance(form, ListOf) and isinstance(value, (list, tuple)):
        return tuple(coerce(form.item, item) for item in value)
    elif isinstance(form, Fixed) and isinstance(value, (list, tuple)):
        if len(value) == len(form.items):
            return tuple(coerce(item, v) for item, v in zip(form.items, value))
    elif isinstance(form, MapOf) and isinstance(value, Mapping):
        return {coerce(form.key, k): coerce(form.value, v) for k, v in value.items()}
    raise Mismatch(str(form))


def _coerce_scalar(form: Scalar, value: Value) -> Value:
    kind = type(value)
    if form.name == "None" and value is None:
        return None
    if form.name == kind.__name__ and form.name != "None":
        return value
    if form.name == "float" and kind is int:
        return float(value)
    raise Mismatch(str(form))


def written(value: Value) -> str:
    """A plain value as a recipe writes it, on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(written(item) for item in value) + "]"
    return str(value)
