"""What is asked of a measuring process, and what comes back."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Ending = Literal["measured", "too slow", "out of memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One measurement.

    Args:
        recipe: resolved, as YAML.
        data: where the pictures are, or None.
        device: as torch names it.
        share: images of every forward pass.
        workers: threads that read pictures side by side.
        seconds: to spend on steps; at least two are made.
    """

    recipe: str
    data: str | None
    device: str
    share: int
    workers: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a measuring process finds out before its first step.

    Args:
        recipe_hash: of the recipe, completed by the data.
        resolution: height and width.
        channels: of an image.
        free: bytes that may be taken in all; None: not known.
        batch: images of a step at full size.
        batches: every batch that training will have.
        grows: whether earlier steps are smaller than those measured.
        phases: name and interval of each, in the order of their visits.
        groups: how many samples each part that mixes a batch compares; 0: the whole batch.
        accepted: the divisors of ``batch`` that every network takes as a share.
        weights: bytes of networks, gradients, moments and averages.
        held: bytes of the step's real images that each further image adds, whatever the share.
        grid_bytes: of one grid, uncompressed.
    """

    recipe_hash: str
    resolution: tuple[int, int]
    channels: int
    free: int | None
    batch: int
    batches: tuple[int, ...]
    grows: bool
    phases: tuple[tuple[str, int], ...]
    groups: tuple[int, ...]
    accepted: tuple[int, ...]
    weights: int
    held: int
    grid_bytes: int

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Facts:
        """The facts as JSON has them."""
        names = ("batches", "groups", "accepted", "resolution")
        tuples: dict[str, Any] = {name: tuple(record[name]) for name in names}
        phases = tuple((str(name), int(every)) for name, every in record["phases"])
        return cls(**{**record, **tuples, "phases": phases})


@dataclass(slots=True, kw_only=True)
class Measurement:
    """What one process measured; incomplete where it did not come to its end.

    Args:
        share: images of every forward pass.
        ending: how it went.
        facts: None where it did not come so far.
        bare: bytes in memory before the networks are built; 0 on a GPU, whose tensors alone count.
        started: bytes in memory with the networks built, before the first step.
        peak_so_far: bytes at most up to the last phase that was visited, or None.
        peak: bytes at most in training, and in drawing; None: not measured to its end.
        checkpoint_bytes: of one checkpoint.
        visits: seconds of each visit of each phase.
        rests: seconds of each step outside of its phases.
        doing: what it was doing when it ended.
    """

    share: int
    ending: Ending = "measured"
    facts: Facts | None = None
    bare: int | None = None
    started: int | None = None
    peak_so_far: int | None = None
    peak: int | None = None
    checkpoint_bytes: int | None = None
    visits: dict[str, list[float]] = field(default_factory=dict)
    rests: list[float] = field(default_factory=list)
    doing: str = "starting"

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of a visit of each phase: the median of those after the first, which warms up."""
        return {name: _typical(visits) for name, visits in self.visits.items()}

    @property
    def rest(self) -> float:
        """Seconds of a step outside of its phases."""
        return _typical(self.rests) if self.rests else 0.0

    @property
    def timed(self) -> bool:
        """Whether every phase was visited."""
        return self.facts is not None and all(name in self.visits for name, _ in self.facts.phases)

    def hear(self, answer: Mapping[str, Any]) -> None:
        """Take in one line of the process."""
        event = answer["event"]
        if event == "facts":
            self.facts = Facts.read(answer["facts"])
            self.bare = answer["bare"]
            self.started = answer["started"]
        elif event == "doing":
            self.doing = answer["what"]
        elif event == "phase":
            self.visits.setdefault(answer["name"], []).append(answer["seconds"])
            self.peak_so_far = answer["peak"]
        elif event == "step":
            self.rests.append(answer["rest"])
        elif event == "peak":
            self.peak = answer["bytes"]
        elif event == "end":
            self.peak = answer["peak"]
            self.checkpoint_bytes = answer["checkpoint_bytes"]


def _typical(values: Sequence[float]) -> float:
    return statistics.median(values[1:] or values)
