"""The kernels of pixel norm, emulated, against the definition."""

from __future__ import annotations

import pytest
import torch
from comparing import BLOCKS, DTYPES, LAYOUTS, assert_close_in_units, draw, laid_out, with_offset
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.backends.cupy_kernels import dense
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.ops import second_moment_norm
from ganzoo.ops.pixel_norm_kernel import _backward, _forward

pytestmark = pytest.mark.usefixtures("emulator")

SHAPES = [(3, 7), (2, 512), (2, 5, 3, 7), (1, 8, 4, 4), (2, 1100, 1, 2), (5, 16, 8, 8)]


def derivatives(impl, x, dtype):
    x = x.clone().requires_grad_()
    dy = draw(*x.shape, seed=1).to(dtype).to(x.dtype)
    y = second_moment_norm(x, impl=impl)
    return (y, *torch.autograd.grad(y, x, dy))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_results_and_gradients_are_those_of_the_definition(shape, layout, dtype):
    x = laid_out(draw(*shape).to(dtype), layout)
    found = derivatives("cupy", x, dtype)
    for a, b in zip(found, derivatives("reference", x.double(), dtype), strict=True):
        assert_close_in_units(a, b)
        assert a.dtype is dtype
        assert x.ndim == 2 or a.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2, 2)])
def test_kernels_differentiate_twice(shape):
    x = draw(*shape).requires_grad_()

    def function(x):
        return second_moment_norm(x, impl="cupy")

    assert gradcheck(function, x)
    assert gradgradcheck(function, x)


@pytest.mark.parametrize(("block", "reverse"), BLOCKS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES[2:])
def test_the_size_and_order_of_blocks_change_nothing(
    shape, block, reverse, layout, built, monkeypatch
):
    x = laid_out(draw(*shape).float(), layout)
    expected = derivatives("cupy", x, torch.float32)
    monkeypatch.setattr(dense, "MOST_BLOCKS", 2)  # so that blocks go round again
    with using(built.with_(block=block, reverse=reverse)):
        found = derivatives("cupy", x, torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(found, expected))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_address_and_any_strides_will_do(layout, dtype):
    x = laid_out(draw(2, 8, 4, 4).to(dtype), layout)
    expected = second_moment_norm(x, impl="cupy")
    for other in (with_offset(x), x.transpose(2, 3).contiguous().transpose(2, 3)):
        # Packed or not, and in the other layout, the sums are made in another order.
        assert_close_in_units(second_moment_norm(other, impl="cupy"), expected.double())


@pytest.mark.parametrize("shape", [(0, 3), (2, 3, 0, 4)])
def test_nothing_gives_nothing(shape):
    x = torch.zeros(shape, requires_grad=True)
    y = second_moment_norm(x, impl="cupy")
    assert y.shape == torch.autograd.grad(y.sum(), x)[0].shape == shape


def test_zeros_stay_zeros():
    assert not second_moment_norm(torch.zeros(2, 8), impl="cupy").any()


@pytest.mark.parametrize("emulated", [True, False])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2, 5)])
def test_operations_are_registered_as_torch_wants_them(shape, emulated, emulator, monkeypatch):
    if not emulated:
        monkeypatch.setattr("ganzoo.ops.pixel_norm_kernel.stand_in", lambda: None)
    x = laid_out(draw(*shape), torch.channels_last).requires_grad_()
    torch.library.opcheck(_forward, (x, 1e-8))
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(_backward, (draw(*shape, seed=1), x, 1e-8), test_utils=checks)
