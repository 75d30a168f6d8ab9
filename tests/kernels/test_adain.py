"""The kernels of adaptive instance normalization, emulated, against the definition."""

from __future__ import annotations

import pytest
import torch
from comparing import BLOCKS, DTYPES, LAYOUTS, assert_close_in_units, draw, laid_out, with_offset
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.backends.cupy_kernels import maps
from ganzoo.backends.cupy_kernels.adain import moments
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.ops import adain
from ganzoo.ops.adain_kernel import _backward, _forward

pytestmark = pytest.mark.usefixtures("emulator")


def derivatives(impl, x, scale, offset, dtype):
    """y, then the gradients of x, scale and offset."""
    inputs = tuple(t.clone().requires_grad_() for t in (x, scale, offset))
    dy = draw(*x.shape, seed=3).to(dtype).to(x.dtype)
    y = adain(*inputs, impl=impl)
    return (y, *torch.autograd.grad(y, inputs, dy))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 5, 3, 7), (1, 8, 4, 4), (2, 264, 2, 3)])
def test_results_and_gradients_are_those_of_the_definition(shape, layout, dtype):
    x = laid_out(draw(*shape).mul(2).add(1).to(dtype), layout)
    rest = torch.promote_types(dtype, torch.float32)
    scale, offset = (draw(*shape[:2], seed=s).to(rest) for s in (1, 2))
    found = derivatives("cupy", x, scale, offset, dtype)
    expected = derivatives("reference", x.double(), scale.double(), offset.double(), dtype)
    for a, b in zip(found, expected, strict=True):
        # Differences of sums over maps of up to 21 pixels, divided by their deviation.
        assert_close_in_units(a.to(dtype), b, units=64)
    for a in found[:2]:
        assert a.dtype is dtype
        assert a.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("middle", [0.0, 1e3])
def test_moments_of_many_chunks_do_not_cancel(middle, layout, monkeypatch):
    monkeypatch.setattr(maps, "VISITS", 2)
    x = laid_out((draw(2, 9, 70, 61) + middle).float(), layout)
    x[0, 0, 0, 0] = middle + 300  # the pixel that the sums of its chunk are taken about
    mean, rstd = moments(x, 1e-8)
    variance, expected = torch.var_mean(x.double(), (2, 3), correction=0)
    torch.testing.assert_close(mean.double(), expected, rtol=1e-6, atol=1e-5)
    # A pixel 300 deviations away makes its chunk lose some 2 digits of float32's 7.
    torch.testing.assert_close(rstd.double(), variance.rsqrt(), rtol=1e-4, atol=0)


def test_a_constant_map_is_its_offset():
    x = torch.full((2, 3, 5, 5), 12345.678)
    y = adain(x, torch.ones(2, 3), torch.full((2, 3), 0.5), impl="cupy")
    torch.testing.assert_close(y, torch.full_like(y, 0.5))


def test_kernels_differentiate_twice():
    inputs = tuple(
        t.requires_grad_() for t in (draw(2, 3, 2, 2), draw(2, 3, seed=1), draw(2, 3, seed=2))
    )

    def function(x, scale, offset):
        return adain(x, scale, offset, eps=1e-2, impl="cupy")

    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize(("block", "reverse"), BLOCKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_size_and_order_of_blocks_change_nothing(block, reverse, layout, built, monkeypatch):
    monkeypatch.setattr(maps, "VISITS", 2)
    x = laid_out(draw(2, 20, 17, 16).float(), layout)
    scale, offset = (draw(2, 20, seed=s).float() for s in (1, 2))
    expected = derivatives("cupy", x, scale, offset, torch.float32)
    with using(built.with_(block=block, reverse=reverse)):
        found = derivatives("cupy", x, scale, offset, torch.float32)
    for a, b in zip(found, expected):
        assert_close_in_units(a, b.double(), units=16)  # sums, in another order


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_address_and_any_strides_will_do(layout, dtype):
    x = laid_out(draw(2, 8, 4, 4).to(dtype), layout)
    scale, offset = (draw(2, 8, seed=s) for s in (1, 2))
    expected = adain(x, scale, offset, impl="cupy")
    assert torch.equal(adain(with_offset(x), scale, offset, impl="cupy"), expected)
    strided = x.transpose(2, 3).contiguous().transpose(2, 3)
    # A copy in the other layout sums in another order.
    assert_close_in_units(adain(strided, scale, offset, impl="cupy"), expected.double())


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 3, 0, 4)])
def test_nothing_gives_nothing(shape):
    x = torch.zeros(shape, requires_grad=True)
    y = adain(x, torch.ones(shape[:2]), torch.ones(shape[:2]), impl="cupy")
    assert y.shape == torch.autograd.grad(y.sum(), x)[0].shape == shape


@pytest.mark.parametrize("emulated", [True, False])
def test_operations_are_registered_as_torch_wants_them(emulated, emulator, monkeypatch):
    if not emulated:
        monkeypatch.setattr("ganzoo.ops.adain_kernel.stand_in", lambda: None)
    x = laid_out(draw(2, 3, 4, 5), torch.channels_last).requires_grad_()
    scale, offset = (draw(2, 3, seed=s).requires_grad_() for s in (1, 2))
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(_forward, (x, scale, offset, 1e-8))
    gy = draw(2, 3, 4, 5, seed=4).requires_grad_()
    _, mean, rstd = _forward(x.detach(), scale.detach(), offset.detach(), 1e-8)
    torch.library.opcheck(_backward, (gy, x, scale, offset, mean, rstd, 1e-8), test_utils=checks)
