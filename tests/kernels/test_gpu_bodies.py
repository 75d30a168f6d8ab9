"""What the GPU tests will do, done by the emulator, so that they are known to run."""

from __future__ import annotations

import pytest
import torch
from bodies import (
    NAMES,
    SIZES,
    check_empty,
    check_result_and_gradients,
    check_second_derivatives,
    check_strided,
)

pytestmark = pytest.mark.usefixtures("emulator")

# One type and one layout at each size: that they all agree is tested operation by operation.
CASES = [
    (SIZES[0], torch.bfloat16, torch.channels_last),
    (SIZES[1], torch.float32, torch.contiguous_format),
]


@pytest.mark.parametrize(("size", "dtype", "layout"), CASES, ids=["packed", "odd"])
@pytest.mark.parametrize("name", NAMES)
def test_results_and_gradients_are_compared(name, size, dtype, layout):
    check_result_and_gradients(name, size, dtype, layout, "cpu")


@pytest.mark.parametrize(("size", "dtype", "layout"), CASES, ids=["packed", "odd"])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_are_compared(name, size, dtype, layout):
    check_second_derivatives(name, size, dtype, layout, "cpu")


@pytest.mark.parametrize("name", NAMES)
def test_batches_of_nothing_are_compared(name):
    check_empty(name, torch.float32, "cpu")


@pytest.mark.parametrize("name", NAMES)
def test_views_are_compared(name):
    check_strided(name, torch.float32, "cpu")
