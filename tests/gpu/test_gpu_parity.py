"""Kernels on a GPU give what the definitions give."""

from __future__ import annotations

import pytest
import torch
from bodies import (
    DTYPES,
    LAYOUTS,
    NAMES,
    SIZES,
    check_empty,
    check_result_and_gradients,
    check_second_derivatives,
    check_strided,
)

from ganzoo import ops
from ganzoo.errors import BackendError

pytestmark = pytest.mark.gpu

FEW_GIB = 16


@pytest.mark.parametrize("size", SIZES, ids=["packed", "odd"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
@pytest.mark.parametrize("name", NAMES)
def test_results_and_gradients(name, dtype, layout, size, device):
    check_result_and_gradients(name, size, dtype, layout, device)


@pytest.mark.parametrize("size", SIZES, ids=["packed", "odd"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives(name, dtype, layout, size, device):
    check_second_derivatives(name, size, dtype, layout, device)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_many_blocks(name, dtype, layout, device):
    check_result_and_gradients(name, (4, 64, 128, 128), dtype, layout, device)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_nothing(name, device):
    check_empty(name, torch.bfloat16, device)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_views_that_are_dense_in_no_layout(name, dtype, device):
    check_strided(name, dtype, device)


def test_memory_on_no_multiple_of_16_bytes(device):
    room = torch.randn(1 + 2 * 8 * 8 * 8, device=device)
    x = room[1:].view(2, 8, 8, 8)
    found = ops.bias_act(x, act="lrelu", impl="cupy")
    torch.testing.assert_close(found, ops.bias_act(x, act="lrelu", impl="reference"))


def test_integers_are_refused(device):
    with pytest.raises(BackendError, match="kernels are made for float64"):
        ops.bias_act(torch.ones(2, 3, 4, 4, dtype=torch.int32, device=device), impl="cupy")


def test_tensors_on_several_devices_are_refused(device):
    with pytest.raises((BackendError, RuntimeError), match="device"):
        ops.bias_act(torch.ones(2, 3, 4, 4, device=device), torch.ones(3), impl="cupy")


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels_last"])
def test_more_than_2_to_the_31_elements(layout, device):
    free, _ = torch.cuda.mem_get_info(device)
    if free < FEW_GIB * 2**30:
        pytest.skip(f"{free / 2**30:.0f} GiB of GPU memory are free; it takes {FEW_GIB}")
    x = torch.zeros(2, 64, 4097, 4097, dtype=torch.bfloat16, device=device)
    x = x.contiguous(memory_format=layout)
    x[-1, -1, -3:, -3:] = 1
    b = torch.arange(64.0, device=device)
    y = ops.bias_act(x, b, act="lrelu", gain=1.0, impl="cupy")
    assert y[-1, -1, -1, -1] == 64
    assert y[-1, -1, -4, -4] == 63
    assert y[0, 1, 0, 0] == 1
    del y
    down = ops.downsample2d(x, ops.setup_filter((1, 1), device=device), impl="cupy")
    assert down[-1, -1, -1, -1] == 1
    assert down[-1, -1, -4, -4] == 0
