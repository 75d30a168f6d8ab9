"""One Adam a network, with the lazy correction, gates, and gradients as the papers take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.recipe.settings import OptimizerSettings
from ganzoo.registry.contracts import Pace, Stage
from ganzoo.training.world import World

GRADIENT_LIMIT = 1e5  # what an infinite gradient becomes; NaN becomes 0 (StyleGAN2, official code)


class Optimizers:
    """The optimizers of one stage.

    The learning rate and the exponent of the betas of a network are multiplied by
    ``1 / (1 + sum 1/every)`` over its lazy phases (StyleGAN2, App. B: ``k / (k + 1)`` for one).
    Only parameters that could train when the stage began are ever thawed.

    Args:
        settings: the published, uncorrected values.
        stage: whose phases name the networks that train.
        networks: all of the task's.
        world: gradients are averaged over its ranks.
    """

    def __init__(
        self,
        settings: OptimizerSettings,
        stage: Stage,
        networks: Mapping[str, nn.Module],
        world: World,
    ) -> None:
        self._settings = settings
        self._networks = networks
        self._world = world
        self._chapter: tuple[str, ...] | None = None
        self._trainable = {
            name: [p for p in network.parameters() if p.requires_grad]
            for name, network in networks.items()
        }
        self._factor = {
            name: 1 / (1 + sum(1 / p.every for p in stage.phases if p.lazy and name in p.trains))
            for name in networks
            if any(name in phase.trains for phase in stage.phases)
        }
        self._adam: dict[str, torch.optim.Adam] = {}

    def follow(self, pace: Pace) -> None:
        """Take the pace's learning rate; a new chapter forgets all moments."""
        if pace.chapter != self._chapter:
            self._chapter = pace.chapter
            self._adam = {name: self._new_adam(name) for name in self._factor}
        base = (self._settings.lr if pace.lr is None else pace.lr) * pace.lr_scale
        for name, adam in self._adam.items():
            for group in adam.param_groups:
                group["lr"] = base * self._factor[name]

    @contextmanager
    def step(self, trains: tuple[str, ...]) -> Iterator[Callable[[Tensor], None]]:
        """One step of the named networks: yields the function that takes a part of the loss.

        A parameter that no loss reached gets a zero gradient, as published: skipping it would
        change Adam's moments.
        """
        for name, parameters in self._trainable.items():
            for parameter in parameters:
                parameter.requires_grad_(name in trains)
                parameter.grad = None

        def accumulate(loss: Tensor) -> None:
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]

        yield accumulate
        for name in trains:
            gradients = []
            for parameter in self._trainable[name]:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
            self._world.mean_(gradients)
            for gradient in gradients:
                torch.nan_to_num(
                    gradient, nan=0, posinf=GRADIENT_LIMIT, neginf=-GRADIENT_LIMIT, out=gradient
                )
            self._adam[name].step()

    def thaw(self) -> None:
        """Give every parameter back the gate it had when the stage began."""
        for parameters in self._trainable.values():
            for parameter in parameters:
                parameter.requires_grad_(True)

    def state_dict(self) -> dict[str, Any]:
        """Moments and step counts of every network."""
        return {name: adam.state_dict() for name, adam in self._adam.items()}

    def load_state_dict(self, state: Mapping[str, Any], chapter: tuple[str, ...]) -> None:
        """Continue from saved moments, in the chapter they belong to.

        They take the memory layout of their parameters, whatever layout they were saved in: a
        fused step walks over a parameter and its moments side by side as they lie in memory.
        """
        self._chapter = chapter
        self._adam = {name: self._new_adam(name) for name in self._factor}
        for name, adam in self._adam.items():
            adam.load_state_dict(state[name])
            for parameter, moments in adam.state.items():
                for key, moment in moments.items():
                    moments[key] = _laid_out_as(parameter, moment)

    def _new_adam(self, name: str) -> torch.optim.Adam:
        factor = self._factor[name]
        parameters = self._trainable[name]
        first, second = self._settings.betas
        return torch.optim.Adam(
            parameters,
            lr=self._settings.lr * factor,
            betas=(float(first) ** factor, float(second) ** factor),
            eps=self._settings.eps,
            fused=all(p.device.type in ("cpu", "cuda") for p in parameters),
        )


def _laid_out_as(parameter: Tensor, moment: Any) -> Any:
    """A moment of a parameter in that one's memory layout; anything else as it is."""
    if not isinstance(moment, Tensor) or moment.shape != parameter.shape:
        return moment
    if moment.stride() == parameter.stride():
        return moment
    return torch.empty_like(parameter, dtype=moment.dtype).copy_(moment)
