"""Checks of losses: logits in, per-sample values out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ganzoo.testing.case import tensor_of
from ganzoo.testing.failure import expect
from ganzoo.testing.subject import Subject

Term = Callable[[Tensor, Tensor], Tensor]
STEP = 1e-6
FAR = 100.0  # a logit that only a diverging discriminator gives


def says_whether_it_compares_pairs(subject: Subject) -> None:
    """``compares_pairs`` is a truth value; where False, the generator's side needs no reals."""
    loss = _made(subject)
    flag = getattr(loss, "compares_pairs", None)
    expect(isinstance(flag, bool), f"compares_pairs is {flag!r}, not a truth value")
    if not flag:
        fake, real = _logits()
        same = torch.equal(loss.generator(fake, None), loss.generator(fake, real))
        expect(same, "compares_pairs is False, but reals change the generator's loss")


def gives_one_value_a_sample(subject: Subject) -> None:
    """[N] logits give [N] values, for a batch of one too; the mean is somebody else's."""
    for name, term in _terms(subject):
        for count in (5, 1):
            fake, real = (x[:count] for x in _logits())
            value = tensor_of(term(fake, real), f"[N] values of {name}")
            expect(
                list(value.shape) == [count],
                f"{name} gives the shape {list(value.shape)} for {count} logits, not [{count}]",
            )
            expect(value.dtype == fake.dtype, f"{name} gives {value.dtype} for {fake.dtype}")


def gradient_equals_finite_difference(subject: Subject) -> None:
    """The gradient with respect to each logit is right."""
    for name, term in _terms(subject):
        logits = _logits()
        for side, x in zip(("fake", "real"), logits):
            (gradient,) = _gradient(term, logits, x)
            with torch.no_grad():
                x.add_(STEP)
                above = term(*logits)
                x.sub_(2 * STEP)
                below = term(*logits)
                x.add_(STEP)
            numeric = (above - below).sum() / (2 * STEP)
            error = float((numeric - gradient.sum()).abs())
            expect(
                error < 1e-5,
                f"the derivative of {name} with respect to the {side} logits is"
                f" {float(gradient.sum()):.6g}, but finite differences say {float(numeric):.6g}",
            )


def samples_are_independent(subject: Subject) -> None:
    """Logits of sample j do not enter the value of sample i, unless ``mixes_batch = True``."""
    if getattr(subject.cls, "mixes_batch", False):
        return
    for name, term in _terms(subject):
        logits = _logits()
        for side, x in zip(("fake", "real"), logits):
            before = term(*logits).detach()
            with torch.no_grad():
                x[0] += 1
            after = term(*logits).detach()
            expect(
                torch.equal(before[1:], after[1:]),
                f"{name}: the {side} logit of sample 0 changes the values of others",
            )


def generator_wants_higher_scores(subject: Subject) -> None:
    """The generator's loss falls as the score of a fake rises, everywhere below the reals.

    It does so in earnest where the discriminator is sure, or says ``saturates = True``.
    """
    term = dict(_terms(subject))["generator"]
    fake = torch.linspace(-20, 0, 41, dtype=torch.float64).requires_grad_()
    real = torch.ones_like(fake)
    (gradient,) = torch.autograd.grad(term(fake, real).sum(), fake)
    expect(bool((gradient < 0).all()), "a higher score of a fake does not lower the loss")
    far, near = (float(gradient[index].abs()) for index in (0, -1))
    if getattr(subject.cls, "saturates", False):
        expect(
            far < near / 2,
            f"saturates is True, but where the discriminator is sure, its gradient is {far:.2g},"
            f" and {near:.2g} where it is not",
        )
        return
    expect(
        far >= near / 2,
        f"it saturates: where the discriminator is sure, its gradient is {far:.2g} instead of"
        f" {near:.2g}. If that is meant, say saturates = True",
    )


def discriminator_wants_to_tell_apart(subject: Subject) -> None:
    """The discriminator's loss falls as reals score higher, and rises as fakes do."""
    term = dict(_terms(subject))["discriminator"]
    # half way between the targets 0 and 1 of least squares, and inside every margin
    undecided = (torch.full((3,), 0.5, dtype=torch.float64) for _ in range(2))
    fake, real = (logits.requires_grad_() for logits in undecided)
    to_fake, to_real = torch.autograd.grad(term(fake, real).sum(), (fake, real))
    expect(bool((to_fake > 0).all()), "a higher score of a fake does not raise the loss")
    expect(bool((to_real < 0).all()), "a higher score of a real does not lower the loss")


def stays_finite(subject: Subject) -> None:
    """Values and gradients of very sure logits are finite in float32."""
    for name, term in _terms(subject):
        fake = torch.tensor([-FAR, FAR, -FAR, FAR], requires_grad=True)
        real = torch.tensor([-FAR, FAR, FAR, -FAR], requires_grad=True)
        value = term(fake, real)
        gradients = torch.autograd.grad(value.sum(), (fake, real), allow_unused=True)
        tensors = [value, *(gradient for gradient in gradients if gradient is not None)]
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
        expect(finite, f"{name} is not finite for logits of {FAR:g}")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a loss."""
    del subject
    return (
        says_whether_it_compares_pairs,
        gives_one_value_a_sample,
        gradient_equals_finite_difference,
        samples_are_independent,
        generator_wants_higher_scores,
        discriminator_wants_to_tell_apart,
        stays_finite,
    )


def _made(subject: Subject) -> Any:
    return subject.factory()(None)


def _terms(subject: Subject) -> Iterator[tuple[str, Term]]:
    """Both sides, each as a function of fake and real logits."""
    loss = _made(subject)
    yield (
        "generator",
        lambda fake, real: loss.generator(fake, real if loss.compares_pairs else None),
    )
    yield "discriminator", loss.discriminator


def _logits() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    fake, real = torch.randn(2, 5, generator=random, dtype=torch.float64)
    return fake.requires_grad_(), real.requires_grad_()


def _gradient(term: Term, logits: tuple[Tensor, Tensor], x: Tensor) -> tuple[Tensor, ...]:
    value = term(*logits).sum()
    return torch.autograd.grad(value, (x,), allow_unused=True, materialize_grads=True)
