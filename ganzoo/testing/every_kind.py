"""Checks of every component, whatever its kind: signature, import, construction."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ganzoo.registry.kinds import KINDS
from ganzoo.registry.types import MISSING, Mismatch, Value, coerce
from ganzoo.testing.failure import CheckFailure, expect, listed
from ganzoo.testing.global_state import TORCH_RANDOM, changes, global_state, watched_io
from ganzoo.testing.importing import effects_of_import
from ganzoo.testing.sites import usual_site
from ganzoo.testing.subject import Subject

READS_FILES = ("dataset",)


def contract_version_is_known(subject: Subject) -> None:
    """The contract it was written against is one that this ganzoo knows."""
    kind, written = KINDS[subject.component.kind], subject.component.contract
    expect(
        1 <= written <= kind.version,
        f"it was written against contract {written} of {kind.name}; known are 1 to {kind.version}",
    )


def schema_is_readable(subject: Subject) -> None:
    """Its parameters can be read without importing it: keyword-only, annotated, literal."""
    expect(bool(subject.schema.summary), "its class has no docstring that says what it is")


def signature_agrees_with_schema(subject: Subject) -> None:
    """What was read from the file is what Python sees: names and defaults."""
    signature = inspect.signature(subject.cls)
    written = {
        name: parameter
        for name, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    read = subject.schema.parameters
    expect(
        list(written) == list(read),
        f"Python sees the parameters {list(written)}, but the file says {list(read)}",
    )
    for name, parameter in read.items():
        actual = written[name].default
        found = MISSING if actual is inspect.Parameter.empty else _plain(actual)
        if found is not MISSING and not isinstance(found, Mapping):
            try:
                found = coerce(parameter.type, found)
            except Mismatch as error:
                raise CheckFailure(
                    f"the default of {name!r} is {actual!r}, which is no {error}"
                ) from None
        expect(
            found == parameter.default,
            f"the default of {name!r} is {actual!r}, but the file says {parameter.default!r}",
        )


def import_leaves_global_state(subject: Subject) -> None:
    """Importing its module changes no global random state and no setting of torch."""
    own = subject.component.target.partition(":")[0]
    vendors = ("ganzoo", subject.component.vendor)
    modules = {
        component.target.partition(":")[0]
        for component in subject.registry.components()
        if component.vendor in vendors
    }
    effect = effects_of_import(tuple(sorted(modules)))[own]
    expect(not isinstance(effect, str), f"its module cannot be imported: {effect}")
    expect(not effect, f"importing its module changes {listed(effect)}")


def constructs_from_defaults(subject: Subject) -> None:
    """It can be built from its defaults, required slots filled with the usual components."""
    made = subject.factory(small=False)(usual_site(subject))
    expect(isinstance(made, subject.cls), f"the factory made a {type(made).__name__}")


def construction_leaves_global_state(subject: Subject) -> None:
    """Building it draws weights from torch's generator, and touches nothing else that is global."""
    site = usual_site(subject)
    before = global_state()
    _built(subject, site)
    changed = [name for name in changes(before, global_state()) if name != TORCH_RANDOM]
    expect(not changed, f"building it changes {listed(changed)}")


def construction_does_no_io(subject: Subject) -> None:
    """Building it touches no file, socket or process; only data sets may."""
    site = usual_site(subject)
    _built(subject, site)  # imports that come late have happened after this
    with watched_io() as found:
        _built(subject, site)
    allowed = subject.component.kind in READS_FILES
    expect(allowed or not found, f"building it does {listed(found)}; constructors only build")


def construction_is_deterministic(subject: Subject) -> None:
    """The same seed of torch gives the same weights."""
    site = usual_site(subject)
    first, second = (_state(_built(subject, site)) for _ in range(2))
    expect(list(first) == list(second), "its state has other names when it is built again")
    for name, value in first.items():
        expect(
            torch.equal(value, second[name]),
            f"{name!r} differs between two constructions with one seed of torch",
        )


def known_gaps_name_checks(subject: Subject) -> None:
    """Its ``known_gaps`` say of checks that exist why they fail."""
    gaps = getattr(subject.cls, "known_gaps", {})
    expect(isinstance(gaps, Mapping), f"known_gaps is {gaps!r}, not a mapping of checks to reasons")
    for name, reason in gaps.items():
        expect(
            name in subject.check_names,
            f"known_gaps names {name!r}; the checks are {', '.join(subject.check_names)}",
        )
        expect(
            isinstance(reason, str) and bool(reason.strip()),
            f"known_gaps gives {reason!r} as the reason why {name} fails; write a sentence",
        )


def checks(subject: Subject) -> tuple[Any, ...]:
    """The checks of any component."""
    del subject
    return (
        contract_version_is_known,
        schema_is_readable,
        signature_agrees_with_schema,
        import_leaves_global_state,
        constructs_from_defaults,
        construction_leaves_global_state,
        construction_does_no_io,
        construction_is_deterministic,
        known_gaps_name_checks,
    )


def _built(subject: Subject, site: Any) -> Any:
    factory = subject.factory()
    torch.manual_seed(0)
    return factory(site)


def _state(made: Any) -> dict[str, Any]:
    """The state of a component, and of the networks that it holds."""
    parts = {"": made, **getattr(made, "networks", {})}
    return {
        f"{prefix}{'.' if prefix else ''}{name}": value
        for prefix, part in parts.items()
        if isinstance(part, nn.Module)
        for name, value in part.state_dict().items()
    }


def _plain(value: Any) -> Value:
    """A default as the schema has it: dataclasses are mappings there."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
