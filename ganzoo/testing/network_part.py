"""Checks of every part of a network: shapes, types, derivatives, independence of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ganzoo.nn.noise import NoNoise
from ganzoo.testing.case import Case, Part, SeededNoise
from ganzoo.testing.derivatives import Derivatives
from ganzoo.testing.failure import CheckFailure, expect, listed
from ganzoo.testing.global_state import changes, global_state
from ganzoo.testing.module_state import module_state_checks
from ganzoo.testing.subject import Subject

COUNTS = (4, 1)
ROUNDING = 1e-9  # of float64, summed in another order

Cases = Callable[[Subject], Iterable[Case]]
CheckFunction = Callable[[Subject], None]


def network_part_checks(cases: Cases) -> tuple[CheckFunction, ...]:
    """The checks of a kind whose components are parts of networks, in all of its cases."""

    def each(subject: Subject) -> Iterator[Part]:
        for case in cases(subject):
            with _told(case):
                yield case.built()

    def gives_promised_shapes(subject: Subject) -> None:
        """Every output has the promised shape, also for a batch of one."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                for count in COUNTS:
                    _expect_shapes(part, count)

    def is_deterministic(subject: Subject) -> None:
        """The same inputs and noise give the same outputs."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                inputs = part.inputs(COUNTS[0])
                for first, second in zip(part.run(inputs), part.run(inputs)):
                    expect(torch.equal(first, second), "a second call gives another output")

    def forward_leaves_global_state(subject: Subject) -> None:
        """A forward pass draws from no global generator; noise and draws are handed in."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                inputs = part.inputs(COUNTS[0])
                before = global_state()
                part.run(inputs)
                changed = changes(before, global_state())
                expect(not changed, f"a forward pass changes {listed(changed)}")

    def keeps_its_inputs(subject: Subject) -> None:
        """A forward pass changes none of its inputs in place."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                inputs = part.inputs(COUNTS[0])
                part.run(inputs)
                for number, (now, before) in enumerate(zip(inputs, part.inputs(COUNTS[0]))):
                    same = now is None or before is None or torch.equal(now, before)
                    expect(same, f"input {number} is another after the forward pass")

    def runs_in_both_float_types(subject: Subject) -> None:
        """float64 gives float64, float32 gives float32, and they agree."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                inputs = part.inputs(COUNTS[0])
                exact = part.run(inputs)
                part.module.float()
                single = part.run(_as(inputs, torch.float32))
                for wanted, outputs in ((torch.float64, exact), (torch.float32, single)):
                    for output in outputs:
                        expect(
                            output.dtype == wanted,
                            f"weights and inputs of {wanted} give an output of {output.dtype}",
                        )
                for output, reference in zip(single, exact):
                    error = float((output.double() - reference).norm() / (reference.norm() + 1e-6))
                    expect(
                        error < 1e-3, f"float32 and float64 differ by {error:.2g} of the output"
                    )

    def runs_under_autocast(subject: Subject) -> None:
        """It runs under bfloat16 autocast, forward and backward, with finite numbers."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                part.module.float()
                inputs = _as(part.inputs(COUNTS[0]), torch.float32)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    outputs = part.run(inputs)
                    _sum(outputs).backward()  # type: ignore[no-untyped-call]
                gradients = [p.grad for p in part.module.parameters() if p.grad is not None]
                for tensor in (*outputs, *gradients):
                    expect(
                        bool(torch.isfinite(tensor).all()),
                        "under bfloat16 autocast some numbers are not finite",
                    )

    def every_parameter_receives_gradient(subject: Subject) -> None:
        """Each parameter, strengths of noise included, has a part in the outputs."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                _sum(part.run(part.inputs(COUNTS[0]))).backward()  # type: ignore[no-untyped-call]
                idle = [
                    name
                    for name, parameter in part.module.named_parameters()
                    if parameter.requires_grad and parameter.grad is None
                ]
                expect(not idle, f"no gradient reaches {listed(idle)}")

    def gradient_equals_finite_difference(subject: Subject) -> None:
        """The gradient with respect to every input and parameter is right."""
        for case in cases(subject):
            with _told(case):
                Derivatives(case.built()).check_first()

    def differentiates_twice(subject: Subject) -> None:
        """The derivative of the gradient is right, as R1 and path length need it."""
        for case in cases(subject):
            with _told(case):
                Derivatives(case.built()).check_second()

    def samples_are_independent(subject: Subject) -> None:
        """Sample i does not depend on sample j, unless a class says ``mixes_batch = True``."""
        for case in cases(subject):
            with _told(case):
                part = case.built()
                _expect_independence(part)

    def honours_noise(subject: Subject) -> None:
        """A given map changes the output; maps of other layers are not asked for."""
        for case in cases(subject):
            with _told(case):
                _expect_noise(case.built())

    return (
        gives_promised_shapes,
        is_deterministic,
        forward_leaves_global_state,
        keeps_its_inputs,
        runs_in_both_float_types,
        runs_under_autocast,
        every_parameter_receives_gradient,
        gradient_equals_finite_difference,
        differentiates_twice,
        samples_are_independent,
        honours_noise,
        *module_state_checks(cases),
    )
