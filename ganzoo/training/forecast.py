"""How long a run will take, measured on its first steps."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ganzoo.registry.contracts import Phase

HOPELESS_DAYS = 3.0


class PhaseTimes:
    """Seconds of the latest visit of each phase."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def of(self, phase: Phase) -> Iterator[None]:
        """Time one visit."""
        start = time.perf_counter()
        yield
        self._seconds[phase.name] = time.perf_counter() - start

    def forget(self) -> None:
        """Begin anew: steps are no longer like those before."""
        self._seconds.clear()

    def has(self, phases: Iterable[Phase]) -> bool:
        """Whether each phase has been visited."""
        return all(phase.name in self._seconds for phase in phases)

    def per_step(self, phases: Iterable[Phase]) -> float:
        """Mean seconds a step: each phase by how often it is visited."""
        return sum(self._seconds.get(phase.name, 0.0) / phase.every for phase in phases)


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds < 730 * 86400:
        return f"{seconds / 86400:,.0f} days"
    return f"{seconds / (365.25 * 86400):,.1f} years"


def forecast_lines(
    *,
    seconds_per_step: float,
    batch: int,
    images_left: int,
    max_minutes: float | None,
    changes: bool = False,
) -> list[str]:
    """What to tell the user after the first steps; names the quickstart where it is hopeless.

    Args:
        changes: whether steps will not go on being like these.
    """
    total = seconds_per_step * images_left / batch
    lines = [
        f"Forecast: {seconds_per_step:.3g} s per step of {batch} images,"
        f" {duration(total)} for the {images_left:,} images to the budget"
        + (", if all were as these; larger images take longer." if changes else ".")
    ]
    if total > HOPELESS_DAYS * 86400:
        lines.append(
            "That is out of reach for this machine. For images within minutes:"
            " ganzoo run recipes/quickstart.yaml"
            + ("" if max_minutes is not None else "  (going on meanwhile; Ctrl-C stops and saves)")
        )
    return lines
