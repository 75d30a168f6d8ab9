"""Checks of every part of a network: shapes, types, derivatives, independence of samples, noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from ganzoo.nn.noise import NoNoise
from ganzoo.testing.case import Case, SeededNoise, Tensors, in_every_case
from ganzoo.testing.derivatives import check_first_derivative, check_second_derivative
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.global_state import changes, global_state
from ganzoo.testing.module_state import copies_are_independent, state_round_trips
from ganzoo.testing.subject import Subject

COUNT = 4
ROUNDING = 1e-9  # of float64, where sums may run in another order


def network_part_checks(
    cases: Callable[[Subject], Iterable[Case]],
) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a kind whose components are parts of networks, each in all of its cases."""
    return in_every_case(
        cases,
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
        state_round_trips,
        copies_are_independent,
    )


def gives_promised_shapes(case: Case) -> None:
    """Every output has the promised shape, also for a batch of one."""
    part = case.built()
    for count in (COUNT, 1):
        outputs = part.call(part.module, part.inputs(count), SeededNoise())
        expect(outputs[0] is not None, "its output is None")
        for number, (output, sizes) in enumerate(zip(outputs, part.gives)):
            if output is not None:
                promised = [count, *(sizes or ())]
                expect(
                    list(output.shape) == promised,
                    f"output {number} has the shape {list(output.shape)}; promised is {promised}",
                )


def is_deterministic(case: Case) -> None:
    """The same inputs and noise give the same outputs."""
    part = case.built()
    inputs = part.inputs(COUNT)
    for first, second in zip(part.run(inputs), part.run(inputs)):
        expect(torch.equal(first, second), "a second call gives another output")


def forward_leaves_global_state(case: Case) -> None:
    """A forward pass draws from no global generator: noise and draws are handed in."""
    part = case.built()
    inputs = part.inputs(COUNT)
    before = global_state()
    part.run(inputs)
    changed = changes(before, global_state())
    expect(not changed, f"a forward pass changes {listed(changed)}")


def keeps_its_inputs(case: Case) -> None:
    """A forward pass changes none of its inputs in place."""
    part = case.built()
    inputs, untouched = part.inputs(COUNT), part.inputs(COUNT)
    part.run(inputs)
    for number, (given, before) in enumerate(zip(inputs, untouched)):
        same = given is None or before is None or torch.equal(given, before)
        expect(same, f"input {number} is another after the forward pass")


def runs_in_both_float_types(case: Case) -> None:
    """Weights and inputs of float64 give float64, of float32 float32, and both agree."""
    part = case.built()
    inputs = part.inputs(COUNT)
    exact = part.run(inputs)
    part.module.float()
    single = part.run(_single(inputs))
    for dtype, outputs in ((torch.float64, exact), (torch.float32, single)):
        for output in outputs:
            expect(output.dtype == dtype, f"in {dtype} it gives an output of {output.dtype}")
    for output, reference in zip(single, exact):
        difference = (output.double() - reference).detach().norm()
        error = float(difference / (reference.detach().norm() + 1e-6))
        # float32 keeps seven digits; hundreds of summands and a rounded filter leave five of them
        expect(error < 1e-3, f"float32 and float64 differ by {error:.2g} of the output")


def runs_under_autocast(case: Case) -> None:
    """It runs under bfloat16 autocast, forward and backward, and all numbers stay finite."""
    part = case.built()
    part.module.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = part.run(_single(part.inputs(COUNT)))
    _backward(outputs)
    gradients = [p.grad for p in part.module.parameters() if p.grad is not None]
    finite = all(bool(torch.isfinite(tensor).all()) for tensor in (*outputs, *gradients))
    expect(finite, "under bfloat16 autocast some numbers are not finite")


def every_parameter_receives_gradient(case: Case) -> None:
    """Each parameter, strengths of noise included, takes part in the outputs."""
    part = case.built()
    _backward(part.run(part.inputs(COUNT)))
    idle = [
        name
        for name, parameter in part.module.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    expect(not idle, f"no gradient reaches {listed(idle)}")


def gradient_equals_finite_difference(case: Case) -> None:
    """The gradient with respect to every input and parameter is right."""
    check_first_derivative(case.built())


def differentiates_twice(case: Case) -> None:
    """The derivative of the gradient is right, as R1 and path length need it."""
    check_second_derivative(case.built())


def samples_are_independent(case: Case) -> None:
    """Sample i does not depend on sample j, unless a class inside says ``mixes_batch = True``."""
    part = case.built()
    inputs = part.inputs(COUNT)
    together = part.run(inputs)
    other = part.inputs(COUNT, seed=2)
    swapped = _pairs(other, inputs, lambda new, old: torch.cat([new[:1], old[1:]]))
    change = _largest_change(part.run(swapped), together, slice(1, None))
    if any(getattr(module, "mixes_batch", False) for module in part.module.modules()):
        expect(
            change > ROUNDING,
            "it says mixes_batch = True, but no sample depends on another. Remove the line",
        )
        return
    expect(
        change <= ROUNDING,
        f"changing sample 0 changes others by up to {change:.2g}. Samples are independent unless"
        " the class says mixes_batch = True",
    )
    alone = part.run(_pairs(inputs, inputs, lambda x, _: x[1:2]))
    change = _largest_change(alone, tuple(output[1:2] for output in together), slice(None))
    expect(change <= ROUNDING, f"a sample alone differs from itself in a batch by {change:.2g}")


def honours_noise(case: Case) -> None:
    """Every map of its own changes the output, those of others are not read, and None is fine."""
    part = case.built()
    inputs = part.inputs(COUNT)
    noise = SeededNoise()
    usual = part.run(inputs, noise)
    foreign = sorted(noise.asked - set(part.noise))
    expect(not foreign, f"it reads the noise of layers {foreign}, which are not its own")
    for index in part.noise:
        change = _largest_change(part.run(inputs, SeededNoise(changed=index)), usual, slice(None))
        expect(change > ROUNDING, f"another noise map for layer {index} changes nothing")
    for first, second in zip(part.run(inputs, NoNoise()), part.run(inputs, NoNoise())):
        expect(torch.equal(first, second), "without noise a second call gives another output")


def _single(inputs: Tensors) -> Tensors:
    return tuple(None if x is None else x.float() for x in inputs)


def _pairs(
    first: Tensors, second: Tensors, function: Callable[[Tensor, Tensor], Tensor]
) -> Tensors:
    return tuple(None if a is None or b is None else function(a, b) for a, b in zip(first, second))


def _largest_change(first: Sequence[Tensor], second: Sequence[Tensor], rows: slice) -> float:
    """The largest difference in some samples, as a share of the largest number."""
    found = [
        float(((a[rows] - b[rows]).abs().max() / b.abs().max().clamp_min(1e-6)).detach())
        for a, b in zip(first, second)
    ]
    return max(found, default=0.0)


def _backward(outputs: Sequence[Tensor]) -> None:
    random = torch.Generator().manual_seed(4)
    total = torch.zeros(())
    for output in outputs:
        weights = torch.randn(output.shape, generator=random)
        total = (
            total + (output.to(torch.promote_types(output.dtype, torch.float32)) * weights).sum()
        )
    if total.requires_grad:  # a part without parameters learns nothing
        total.backward()  # type: ignore[no-untyped-call]
