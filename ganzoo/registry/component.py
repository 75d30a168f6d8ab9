"""The record of one component: a name a recipe may use, and where to find what it names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A name a recipe may use, and where to find what it names.

    Args:
        kind: a row of ``registry.kinds``.
        name: ``"vendor/name"``, lower case, hyphens.
        target: ``"package.module:Class"``; imported on first use.
        summary: one line for ``ganzoo list``.
        contract: version of the kind's contract it was written against.
    """

    kind: str
    name: str
    target: str
    summary: str
    contract: int = 1

    @property
    def vendor(self) -> str:
        """What stands before the slash."""
        return self.name.partition("/")[0]
