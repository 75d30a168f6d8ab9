"""Where training is: stage, step, images shown."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.registry.contracts import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One step of a stage.

    Args:
        stage: index of the stage.
        step: steps of this stage before it.
        images: images shown before it, in all stages.
        pace: batch and learning rate of this step.
    """

    stage: int
    step: int
    images: int
    pace: Pace

    @property
    def batch(self) -> int:
        """Samples of this step."""
        assert self.pace.batch is not None, "the loop fills it in"
        return self.pace.batch
