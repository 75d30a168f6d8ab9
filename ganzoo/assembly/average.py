"""The exponential moving average of a network's weights, which samples are drawn from."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ganzoo.recipe.settings import EmaSettings


def average_factor(settings: EmaSettings, *, batch: int, images: int) -> float:
    """How much of the average stays in a step.

    ``0.5 ** (batch / half_life)``, the half-life at most ``ramp_up`` x images shown before the
    step; so with a ramp-up the first average is the network itself.
    """
    if settings.decay_per_step is not None:
        return settings.decay_per_step
    span = settings.half_life_images
    if settings.ramp_up is not None:
        span = min(span, images * settings.ramp_up)
    return float(0.5 ** (batch / max(span, 1e-8)))


class Average:
    """A copy of a network: parameters averaged, buffers copied.

    It moves once a step, after all phases. The published code of ProGAN and StyleGAN moves it
    between the discriminator's step and the generator's, so that it lags by one generator step.
    """

    def __init__(self, network: nn.Module, settings: EmaSettings) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._source = network
        self._settings = settings

    @torch.no_grad()
    def update(self, *, batch: int, images: int) -> float:
        """Move towards the network after a step; ``images`` were shown before it."""
        factor = average_factor(self._settings, batch=batch, images=images)
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(self._source.parameters())
        if mine:
            torch._foreach_lerp_(mine, theirs, 1 - factor)
        for buffer, source in zip(self.network.buffers(), self._source.buffers()):
            buffer.copy_(source)
        return factor
