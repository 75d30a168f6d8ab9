"""The pictures that a report shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A PNG with its title."""

    title: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """All pictures of one report.

    Args:
        strips: one a point, in their order; None where a point has no samples.
        losses: None where nothing was logged.
        metrics: one a number, in their order.
    """

    strips: tuple[Picture | None, ...]
    losses: Picture | None
    metrics: tuple[Picture | None, ...]
