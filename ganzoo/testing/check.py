"""Checks by name: one promise of one component each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch

from ganzoo.errors import PluginError, UsageError
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.discovery import discover
from ganzoo.testing import every_kind
from ganzoo.testing.failure import CheckFailure
from ganzoo.testing.subject import Subject

CheckFunction = Callable[[Subject], None]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise of one component; call it to see whether it is kept.

    Args:
        function: its name is the name of the check, its docstring the promise.
    """

    subject: Subject
    function: CheckFunction

    @property
    def name(self) -> str:
        """As ``known_gaps`` of a component name it."""
        return self.function.__name__

    @property
    def gap(self) -> str | None:
        """Why the component says that this check fails, or None."""
        try:
            gaps = getattr(self.subject.cls, "known_gaps", {})
        except PluginError:
            return None
        return gaps.get(self.name) if isinstance(gaps, Mapping) else None

    def __str__(self) -> str:
        component = self.subject.component
        return f"{component.kind}/{component.name}: {self.name}"

    def __call__(self) -> None:
        """Run the check; torch's generator is afterwards as it was before.

        Raises:
            CheckFailure: the promise is broken, or is kept although ``known_gaps`` says otherwise.
        """
        gap = self.gap
        try:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                self.function(self.subject)
        except Exception as error:  # the boundary: code of strangers
            if gap is not None:
                return
            text = str(error)
            if not isinstance(error, CheckFailure):
                text = f"it raised {type(error).__name__}: {text or 'without a word'}"
            raise CheckFailure(f"{self}: {text.rstrip('.')}.") from error
        if gap is not None:
            raise CheckFailure(f"{self}: it passes, but known_gaps says {gap!r}. Remove the entry.")


def checks_for(
    kind: str, name: str, registry: Registry | None = None, *, path: Path | None = None
) -> list[Check]:
    """Every check of one component.

    Args:
        kind: as ``ganzoo list`` shows it.
        name: in full, ``"acme/local-attention"``.
        registry: of the plugins to use; None: those that are installed.
        path: what a data set is to read; None: a folder of small pictures.

    Raises:
        UnknownComponent: there is none of this name.
        UsageError: the kit has no checks of this kind.
    """
    registry = discover() if registry is None else registry
    component = registry.find(kind, name)
    place = f"ganzoo.testing.{kind}"
    if find_spec(place) is None:
        raise UsageError(f"the conformance kit has no checks of the kind {kind!r} yet")
    subject = Subject(registry=registry, component=component, path=path)
    own: Iterable[CheckFunction] = import_module(place).checks(subject)
    functions = (*every_kind.checks(subject), *own)
    names = tuple(function.__name__ for function in functions)
    subject = Subject(registry=registry, component=component, path=path, check_names=names)
    return [Check(subject=subject, function=function) for function in functions]


def gap_lines(checks: Iterable[Check]) -> list[str]:
    """The known gaps among some checks, a line each."""
    return [f"{check}: {check.gap}" for check in checks if check.gap is not None]
