"""Milliseconds and memory of a recipe's training step, phase by phase, on the real loop."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Stage, Task
from ganzoo.training.bench.memory import PeakMemory
from ganzoo.training.clock import Clock
from ganzoo.training.loop import Loop, Start
from ganzoo.training.prepared import Prepared, prepare
from ganzoo.training.waiting import synchronize
from ganzoo.training.world import World

WARM_UP = 2  # steps; the first allocates and tunes, the second finds what it left


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTime:
    """Median seconds of a visit.

    Args:
        every: steps between visits.
    """

    name: str
    every: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What a step of a recipe takes.

    Args:
        recipe: completed by the data.
        steps: measured ones; each visited every phase.
        batch: images a step.
        phases: in the order of their visits.
        rest: median seconds of a step outside of its phases: waiting for data, averages.
        peak_memory: bytes at most, the networks' making included: of torch's allocator on a GPU,
            of the process on a CPU.
        growth: bytes by which what is allocated grew over the measured steps; None on a CPU.
        changes: whether the steps before this one were smaller, as those of a growing recipe.
    """

    recipe: Recipe
    device: torch.device
    steps: int
    batch: int
    phases: tuple[PhaseTime, ...]
    rest: float
    peak_memory: int
    growth: int | None
    changes: bool

    @property
    def seconds_per_step(self) -> float:
        """Of a mean step: each phase by how often it is visited."""
        return self.rest + sum(phase.seconds / phase.every for phase in self.phases)

    @property
    def seconds_per_thousand(self) -> float:
        """Seconds for 1,000 images."""
        return 1000 * self.seconds_per_step / self.batch

    @property
    def images_per_second(self) -> float:
        """The same the other way round."""
        return self.batch / self.seconds_per_step


def measure_step(
    recipe: Recipe,
    registry: Registry,
    *,
    device: torch.device,
    data: Path | None = None,
    steps: int = 5,
    workers: int = 0,
    before_steps: Callable[[int], object] = lambda parameters: None,
    after_step: Callable[[], object] = lambda: None,
) -> StepReport:
    """Train a few steps as a run would after its last image, networks at their full size.

    Every phase is visited in every step, so that lazy ones are measured as well as the others.
    Nothing is written.

    Args:
        data: where the pictures are, or None.
        steps: to measure, after ``WARM_UP`` others.
        before_steps: is told the number of the networks' parameters before the first step.
        after_step: is called after each of them.

    Raises:
        DataError: the data cannot be read, or does not fit the recipe.
        BadValue: parts of the recipe do not fit one another or the data.
        torch.OutOfMemoryError: a step does not fit the memory of the device.
    """
    memory = PeakMemory(device)
    ready = prepare(recipe, registry, device=device, data=data, workers=workers)
    try:
        networks = ready.task.networks.values()
        before_steps(sum(p.numel() for network in networks for p in network.parameters()))
        return _measure(ready, device, memory, steps, after_step)
    finally:
        ready.close()


def _measure(
    ready: Prepared,
    device: torch.device,
    memory: PeakMemory,
    steps: int,
    after_step: Callable[[], object],
) -> StepReport:
    last = ready.recipe.training.images
    loop = Loop(
        _EveryPhase(ready.task),
        ready.recipe.training,
        ready.batches,
        device=device,
        world=World(),
        conditional=ready.conditional,
        budget=sys.maxsize,  # the stopwatch ends it
    )
    watch = _Stopwatch(device, WARM_UP + steps, after_step)
    loop.run(watch, Start(images=last))
    phases = next(iter(ready.task.stages())).phases
    return StepReport(
        recipe=ready.recipe,
        device=device,
        steps=steps,
        batch=watch.batch,
        phases=tuple(
            PhaseTime(
                name=phase.name,
                every=phase.every,
                seconds=statistics.median(watch.seconds[phase.name][WARM_UP:]),
            )
            for phase in phases
        ),
        rest=statistics.median(watch.rest[WARM_UP:]),
        peak_memory=memory.bytes(),
        growth=watch.growth,
        changes=watch.changes,
    )


class _EveryPhase:
    """A task whose phases are all visited in every step; the work of a visit is the same."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.networks: Mapping[str, Any] = task.networks
        self.averages = task.averages
        self.state = task.state
        self.moment = task.moment
        self.sample = task.sample

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)  # what a task has beside its contract

    def stages(self) -> Iterator[Stage]:
        for stage in self._task.stages():
            self.networks = self._task.networks  # a stage may have made others
            phases = tuple(replace(phase, every=1) for phase in stage.phases)
            yield replace(stage, phases=phases)


class _Stopwatch:
    """A watcher that times phases to their end on the device, and stops after some steps."""

    def __init__(self, device: torch.device, steps: int, after_step: Callable[[], object]) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.rest: list[float] = []
        self.batch = 0
        self.changes = False
        self.growth: int | None = None
        self._device = device
        self._steps = steps
        self._tell = after_step
        self._stage: Stage | None = None
        self._visited = 0
        self._in_phases = 0.0
        self._allocated = 0
        self._began = 0.0

    def before_stage(self, loop: Loop, stage: Stage, images: int) -> None:
        self._stage = stage
        self.changes = stage.pace is not None
        self._began = time.perf_counter()

    def after_phase(self, loop: Loop, clock: Clock) -> None:
        assert self._stage is not None
        end = time.perf_counter()
        synchronize(self._device)
        phase = self._stage.phases[self._visited]
        seconds = loop.times.per_step((phase,)) + time.perf_counter() - end
        self.seconds.setdefault(phase.name, []).append(seconds)
        self._in_phases += seconds
        self._visited += 1

    def after_step(self, loop: Loop, clock: Clock) -> bool:
        synchronize(self._device)
        end = time.perf_counter()
        self.rest.append(max(0.0, end - self._began - self._in_phases))
        self.batch = clock.batch
        if self._device.type == "cuda":
            allocated = torch.cuda.memory_allocated(self._device)
            if len(self.rest) == WARM_UP:
                self._allocated = allocated
            self.growth = allocated - self._allocated
        self._tell()
        self._visited, self._in_phases, self._began = 0, 0.0, time.perf_counter()
        return len(self.rest) == self._steps

    def at_end(self, loop: Loop, clock: Clock) -> None:
        pass
