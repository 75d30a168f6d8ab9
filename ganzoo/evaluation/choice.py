"""Metrics by their names, as a command line has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.errors import UsageError
from ganzoo.recipe.model import Slot
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.types import Parameter, SlotOf, Value

DEFAULT_EXTRACTOR = "ganzoo/seeded-convolutions"


def metric_slot(name: str, registry: Registry, *, extractor: str = DEFAULT_EXTRACTOR) -> Slot:
    """A metric with its defaults, reading features where it needs any.

    Args:
        name: of the metric; the vendor may be left out.
        extractor: of features, likewise.

    Raises:
        UnknownComponent: there is none of such a name.
        UsageError: the metric has a parameter without a default.
    """
    return _slot("metric", name, registry, extractor)


def plain_slot(value: Value | Slot) -> Any:
    """A slot as mappings with ``use`` first, and whatever lies in it, as JSON can have it."""
    if isinstance(value, Slot):
        return plain_slot({"use": value.use, **value.settings, **value.parameters})
    if isinstance(value, Mapping):
        return {str(key): plain_slot(inner) for key, inner in value.items()}
    return value


def _slot(kind: str, name: str, registry: Registry, extractor: str) -> Slot:
    component = registry.find_short(kind, name)

    def value_of(parameter: Parameter) -> Value:
        form = parameter.type
        if isinstance(form, SlotOf) and form.kind == "feature_extractor":
            return _slot(form.kind, extractor, registry, extractor)
        if parameter.required:
            raise UsageError(
                f"{component.name} needs {parameter.name!r} ({form}), which the command line has"
                " no way to say. Choose another metric."
            )
        return parameter.default

    parameters = registry.schema(component).parameters
    return Slot(
        kind=kind,
        use=component.name,
        parameters={key: value_of(parameter) for key, parameter in parameters.items()},
        settings={},
    )
