"""The words of a recipe's errors: values, parameters, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganzoo.recipe.scalars import write_scalar
from ganzoo.registry.suggest import did_you_mean
from ganzoo.registry.types import (
    BOOL,
    FLOAT,
    INT,
    STR,
    Choice,
    Mismatch,
    OneOf,
    Parameter,
    Record,
    SlotOf,
    TypeForm,
    Value,
    coerce,
)


def shown(value: Value) -> str:
    """A value on one line, as a recipe writes it; words in quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return repr(value) if isinstance(value, str) else write_scalar(value)


def accepted(parameters: Iterable[Parameter]) -> str:
    """Every parameter with its type and default: ``heads (int = 8), inner (generator_block)``."""
    return ", ".join(map(_told, parameters))


def unknown_key(owner: str, key: object, parameters: Iterable[Parameter], word: str) -> str:
    """That ``owner`` has no such parameter (or key, as ``word`` says), and which ones it has."""
    known = tuple(parameters)
    inside = [
        f"{p.name}.{key}" for p in known if isinstance(p.type, Record) and key in p.type.fields
    ]
    nearest = inside[0] if inside else did_you_mean(str(key), [p.name for p in known])
    hint = f"Did you mean {nearest!r}?  " if nearest else ""
    listed = f"It accepts: {accepted(known)}" if known else f"It accepts no {word}s."
    return f"{owner} has no {word} {key!r}.\n  {hint}{listed}"


def mismatch(form: TypeForm, value: Value) -> str:
    """That a value is not of its type, with the likeliest remedy."""
    remedy = _remedy(form, value)
    return f"expected {form}, found {shown(value)}{'. ' if remedy else ''}{remedy}"


def _told(parameter: Parameter) -> str:
    if isinstance(parameter.type, Record):
        return f"{parameter.name} ({{{', '.join(parameter.type.fields)}}})"
    if parameter.required or isinstance(parameter.type, SlotOf):
        return f"{parameter.name} ({parameter.type})"
    return f"{parameter.name} ({parameter.type} = {shown(parameter.default)})"


def _remedy(form: TypeForm, value: Value) -> str:
    options = form.options if isinstance(form, OneOf) else (form,)
    for record in options:
        if isinstance(record, Record) and not isinstance(value, (Mapping, tuple, list)):
            return _mapping_for(record, value)
    if isinstance(value, str):
        if BOOL in options and value.lower() in ("yes", "no", "on", "off"):
            return "Write true or false"
        words = [w for o in options if isinstance(o, Choice) for w in o.values]
        nearest = did_you_mean(value, [word for word in words if isinstance(word, str)])
        return f"Did you mean {nearest!r}?" if nearest else ""
    if isinstance(value, float) and INT in options and value.is_integer():
        return f"Write {int(value)}"
    if STR in options and FLOAT not in options and isinstance(value, (bool, int, float)):
        return "Put it in quotes if it is a word"
    return ""


def _mapping_for(record: Record, value: Value) -> str:
    """A word that one field of a mapping would take, as that mapping writes it."""
    takers = []
    for name, field in record.fields.items():
        try:
            coerce(field.type, value)
        except Mismatch:
            continue
        takers.append(name)
    if len(takers) == 1:
        inside = f"{takers[0]}: {write_scalar(value)}"
        return f"Write {{{inside}}}; an override adds .{takers[0]} to the key"
    return f"Write a mapping of {', '.join(record.fields)}"
