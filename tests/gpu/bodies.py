"""What the GPU tests do with an operation; nothing here minds which device it is on."""

from __future__ import annotations

import torch
from comparing import UNITS, units_off
from torch import Tensor

from ganzoo.training.bench.operations import OPERATIONS, Problem, problem

NAMES = tuple(each.name for each in OPERATIONS)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
SIZES = ((2, 16, 16, 24), (3, 5, 7, 9))  # packs of 16 bytes fit the first and not the second

SUMMED = 32.0
"""Units in the last place that a derivative may be off by, four times what results may be.

It sums as many products as there are pixels, of factors that were rounded to the image's type.
"""


def given(name: str, size, dtype, layout, device) -> Problem:
    """An operation by name, on random tensors."""
    (operation,) = (each for each in OPERATIONS if each.name == name)
    return problem(operation, size, dtype, layout, torch.device(device))


def step(one: Problem, impl: str = "cupy") -> list[Tensor]:
    """The result and the gradients of all inputs."""
    y = one.call(*one.inputs, impl=impl)
    return [y.detach(), *torch.autograd.grad(y, one.inputs, one.gradient)]


def twice(one: Problem, impl: str = "cupy") -> list[Tensor]:
    """Gradients of the gradients, along fixed directions, by all inputs and the first gradient."""
    gradient = one.gradient.detach().clone().requires_grad_()
    y = one.call(*one.inputs, impl=impl)
    first = torch.autograd.grad(y, one.inputs, gradient, create_graph=True)
    directions = [direction(each, place) for place, each in enumerate(first)]
    moved = (*one.inputs, gradient)
    second = torch.autograd.grad(first, moved, directions, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(moved, second)]


def direction(like: Tensor, seed: int) -> Tensor:
    """Eighths between -1 and 1, which every type holds."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(-8, 9, like.shape, generator=generator)
    return torch.empty_like(like).copy_(drawn / 8)


def in_float64(one: Problem) -> Problem:
    """The same problem, its numbers unchanged, for the definition to solve."""
    return Problem(
        call=one.call,
        inputs=tuple(each.detach().double().requires_grad_() for each in one.inputs),
        gradient=one.gradient.double(),
        forward_bytes=one.forward_bytes,
        backward_bytes=one.backward_bytes,
    )


def assert_close(found: list[Tensor], expected: list[Tensor], units: float) -> None:
    """Compare in units of the type of the image, the first of ``found``, also where a sum is wider.

    A gradient of a vector is kept in float32, but what it sums was rounded as the image is.
    """
    coarse = torch.finfo(found[0].dtype).eps
    assert len(found) == len(expected)
    for actual, wanted in zip(found, expected):
        off = units_off(actual, wanted) * torch.finfo(actual.dtype).eps / coarse
        assert off <= units, f"{off:.3g} units in the last place of {found[0].dtype}"


def check_result_and_gradients(name, size, dtype, layout, device):
    """A kernel gives what the definition gives in float64, forward and backward."""
    one = given(name, size, dtype, layout, device)
    found, expected = step(one), step(in_float64(one), "reference")
    assert found[0].dtype is found[1].dtype is dtype
    assert found[0].is_contiguous(memory_format=layout)
    assert found[1].is_contiguous(memory_format=layout)
    assert_close(found[:1], expected[:1], UNITS)
    assert_close(found, expected, SUMMED)


def check_second_derivatives(name, size, dtype, layout, device):
    """What R1 and path length take is what the definition gives in float64."""
    one = given(name, size, dtype, layout, device)
    assert_close(twice(one), twice(in_float64(one), "reference"), SUMMED)


def check_empty(name, dtype, device):
    """A batch of nothing is a result of nothing."""
    one = given(name, (0, 4, 8, 8), dtype, torch.contiguous_format, device)
    found, expected = step(one), step(one, "reference")
    assert [each.shape for each in found] == [each.shape for each in expected]
    assert all(not each.any() for each in found)


def check_strided(name, dtype, device):
    """Views that are dense in no layout, and such gradients, are read where they lie."""
    one = given(name, (2, 6, 12, 16), dtype, torch.contiguous_format, device)
    x = one.inputs[0].detach()
    room = torch.zeros(2, 6, 12, 33, dtype=dtype, device=x.device)
    view = room[..., 1::2].copy_(x).requires_grad_()
    other = Problem(
        call=one.call,
        inputs=(view, *one.inputs[1:]),
        gradient=one.gradient.mT.contiguous().mT,
        forward_bytes=0,
        backward_bytes=0,
    )
    assert_close(step(other), step(in_float64(one), "reference"), SUMMED)
