"""``ganzoo bench ops`` measures kernels where they run, on the problems that it sets them."""

from __future__ import annotations

import pytest
import torch

from ganzoo.training.bench.operation_times import compare
from ganzoo.training.bench.operations import OPERATIONS, operations_named, problem

CPU = torch.device("cpu")


def test_a_kernel_that_runs_is_measured_beside_the_others(emulator):
    (found,) = compare(
        operations_named(["modulate"]),
        device=CPU,
        dtypes=[torch.float32],
        sizes=[(1, 4, 4, 4)],
        layouts=["channels_last"],
        compiled=False,
        seconds=0.0,
    )
    assert [speed.implementation for speed in found.speeds] == ["reference", "torch", "cupy"]
    assert found.left_out == ()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", [each.name for each in OPERATIONS])
def test_every_problem_is_solved_by_its_kernel_as_by_the_reference(emulator, name, dtype):
    (operation,) = operations_named([name])
    given = problem(operation, (2, 8, 6, 6), dtype, torch.channels_last, CPU)
    results = []
    for impl in ("reference", "cupy"):
        y = given.call(*given.inputs, impl=impl)
        results.append((y, *torch.autograd.grad(y, given.inputs, given.gradient)))
    # sums over 72 to 576 terms of size 1; bfloat16 has 8 bits, and both sides round
    tolerance = 1e-4 if dtype is torch.float32 else 0.05
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype
        bound = tolerance * float(ours.detach().abs().max())
        torch.testing.assert_close(theirs, ours, rtol=0, atol=bound)
