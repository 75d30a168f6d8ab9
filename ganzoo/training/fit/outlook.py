"""What the measurements say: memory, the share that fits, time, disk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganzoo.recipe.model import Recipe
from ganzoo.training.fit.measurement import Facts, Measurement
from ganzoo.training.fit.shares import Line, exact, largest_batch, largest_share, line_through

KEPT_BACK = 0.1  # of the free memory: peaks differ from run to run, and other programs grow


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a recipe needs of this machine.

    Args:
        measurements: by share, the smallest first.
        facts: of the recipe on this machine.
        present: the share that the recipe itself cuts its batch into.
        allowed: bytes that training may take; None: not known, so that everything fits.
        line: peak bytes by images of a share.
        share: the share to take: ``present`` where it fits; None: none fits.
        inexact: the largest share that fits where groups of samples may change; None: none.
        batch_that_fits: images that fit at once; None: without end, or not known.
        seconds: of a visit of each phase with a share of ``share``; empty: not known.
        rest: seconds of a step outside of its phases.
        timed: whether these seconds were measured with that very share.
    """

    measurements: tuple[Measurement, ...]
    facts: Facts
    present: int
    allowed: int | None
    line: Line
    share: int | None
    inexact: int | None
    batch_that_fits: int | None
    seconds: Mapping[str, float]
    rest: float
    timed: bool

    @property
    def fits(self) -> bool:
        """Whether the recipe can be trained here as it stands."""
        return self.share == self.present

    @property
    def sloped(self) -> bool:
        """Whether peaks of several shares tell what an image takes."""
        return len({m.share for m in self.measurements if m.peak is not None}) > 1

    @property
    def bare(self) -> int:
        """Bytes that the process takes without any network; 0: none that count, or not known."""
        return max((m.bare or 0 for m in self.measurements), default=0)

    @property
    def peak(self) -> float | None:
        """Forecast of the peak with ``share``, in bytes."""
        return None if self.share is None else peak_of(self.line, self.facts, self.share)

    @property
    def seconds_per_thousand(self) -> float | None:
        """Seconds for 1,000 images with ``share``; None: not known."""
        if not self.seconds or self.share is None:
            return None
        shares = math.ceil(self.facts.batch / self.share)
        step = sum(shares * self.seconds[name] / every for name, every in self.facts.phases)
        return 1000 * (step + self.rest) / self.facts.batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Bytes that a run leaves behind.

    Args:
        checkpoint: of one checkpoint.
        keep: how many stay.
        grids: how many are drawn, at least.
        grid: of one, at most: they are compressed.
    """

    checkpoint: int
    keep: int
    grids: int
    grid: int

    @property
    def total(self) -> int:
        """Of all of it; one checkpoint more is there while it replaces the oldest."""
        return self.checkpoint * (self.keep + 1) + self.grids * self.grid


def peak_of(line: Line, facts: Facts, share: int) -> float:
    """Bytes at most with shares of so many images: further images of the batch wait."""
    return line.at(share) + facts.held * max(0, facts.batch - share)


def memory_line(measurements: Sequence[Measurement], facts: Facts) -> Line | None:
    """Peak bytes by images; of one measurement alone, through what was there before its first step.

    None: nothing was measured to its end.
    """
    points = {m.share: float(m.peak) for m in measurements if m.peak is not None}
    if not points:
        return None
    if len(points) == 1:
        ((share, peak),) = points.items()
        started = max((m.started or 0 for m in measurements), default=0)
        fixed = min(peak, max(started, facts.weights))
        return Line(fixed=fixed, each=(peak - fixed) / share)
    return line_through(points)


def look(
    measurements: Sequence[Measurement], recipe: Recipe, memory: int | None = None
) -> Outlook | None:
    """Everything that these measurements tell; None: not one came to its end.

    Args:
        memory: bytes that training may take, in the place of what is free.
    """
    facts = next((m.facts for m in measurements if m.facts is not None), None)
    if facts is None:
        return None
    line = memory_line(measurements, facts)
    if line is None:
        return None
    allowed = memory
    if allowed is None and facts.free is not None:
        allowed = int(facts.free * (1 - KEPT_BACK))
    present = min(recipe.training.micro_batch or facts.batch, facts.batch)
    measured = {m.share: m for m in measurements}

    def fits(share: int) -> bool:
        if any(m.share <= share for m in measurements if m.ending == "out of memory"):
            return False
        return allowed is None or peak_of(line, facts, share) <= allowed

    def keeps(share: int) -> bool:
        return share in facts.accepted and exact(facts.batches, share, facts.groups)

    share: int | None = present
    inexact = None
    if not fits(present):
        share = largest_share(facts.batch, fits=fits, accepts=keeps, at_most=present)
        inexact = largest_share(
            facts.batch, fits=fits, accepts=lambda d: d in facts.accepted, at_most=present
        )
    seconds, rest = _seconds(measurements, facts, share or inexact)
    used = measured.get(share or 0)
    return Outlook(
        measurements=tuple(sorted(measurements, key=lambda m: m.share)),
        facts=facts,
        present=present,
        allowed=allowed,
        line=line,
        share=share,
        inexact=inexact,
        batch_that_fits=None if allowed is None else largest_batch(line, allowed),
        seconds=seconds,
        rest=rest,
        timed=used is not None and used.timed,
    )


def disk(outlook: Outlook, recipe: Recipe, images: int) -> Disk | None:
    """What a run to so many images leaves on the disk; None: no checkpoint was measured."""
    sizes = [m.checkpoint_bytes for m in outlook.measurements if m.checkpoint_bytes is not None]
    if not sizes:
        return None
    watch = recipe.watch
    by_images = images // watch.every_images
    thousand = outlook.seconds_per_thousand
    minutes = 0.0 if thousand is None else thousand * images / 1000 / 60
    return Disk(
        checkpoint=sizes[0],
        keep=watch.checkpoints.keep,
        grids=2 + max(by_images, int(minutes / watch.every_minutes)),  # the reals, and at 0 images
        grid=outlook.facts.grid_bytes,
    )


def _seconds(
    measurements: Sequence[Measurement], facts: Facts, share: int | None
) -> tuple[dict[str, float], float]:
    """Seconds of each phase with a share, and of the rest: measured, or along a line."""
    timed = {m.share: m for m in measurements if m.timed}
    if share is None or not timed:
        return {}, 0.0
    rest = timed[max(timed)].rest
    if share in timed:
        return timed[share].seconds, timed[share].rest
    names = [name for name, _ in facts.phases]
    if len(timed) == 1:  # as if every image took as long as one alone
        ((images, one),) = timed.items()
        return {name: one.seconds[name] * share / images for name in names}, rest
    lines = {
        name: line_through({images: m.seconds[name] for images, m in timed.items()})
        for name in names
    }
    return {name: line.at(share) for name, line in lines.items()}, rest
