"""Checks of regularizers: a penalty beside the loss, of one network."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.registry.contracts import NetworkSite
from ganzoo.registry.types import Value
from ganzoo.testing.case import tensor_of
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.module_state import load_through_file, settle
from ganzoo.testing.subject import Subject, usual
from ganzoo.testing.surroundings import IMAGE_CHANNELS
from ganzoo.testing.toy_moment import ToyMoment

BATCH = 4
LABELS = 3
OUTPUTS = ("score", "classes")
STEP = 1e-6


def trains_a_network(subject: Subject) -> None:
    """``trains`` names the network that the penalty is for."""
    networks = _networks(subject)
    for given in subject.variants():
        trains = getattr(subject.factory(**given)(None), "trains", None)
        expect(trains in networks, f"trains is {trains!r}; the networks are {listed(networks)}")


def names_the_outputs_it_reads(subject: Subject) -> None:
    """``reads_outputs`` is a tuple of names that a head may give beside its score."""
    names = getattr(subject.cls, "reads_outputs", ())
    known = isinstance(names, tuple) and set(names) <= set(OUTPUTS)
    expect(known, f"reads_outputs is {names!r}; a head may give {listed(OUTPUTS)}")


def is_a_module(subject: Subject) -> None:
    """It is an ``nn.Module``, so that its running means are checkpointed."""
    made = subject.factory()(None)
    expect(isinstance(made, nn.Module), f"a {type(made).__name__} is no nn.Module")


def gives_penalties(subject: Subject) -> None:
    """[n] finite penalties that are not negative, n from 1 to the batch, for a batch of one too.

    What it remembers of a batch of one is finite as well, else that batch would poison all later.
    """
    networks = _networks(subject)
    for given, size in itertools.product(subject.variants(), (BATCH, 1)):
        made = _made(subject, **given)
        penalty = tensor_of(made(_moment(networks, size=size)), "[n] penalties")
        settle(made)
        for name, value in made.named_buffers():
            expect(
                bool(torch.isfinite(value).all()),
                f"a batch of {size} leaves numbers in {name!r} that are not finite",
            )
        expect(
            penalty.dim() == 1 and 1 <= len(penalty) <= size,
            f"for a batch of {size} it gives the shape {list(penalty.shape)}; promised is [n] with"
            f" n from 1 to {size}",
        )
        expect(bool(torch.isfinite(penalty).all()), "a penalty is not finite")
        expect(bool((penalty >= 0).all()), f"a penalty is negative: {penalty.tolist()}")


def trains_through_second_derivatives(subject: Subject) -> None:
    """The gradient of the penalty reaches the weights of its network, and is right."""
    for given in subject.variants():
        _compare_derivatives(_made(subject, **given), _networks(subject))


def leaves_the_generator_to_itself(subject: Subject) -> None:
    """A penalty of the discriminator holds the fakes fixed: no gradient reaches the generator."""
    for given in subject.variants():
        networks, made = _networks(subject), _made(subject, **given)
        if made.trains != "discriminator":
            continue
        weights = list(networks["generator"].parameters())
        gradients = torch.autograd.grad(
            made(_moment(networks)).sum(), weights, allow_unused=True, materialize_grads=True
        )
        expect(
            not any(bool(g.abs().sum() > 0) for g in gradients),
            "it trains 'discriminator', but its gradient reaches 'generator'; detach the fakes",
        )


def stays_finite_where_a_network_is_flat(subject: Subject) -> None:
    """With all weights of its network zero, the penalty and its gradient are finite."""
    for given in subject.variants():
        networks, made = _networks(subject), _made(subject, **given)
        weights = list(networks[made.trains].parameters())
        with torch.no_grad():
            for weight in weights:
                weight.zero_()
        penalty = made(_moment(networks)).mean()
        gradients = torch.autograd.grad(penalty, weights, allow_unused=True, materialize_grads=True)
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in (penalty, *gradients))
        expect(
            finite,
            "where the image moves no logit and the style no image, it or its gradient is not"
            " finite; a square root has no derivative at 0",
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
        names_the_outputs_it_reads,
        gives_penalties,
        trains_through_second_derivatives,
        leaves_the_generator_to_itself,
        stays_finite_where_a_network_is_flat,
        is_deterministic,
        state_round_trips,
    )


class _Classifying(nn.Module):
    """A discriminator that also says what class an image seems to be of: it weighs mean colours."""

    def __init__(self, scoring: nn.Module) -> None:
        super().__init__()
        self.scoring = scoring
        self.weight = nn.Parameter(torch.randn(IMAGE_CHANNELS, LABELS))

    def forward(self, image: Tensor, label: Tensor | None) -> dict[str, Tensor]:
        """[N, I, R, R] -> ``score`` [N] and ``classes`` [N, K]."""
        classes = image.mean(dim=(2, 3)) @ self.weight
        return {"score": self.scoring(image, label), "classes": classes}


def _made(subject: Subject, **given: Value) -> Any:
    return subject.factory(**given)(None).double().train()


def _networks(subject: Subject) -> dict[str, nn.Module]:
    """A small generator and a small discriminator, in float64.

    Only who says that it reads classes is given some.
    """
    torch.manual_seed(0)
    site = NetworkSite(resolution=(8, 8), channels=IMAGE_CHANNELS, label_width=LABELS)
    networks: dict[str, nn.Module] = {
        role: subject.companion("network", usual("network", role))(site)
        for role in ("generator", "discriminator")
    }
    if "classes" in getattr(subject.cls, "reads_outputs", ()):
        networks["discriminator"] = _Classifying(networks["discriminator"])
    return {role: network.double().train() for role, network in networks.items()}


def _moment(networks: dict[str, nn.Module], *, size: int = BATCH, seed: int = 0) -> ToyMoment:
    random = torch.Generator().manual_seed(100 + seed)
    image = torch.randn(size, IMAGE_CHANNELS, 8, 8, generator=random, dtype=torch.float64)
    label: Tensor = torch.eye(LABELS, dtype=torch.float64)[torch.arange(size) % LABELS]
    return ToyMoment(networks, image, label, seed=seed)


def _compare_derivatives(made: Any, networks: dict[str, nn.Module]) -> None:
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
