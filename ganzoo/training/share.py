"""One share of a step's batch: real samples, the generator of its draws, and what it logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ganzoo.training.statistics import Observations
from ganzoo.training.world import World


def share_generator(
    device: torch.device, *, seed: int, images: int, phase: int, part: int, rank: int
) -> torch.Generator:
    """A generator that depends on where training is and on nothing else.

    So a resumed run draws what the uninterrupted one would have drawn, with no state to save.
    """
    generator = torch.Generator(device)
    mixed = 0
    for number in (seed, images, phase, part, rank):
        mixed = _mix(mixed ^ number)
    generator.manual_seed(mixed)
    return generator


def _mix(x: int) -> int:
    # splitmix64's finalizer: neighbouring numbers give unrelated seeds
    x = (x + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (x ^ (x >> 31)) & 0x7FFFFFFFFFFFFFFF


class RealShare:
    """What the loop hands a task for one phase of one step.

    Args:
        fields: named tensors of the real samples of this share.
        images: shown before this step.
        random: every draw comes from it.
        labels: draws labels of training samples, [count, K]; None without labels.
        observations: where observed values go.
        world: batch means are taken over its ranks.
    """

    def __init__(
        self,
        fields: Mapping[str, Tensor],
        *,
        images: int,
        random: torch.Generator,
        labels: Callable[[int, torch.Generator], Tensor | None] | None,
        observations: Observations,
        world: World,
    ) -> None:
        self._fields = fields
        self._labels = labels
        self._observations = observations
        self._world = world
        self.images = images
        self.random = random
        self.size = len(fields["image"])

    def __getitem__(self, name: str) -> Tensor | None:
        return self._fields.get(name)

    def drawn_label(self, count: int) -> Tensor | None:
        """[count, K] labels of training samples drawn at random, or None."""
        return None if self._labels is None else self._labels(count, self.random)

    def observe(self, name: str, value: Tensor) -> None:
        """Log the mean of a value."""
        self._observations.add(name, value)

    def batch_mean(self, value: Tensor) -> Tensor:
        """Mean over this share and every rank; differentiable."""
        return self._world.mean(value.mean())
