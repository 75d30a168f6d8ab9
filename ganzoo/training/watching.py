"""The watcher of a run: bar, log, grids, checkpoints, forecast, and the reasons to stop."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from tqdm import tqdm

from ganzoo.assembly.checkpoint import checkpoint_files, write_checkpoint
from ganzoo.errors import DataError
from ganzoo.recipe.model import Recipe
from ganzoo.registry.contracts import Pace, Stage
from ganzoo.training.clock import Clock
from ganzoo.training.forecast import forecast_lines
from ganzoo.training.grids import Grids
from ganzoo.training.loop import Loop, now
from ganzoo.training.options import RunOptions, resume_command
from ganzoo.training.plan import plan_lines
from ganzoo.training.statistics import StatsLog

LOG_SECONDS = 2.0
CHECKPOINT_MINUTES = 5.0
FORECAST_STEPS = 2  # the first one warms up
SLOW_STEP_SECONDS = 5.0  # so long that warming up does not matter


class RunWatcher:
    """Observes one run; only rank 0 writes.

    Args:
        folder: of the run.
        recipe: completed.
        data: what it is trained on, in words.
        record: what every checkpoint carries beside the state: recipe text, hash, data facts.
        first_images: images shown before this process began.
        leads: whether this process speaks and writes.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        options: RunOptions,
        grids: Grids,
        log: StatsLog | None,
        record: Mapping[str, Any],
        *,
        data: str,
        first_images: int,
        leads: bool,
    ) -> None:
        self._folder = folder
        self._recipe = recipe
        self._settings = recipe.watch
        self._data = data
        self._options = options
        self._grids = grids
        self._log = log
        self._record = record
        self._leads = leads
        self._began = self._last_log = self._last_grid = self._last_checkpoint = now()
        self._steps = 0
        self._forecast_made = False
        self._chapter: tuple[str, ...] = ()
        self._whole_step: Clock | None = None
        self._signal: int | None = None
        self._handlers: dict[int, Any] = {}
        self._row: dict[str, float] = {}
        self._logged_images = self._grid_images = self._checkpoint_images = first_images
        self._seconds_before = 0.0 if log is None else log.seconds
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> RunWatcher:
        # signals reach the main thread only; elsewhere, in a notebook say, its owner handles them
        mine = threading.current_thread() is threading.main_thread()
        for number in (signal.SIGINT, signal.SIGTERM) if mine else ():
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._bar is not None:
            self._bar.close()

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the run."""
        return self._signal is not None

    def before_stage(self, loop: Loop, stage: Stage, images: int) -> None:
        """Say what will be done; before the first step, a grid of the untrained networks."""
        if not self._leads:
            return
        for line in plan_lines(
            self._recipe,
            loop.task.networks,
            stage,
            device=loop.device,
            data=self._data,
            budget=loop.budget,
            batch=loop.pace(stage, images).batch or 0,
        ):
            self._options.report(line)
        self._options.report(f"Run folder: {self._folder}")
        self._steps, self._forecast_made = 0, False
        if images == 0:
            self._picture("reals", self._grids.reals(), 0)
        self._grid(loop, images)
        if self._bar is None and self._options.progress:
            self._bar = tqdm(
                total=loop.budget,
                initial=images,
                unit="img",
                unit_scale=True,
                smoothing=0.05,
                dynamic_ncols=True,
            )

    def after_phase(self, loop: Loop, clock: Clock) -> None:
        """A grid by wall clock, even in the middle of a very long step."""
        if self._leads and now() - self._last_grid > self._settings.every_minutes * 60:
            self._grid(loop, clock.images)

    def after_step(self, loop: Loop, clock: Clock) -> bool:
        """Log, grid, checkpoint; True when it is time to stop."""
        images = clock.images + clock.batch
        self._whole_step = clock
        self._announce(loop, clock.pace)
        self._steps += 1
        if self._bar is not None:
            self._bar.update(clock.batch)
        phases = loop.stage.phases if loop.stage else ()
        if self._leads and not self._forecast_made and loop.times.has(phases):
            seconds = loop.times.per_step(phases)
            if self._steps >= FORECAST_STEPS or seconds > SLOW_STEP_SECONDS:
                self._forecast(seconds, clock.batch, loop.budget - images)
        stop = self._must_stop(loop)
        if loop.world.any(stop or now() - self._last_log > LOG_SECONDS, loop.device):
            self._write_row(loop, images, clock)
        if self._leads and not stop:
            every = self._settings.every_images
            crossed = images // every > clock.images // every
            if crossed:
                self._grid(loop, images)
            if crossed or now() - self._last_checkpoint > CHECKPOINT_MINUTES * 60:
                self._checkpoint(loop, clock, images)
        return stop

    def _announce(self, loop: Loop, pace: Pace) -> None:
        """Say that a new chapter has begun, and measure its steps for another forecast."""
        if self._leads and pace.chapter and pace.chapter != self._chapter:
            self._options.report(
                f"Now: {' '.join(pace.chapter)}, in batches of {pace.batch} images."
            )
            if self._chapter:  # the times of the first chapter are its own
                loop.times.forget()
            self._steps, self._forecast_made = 0, False
        self._chapter = pace.chapter

    def rescue(self, loop: Loop) -> None:
        """Save the last whole step after an error of the data, if it is not saved yet."""
        clock = self._whole_step
        if clock is None or not self._leads:
            return
        if self._checkpoint_images != clock.images + clock.batch:
            with contextlib.suppress(DataError):  # the first error is the one to tell
                self._checkpoint(loop, clock, clock.images + clock.batch)
        self._options.report(f"Saved. Go on with: {resume_command(self._folder, self._options)}")

    def at_end(self, loop: Loop, clock: Clock) -> None:
        """A last row, grid and checkpoint, unless the last step had them."""
        images = clock.images + clock.batch
        if self._leads and images < loop.budget and not self.interrupted:
            self._options.report(
                f"Stopped by the clock at {images:,} of {loop.budget:,} images. Go on with:"
                f" {resume_command(self._folder, self._options)}"
            )
        if self._logged_images != images:
            self._write_row(loop, images, clock)
        if self._leads:
            if self._grid_images != images:
                self._grid(loop, images)
            if self._checkpoint_images != images:
                self._checkpoint(loop, clock, images)

    def _must_stop(self, loop: Loop) -> bool:
        limit = self._options.max_minutes
        late = limit is not None and now() - self._began > limit * 60
        return loop.world.any(late or self.interrupted, loop.device)

    def _write_row(self, loop: Loop, images: int, clock: Clock) -> None:
        means = loop.observations.take(loop.world)
        self._row.update(means)
        seconds = now() - self._last_log
        self._last_log = now()
        if self._leads and self._log is not None:
            rate = (images - self._logged_images) / max(seconds, 1e-9)
            self._log.write(
                {
                    "images": images,
                    "step": clock.step + 1,
                    "stage": clock.stage,
                    "seconds": self._seconds_before + now() - self._began,
                    "images_per_second": rate,
                    **means,
                }
            )
            losses = [
                f"{name.removesuffix('_loss')} {value:.3f}"
                for name, value in self._row.items()
                if name.endswith("_loss") and math.isfinite(value)
            ]
            if self._bar is not None:
                self._bar.set_postfix_str(" ".join(losses))
        self._logged_images = images

    def _grid(self, loop: Loop, images: int) -> None:
        self._picture("fakes", self._grids.fakes(loop.sampled_networks(), images), images)
        self._last_grid = now()
        self._grid_images = images

    def _picture(self, name: str, pixels: Any, images: int) -> None:
        if self._log is not None:
            self._log.picture(name, pixels, images)

    def _checkpoint(self, loop: Loop, clock: Clock, images: int) -> None:
        assert loop.optimizers is not None
        content = {
            **self._record,
            "clock": {
                "stage": clock.stage,
                "step": clock.step + 1,
                "images": images,
                "stage_images": loop.stage_images,
            },
            "chapter": list(clock.pace.chapter),
            "networks": {name: n.state_dict() for name, n in loop.task.networks.items()},
            "averages": {name: a.network.state_dict() for name, a in loop.averages.items()},
            "state": loop.task.state.state_dict(),
            "optimizers": loop.optimizers.state_dict(),
        }
        write_checkpoint(self._folder / "checkpoints" / f"{images:09d}.pt", content)
        for old in checkpoint_files(self._folder)[self._settings.checkpoints.keep :]:
            old.unlink(missing_ok=True)
        self._last_checkpoint = now()
        self._checkpoint_images = images

    def _forecast(self, seconds: float, batch: int, images_left: int) -> None:
        self._forecast_made = True
        if images_left <= 0:  # a last batch may go beyond the budget
            return
        for line in forecast_lines(
            seconds_per_step=seconds,
            batch=batch,
            images_left=images_left,
            max_minutes=self._options.max_minutes,
            changes=bool(self._chapter),
        ):
            self._options.report(line)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number
        self._options.report("Stopping after this step; the checkpoint is being saved ...")
