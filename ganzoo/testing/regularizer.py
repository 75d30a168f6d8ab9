"""Checks of regularizers: a penalty beside the loss, of one network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.registry.contracts import NetworkSite
from ganzoo.testing.case import tensor_of
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.module_state import load_through_file, settle
from ganzoo.testing.subject import Subject, usual
from ganzoo.testing.surroundings import IMAGE_CHANNELS
from ganzoo.testing.toy_moment import ToyMoment

BATCH = 4
LABELS = 3
STEP = 1e-6


def trains_a_network(subject: Subject) -> None:
    """``trains`` names the network that the penalty is for."""
    trains = getattr(subject.factory()(None), "trains", None)
    expect(
        trains in _networks(subject),
        f"trains is {trains!r}; the networks are {listed(_networks(subject))}",
    )


def is_a_module(subject: Subject) -> None:
    """It is an ``nn.Module``, so that its running means are checkpointed."""
    made = subject.factory()(None)
    expect(isinstance(made, nn.Module), f"a {type(made).__name__} is no nn.Module")


def gives_penalties(subject: Subject) -> None:
    """[n] finite penalties that are not negative, n from 1 to the batch, for a batch of one too."""
    networks = _networks(subject)
    for size in (BATCH, 1):
        penalty = tensor_of(_made(subject)(_moment(networks, size=size)), "[n] penalties")
        expect(
            penalty.dim() == 1 and 1 <= len(penalty) <= size,
            f"for a batch of {size} it gives the shape {list(penalty.shape)}; promised is [n] with"
            f" n from 1 to {size}",
        )
        expect(bool(torch.isfinite(penalty).all()), "a penalty is not finite")
        expect(bool((penalty >= 0).all()), f"a penalty is negative: {penalty.tolist()}")


def trains_through_second_derivatives(subject: Subject) -> None:
    """The gradient of the penalty reaches the weights of its network, and is right."""
    networks = _networks(subject)
    made = _made(subject)
    weights = list(networks[made.trains].parameters())
    gradients = torch.autograd.grad(
        made(_moment(networks)).mean(), weights, allow_unused=True, materialize_grads=True
    )
    expect(any(bool(g.abs().sum() > 0) for g in gradients), f"no gradient reaches {made.trains!r}")
    random = torch.Generator().manual_seed(5)
    directions = [torch.randn(w.shape, generator=random, dtype=w.dtype) for w in weights]
    analytic = float(sum((g * d).sum() for g, d in zip(gradients, directions)))

    def moved(step: float) -> float:
        with torch.no_grad():
            for weight, direction in zip(weights, directions):
                weight.add_(direction, alpha=step)
        value = float(made(_moment(networks)).mean().detach())
        with torch.no_grad():
            for weight, direction in zip(weights, directions):
                weight.sub_(direction, alpha=step)
        return value

    numeric = (moved(STEP) - moved(-STEP)) / (2 * STEP)
    expect(
        abs(numeric - analytic) <= 1e-4 * max(abs(numeric), abs(analytic), 1.0),
        f"the derivative of the penalty along a random direction is {analytic:.6g}, but finite"
        f" differences say {numeric:.6g}",
    )


def is_deterministic(subject: Subject) -> None:
    """Two moments that are the same give the same penalties; draws come from the moment."""
    networks = _networks(subject)
    first, second = (_made(subject)(_moment(networks)) for _ in range(2))
    expect(torch.equal(first, second), "the same moment gives another penalty the second time")


def state_round_trips(subject: Subject) -> None:
    """What it remembers between visits is in its state dict."""
    networks = _networks(subject)
    visited, other = _made(subject), _made(subject)
    for seed in range(3):
        visited(_moment(networks, seed=seed))
        settle(visited)
    load_through_file(visited, other)
    change = float((visited(_moment(networks)) - other(_moment(networks))).detach().abs().max())
    expect(
        change == 0,
        f"with the same state dict the penalty differs by {change:.2g}; what it remembers is no"
        " buffer",
    )


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a regularizer."""
    del subject
    return (
        is_a_module,
        trains_a_network,
        gives_penalties,
        trains_through_second_derivatives,
        is_deterministic,
        state_round_trips,
    )


def _made(subject: Subject) -> Any:
    return subject.factory()(None).double().train()


def _networks(subject: Subject) -> dict[str, nn.Module]:
    """A small generator and a small discriminator, in float64."""
    torch.manual_seed(0)
    site = NetworkSite(resolution=(8, 8), channels=IMAGE_CHANNELS, label_width=LABELS)
    return {
        role: subject.companion("network", usual("network", role))(site).double().train()
        for role in ("generator", "discriminator")
    }


def _moment(networks: dict[str, nn.Module], *, size: int = BATCH, seed: int = 0) -> ToyMoment:
    random = torch.Generator().manual_seed(100 + seed)
    image = torch.randn(size, IMAGE_CHANNELS, 8, 8, generator=random, dtype=torch.float64)
    label: Tensor = torch.eye(LABELS, dtype=torch.float64)[torch.arange(size) % LABELS]
    return ToyMoment(networks, image, label, seed=seed)
