"""The kernels of modulation, emulated, against the definition."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from comparing import BLOCKS, DTYPES, LAYOUTS, assert_close_in_units, draw, laid_out, with_offset
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.backends.cupy_kernels import maps
from ganzoo.backends.cupy_kernels.engine import Engine, using
from ganzoo.ops import modulate
from ganzoo.ops.modulate_kernel import _backward, _forward

pytestmark = pytest.mark.usefixtures("emulator")


def derivatives(impl, x, styles, dtype):
    """y, then the gradients of x and styles, then those of dy, x and styles."""
    x, styles = x.clone().requires_grad_(), styles.clone().requires_grad_()
    dy, hx = (draw(*x.shape, seed=s).to(dtype).to(x.dtype) for s in (2, 3))
    hs = draw(*styles.shape, seed=4).to(dtype).to(styles.dtype)
    y = modulate(x, styles, impl=impl)
    first = torch.autograd.grad(y, (x, styles), dy.requires_grad_(), create_graph=True)
    return (y, *first, *torch.autograd.grad(first, (dy, x, styles), (hx, hs)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 5, 3, 7), (1, 8, 4, 4), (2, 264, 2, 3)])
def test_results_and_derivatives_are_those_of_the_definition(shape, layout, dtype):
    x, styles = laid_out(draw(*shape).to(dtype), layout), draw(*shape[:2], seed=1)
    styles = styles.to(torch.promote_types(dtype, torch.float32))
    found = derivatives("cupy", x, styles, dtype)
    expected = derivatives("reference", x.double(), styles.double(), dtype)
    for a, b in zip(found, expected, strict=True):
        # Sums of 21 products of rounded numbers at most.
        assert_close_in_units(a.to(dtype), b, units=32)
    for a in (found[0], found[1], found[3]):
        assert a.dtype is dtype
        assert a.is_contiguous(memory_format=layout)


@dataclass
class Recorder:
    """Hands launches on, and remembers their arguments by name."""

    engine: Engine
    launches: list[dict[str, object]] = field(default_factory=list)

    def launch(self, kernel, grid, block, arguments):
        self.launches.append(dict(zip((name for _, name in kernel.parameters), arguments)))
        self.engine.launch(kernel, grid, block, arguments)


def test_a_result_reads_its_maps_once(built):
    recorder = Recorder(built)
    with using(recorder):
        modulate(draw(2, 3, 4, 4).float(), draw(2, 3, seed=1).float(), impl="cupy")
    (launch,) = recorder.launches
    assert launch["x"] is not None
    assert launch["d"] is None


def test_kernels_differentiate_twice():
    inputs = (draw(2, 3, 2, 2).requires_grad_(), draw(2, 3, seed=1).requires_grad_())
    for function in (lambda x, s: modulate(x, s, impl="cupy"), modulate):
        assert gradcheck(function, inputs)
        assert gradgradcheck(function, inputs)


@pytest.mark.parametrize(("block", "reverse"), BLOCKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_size_and_order_of_blocks_change_nothing(block, reverse, layout, built, monkeypatch):
    monkeypatch.setattr(maps, "VISITS", 2)  # several chunks of pixels, so that stages are two
    x, styles = laid_out(draw(2, 40, 17, 16).float(), layout), draw(2, 40, seed=1).float()
    expected = derivatives("cupy", x, styles, torch.float32)
    with using(built.with_(block=block, reverse=reverse)):
        found = derivatives("cupy", x, styles, torch.float32)
    for a, b in zip(found, expected):
        # Only sums may differ, which are made in another order.
        assert_close_in_units(a, b.double(), units=0 if a.ndim == 4 else 16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_address_and_any_strides_will_do(layout, dtype):
    x, styles = laid_out(draw(2, 8, 4, 4).to(dtype), layout), draw(2, 8, seed=1)
    expected = modulate(x, styles, impl="cupy")
    for other in (with_offset(x), x.transpose(2, 3).contiguous().transpose(2, 3)):
        assert torch.equal(modulate(other, styles, impl="cupy"), expected)


def test_nothing_gives_nothing():
    x, styles = torch.zeros(2, 3, 0, 4, requires_grad=True), torch.ones(2, 3, requires_grad=True)
    y = modulate(x, styles, impl="cupy")
    gx, gs = torch.autograd.grad(y.sum(), (x, styles))
    assert y.shape == gx.shape == x.shape
    assert torch.equal(gs, torch.zeros(2, 3))


@pytest.mark.parametrize("emulated", [True, False])
def test_operations_are_registered_as_torch_wants_them(emulated, emulator, monkeypatch):
    if not emulated:
        monkeypatch.setattr("ganzoo.ops.modulate_kernel.stand_in", lambda: None)
    x = laid_out(draw(2, 3, 4, 5), torch.channels_last).requires_grad_()
    styles, gy = draw(2, 3, seed=1).requires_grad_(), draw(2, 3, 4, 5, seed=2).requires_grad_()
    torch.library.opcheck(_forward, (x, styles))
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(_backward, (gy, x, styles), test_utils=checks)
