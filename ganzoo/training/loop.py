"""The loop: stages of phases, shares of batches, step after step; knows nothing of GANs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ganzoo.assembly.average import Average
from ganzoo.assembly.precision import expect_honoured, expect_trainable, layout_of
from ganzoo.data.batches import Batches
from ganzoo.data.images import to_tensor
from ganzoo.errors import NonFinite
from ganzoo.nn.layout import lay_out
from ganzoo.nn.running_mean import RunningMean
from ganzoo.recipe.settings import TrainingSettings
from ganzoo.registry.contracts import Pace, Phase, Stage, Task
from ganzoo.training.clock import Clock
from ganzoo.training.forecast import PhaseTimes
from ganzoo.training.optimizers import Optimizers
from ganzoo.training.share import RealShare, share_generator
from ganzoo.training.statistics import Observations
from ganzoo.training.world import World


class Watcher(Protocol):
    """Who looks on: writes grids, checkpoints and logs, and may ask for the end."""

    def before_stage(self, loop: Loop, stage: Stage, images: int) -> None:
        """A stage is about to begin, or to go on, after ``images`` images."""
        ...

    def after_phase(self, loop: Loop, clock: Clock) -> None:
        """A phase has stepped."""
        ...

    def after_step(self, loop: Loop, clock: Clock) -> bool:
        """A step is over, ``clock.images + clock.batch`` are shown; True ends training."""
        ...

    def at_end(self, loop: Loop, clock: Clock) -> None:
        """Training is over; ``clock`` is that of the last step of this process."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where training begins: zero, or the place a checkpoint was taken.

    Args:
        stage: index of the stage.
        step: steps of that stage already made.
        images: images shown in all.
        stage_images: images shown in that stage.
        optimizers: their state, or None.
        chapter: of the pace that the state belongs to.
        restore: gives networks, averages and task their state, once the stage has been reached
            and its networks exist; None: they keep what they were made with.
    """

    stage: int = 0
    step: int = 0
    images: int = 0
    stage_images: int = 0
    optimizers: Mapping[str, Any] | None = None
    chapter: tuple[str, ...] = ()
    restore: Callable[[Loop], None] | None = None


class Loop:
    """Runs the stages of a task.

    Args:
        task: its networks are on ``device``.
        settings: the recipe's training room.
        batches: of real samples; labels are handed on where ``conditional``.
        budget: images in all; stages without a budget of their own last until it is spent.

    Raises:
        BadValue: the device is not fit for the precision that the settings ask for.
    """

    def __init__(
        self,
        task: Task,
        settings: TrainingSettings,
        batches: Batches,
        *,
        device: torch.device,
        world: World,
        conditional: bool,
        budget: int,
    ) -> None:
        self.task = task
        self.settings = settings
        self.device = device
        self.world = world
        self.budget = budget
        self.averages: dict[str, Average] = {}
        self.observations = Observations()
        self.times = PhaseTimes()
        self.optimizers: Optimizers | None = None
        self.stage: Stage | None = None
        self.stage_images = 0
        expect_trainable(settings.precision, device, warns=world.leads)
        self._layout = layout_of(settings)
        self._batches = batches
        self._conditional = conditional

    def sampled_networks(self) -> dict[str, nn.Module]:
        """What samples are drawn from: averages where there are any."""
        averaged = {name: average.network for name, average in self.averages.items()}
        return {**self.task.networks, **averaged}

    def run(self, watcher: Watcher, start: Start) -> None:
        """Train from ``start`` until the budget is spent or the watcher ends it."""
        images = start.images
        clock = None
        for index, stage in islice(enumerate(self.task.stages()), start.stage, None):
            resumed = index == start.stage
            self._adopt_networks()
            if resumed and start.restore is not None:
                start.restore(self)
            self.stage = stage
            self.stage_images = start.stage_images if resumed else 0
            self.optimizers = Optimizers(
                self.settings.optimizer, stage, self.task.networks, self.world
            )
            if resumed and start.optimizers is not None:
                self.optimizers.load_state_dict(start.optimizers, start.chapter)
            step = start.step if resumed else 0
            watcher.before_stage(self, stage, images)
            while not self._spent(stage, images):
                clock = Clock(stage=index, step=step, images=images, pace=self.pace(stage, images))
                self._step(stage, clock, watcher)
                images += clock.batch
                self.stage_images += clock.batch
                step += 1
                if watcher.after_step(self, clock):
                    watcher.at_end(self, clock)
                    return
            self.optimizers.thaw()
        if clock is not None:
            watcher.at_end(self, clock)

    def pace(self, stage: Stage, images: int) -> Pace:
        """The pace of a stage after ``images`` images, its batch filled in from the recipe."""
        pace = Pace() if stage.pace is None else stage.pace(images)
        return pace if pace.batch is not None else replace(pace, batch=self.settings.batch)

    def _adopt_networks(self) -> None:
        """Bring networks that this stage added to the device, and start their averages.

        Raises:
            BadValue: one of them knows nothing of the precision that the recipe asks for.
        """
        expect_honoured(self.task.networks, self.settings.precision)
        for network in self.task.networks.values():
            network.to(self.device).train()
            lay_out(network, self._layout)
        self.task.state.to(self.device)
        for name in self.task.averages:
            if name in self.task.networks and name not in self.averages:
                self.averages[name] = Average(self.task.networks[name], self.settings.ema)

    def _spent(self, stage: Stage, images: int) -> bool:
        if stage.images is not None and self.stage_images >= stage.images:
            return True
        return images >= self.budget

    def _step(self, stage: Stage, clock: Clock, watcher: Watcher) -> None:
        assert self.optimizers is not None
        self.optimizers.follow(clock.pace)
        fields = self._real_fields(clock)
        for number, phase in enumerate(stage.phases):
            if clock.step % phase.every:
                continue
            with self.times.of(phase):
                self._visit(phase, number, clock, fields)
            watcher.after_phase(self, clock)
        for average in self.averages.values():
            average.update(batch=clock.batch, images=clock.images)

    def _visit(self, phase: Phase, number: int, clock: Clock, fields: Mapping[str, Tensor]) -> None:
        assert self.optimizers is not None
        gain = phase.every if phase.lazy else 1
        means: list[tuple[str, Tensor]] = []
        with self.optimizers.step(phase.trains) as accumulate:
            for weight, share in self._shares(number, clock, fields):
                terms = phase.terms(self.task.moment(share))
                total = torch.zeros((), device=self.device)
                for name, term in terms.items():
                    mean = term.mean()
                    means.append((name, mean.detach().to(self.device)))
                    total = total + mean
                accumulate(gain * weight * total)
            self._check(means, phase, clock)  # before the step, so that weights stay as they were
        self._settle()

    def _shares(
        self, number: int, clock: Clock, fields: Mapping[str, Tensor]
    ) -> Iterator[tuple[float, RealShare]]:
        """Strided parts of this rank's samples, each with its part of the rank's mean.

        Sample i of the whole batch is in share i mod (ranks x parts), so the groups of
        minibatch-stddev are those of the uncut batch.
        """
        count = len(fields["image"])
        parts = math.ceil(count / (self.settings.micro_batch or count))
        for part in range(parts):
            mine = {name: tensor[part::parts] for name, tensor in fields.items()}
            share = RealShare(
                mine,
                images=clock.images,
                random=share_generator(
                    self.device,
                    seed=self.settings.seed,
                    images=clock.images,
                    phase=number,
                    part=part,
                    rank=self.world.rank,
                ),
                labels=self._batches.labels if self._conditional else None,
                observations=self.observations,
                world=self.world,
            )
            yield share.size * self.world.size / clock.batch, share

    def _real_fields(self, clock: Clock) -> dict[str, Tensor]:
        """The real samples of this step that belong to this rank, on the device."""
        batch = self._batches.batch(
            clock.images, clock.batch, rank=self.world.rank, world=self.world.size
        )
        fields = {}
        for name, array in batch.items():
            if name == "label" and not self._conditional:
                continue
            tensor = to_tensor(array) if name == "image" else torch.from_numpy(array)
            if tensor.dim() == 4:
                tensor = tensor.to(memory_format=self._layout)
            if self.device.type == "cuda":
                tensor = tensor.pin_memory()  # else the copy waits, non_blocking or not
            fields[name] = tensor.to(self.device, non_blocking=True)
        return fields

    def _settle(self) -> None:
        """Move the running means by what this phase observed, over all shares and ranks."""
        networks = self.task.networks.values()
        for module in chain(*(n.modules() for n in networks), self.task.state.modules()):
            if isinstance(module, RunningMean):
                total, count = module.pending()
                if count:
                    weight = torch.full_like(total[..., :1] if total.ndim else total, count)
                    self.world.mean_([total, weight])
                    module.settle(total, float(weight.max()))

    def _check(self, means: list[tuple[str, Tensor]], phase: Phase, clock: Clock) -> None:
        """Stop where a term is not finite; waits for a GPU once a phase, not once a term."""
        if not means:
            return
        for (name, _), value in zip(means, torch.stack([mean for _, mean in means]).tolist()):
            if math.isfinite(value):
                continue
            raise NonFinite(
                f"the term {name!r} of phase {phase.name!r} became {value} at step {clock.step}"
                f" ({clock.images:,} images) on rank {self.world.rank}. Checkpoints written so far"
                " are kept. Try a smaller training.optimizer.lr, a larger weight of the"
                " discriminator's regularizer, or a larger batch."
            )


def now() -> float:
    """Seconds of a clock that never goes back."""
    return time.monotonic()
