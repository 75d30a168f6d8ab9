"""The kernels of bias and activation, emulated, against the definition."""

from __future__ import annotations

import pytest
import torch
from comparing import (
    BLOCKS,
    DTYPES,
    LAYOUTS,
    assert_close_in_units,
    draw,
    laid_out,
    with_offset,
)
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.backends.cupy_kernels import dense
from ganzoo.backends.cupy_kernels.bias_act import PIECEWISE, SMOOTH
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.ops import ACTIVATIONS, bias_act
from ganzoo.ops.bias_act_kernel import _bend, _forward, _slope

pytestmark = pytest.mark.usefixtures("emulator")

OPTIONS = ({}, {"clamp": 0.7}, {"gain": -1.3, "alpha": -0.4, "clamp": 0.7}, {"gain": 0.0})


def reference(x, b=None, **options):
    return bias_act(x, b, impl="reference", **options)


def kernel(x, b=None, **options):
    return bias_act(x, b, impl="cupy", **options)


def off_the_clamp(dy, x, b, act, options):
    """``dy``, zero where a result is so near the clamp that it may round onto it."""
    if "clamp" not in options:
        return dy
    y = reference(x.double(), b.double(), act=act, **options | {"clamp": None})
    near = (y.abs() - options["clamp"]).abs() < 4 * torch.finfo(x.dtype).eps
    return dy.masked_fill(near, 0)


def test_every_activation_has_its_kernels():
    assert set(ACTIVATIONS) == {*PIECEWISE, *SMOOTH}
    assert {name for name, a in ACTIVATIONS.items() if a.bend is not None} == set(SMOOTH)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_results_are_those_of_the_definition(act, dtype):
    x, b = draw(2, 5, 3, 7).mul(3).to(dtype), draw(5, seed=1).to(dtype)
    for layout in LAYOUTS:
        for options in OPTIONS:
            for bias in (None, b):
                y = kernel(laid_out(x, layout), bias, act=act, **options)
                wide = None if bias is None else bias.double()
                assert_close_in_units(y, reference(x.double(), wide, act=act, **options))
                assert y.is_contiguous(memory_format=layout)
                assert y.dtype is dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("act", ACTIVATIONS)
def test_gradients_are_those_of_the_definition(act, dtype):
    x, b = draw(3, 4, 3, 5).to(dtype), draw(4, seed=1).to(dtype)
    for layout in LAYOUTS:
        for options in OPTIONS:
            dy = laid_out(draw(3, 4, 3, 5, seed=2).to(dtype), layout)
            dy = off_the_clamp(dy, x, b, act, options)
            inputs = laid_out(x, layout).requires_grad_(), b.clone().requires_grad_()
            found = torch.autograd.grad(kernel(*inputs, act=act, **options), inputs, dy)
            wide = x.double().requires_grad_(), b.double().requires_grad_()
            y = reference(*wide, act=act, **options)
            expected = torch.autograd.grad(y, wide, dy.double())
            assert_close_in_units(found[0], expected[0])
            assert found[0].is_contiguous(memory_format=layout)
            # The bias sums 45 gradients that were rounded one by one.
            assert_close_in_units(found[1], expected[1], units=45)


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_kernels_differentiate_twice(act, options):
    inputs = (draw(2, 3, 2, 2).requires_grad_(), draw(3, seed=1).requires_grad_())

    def run(x, b):
        return kernel(x, b, act=act, **options)

    assert gradcheck(run, inputs)
    assert gradgradcheck(run, inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("act", SMOOTH)
def test_second_derivatives_are_those_of_the_definition(act, dtype):
    def second(run, x, b):
        x, b = x.clone().requires_grad_(), b.clone().requires_grad_()
        dy = draw(2, 3, 3, 3, seed=2).to(x.dtype).requires_grad_()
        (dx,) = torch.autograd.grad(run(x, b, act=act), x, dy, create_graph=True)
        return torch.autograd.grad(dx, (dy, x, b), draw(2, 3, 3, 3, seed=3).to(x.dtype))

    x, b = draw(2, 3, 3, 3).mul(2).to(dtype), draw(3, seed=1).to(dtype)
    # Products of numbers that were each rounded once; the bias sums 18 of them.
    for found, expected in zip(second(kernel, x, b), second(reference, x.double(), b.double())):
        assert_close_in_units(found, expected.to(torch.float64), units=64)


@pytest.mark.parametrize("act", ["swish", "tanh"])
def test_a_third_derivative_exists(act):
    def third(run):
        x = draw(2, 3).requires_grad_()
        value = run(x, None, act=act).sum()
        for _ in range(3):
            (value,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        return value

    torch.testing.assert_close(third(kernel), third(reference), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("block", "reverse"), BLOCKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_size_and_order_of_blocks_change_nothing(block, reverse, layout, built):
    x, b = laid_out(draw(2, 6, 5, 7).float(), layout), draw(6, seed=1).float()
    expected = kernel(x, b, act="swish")
    with using(built.with_(block=block, reverse=reverse)):
        assert torch.equal(kernel(x, b, act="swish"), expected)


def test_threads_go_round_again_where_blocks_run_out(monkeypatch):
    x, b = draw(3, 5, 16, 16).float(), draw(5).float()
    expected = kernel(x, b, act="lrelu")
    monkeypatch.setattr(dense, "MOST_BLOCKS", 1)
    assert torch.equal(kernel(x, b, act="lrelu"), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_address_will_do(dtype, layout):
    x, b = laid_out(draw(2, 8, 4, 4).to(dtype), layout), draw(8, seed=1).to(dtype)
    moved = with_offset(x)
    assert moved.data_ptr() % 16
    assert torch.equal(kernel(moved, b, act="lrelu"), kernel(x, b, act="lrelu"))


@pytest.mark.parametrize(
    ("shape", "dim"), [((7,), 0), ((3, 5), 1), ((3, 5), -1), ((3, 5), 0), ((2, 3, 4, 2, 3), 2)]
)
def test_the_bias_may_lie_along_any_axis_of_any_number(shape, dim):
    x, b = draw(*shape), draw(shape[dim], seed=1)
    assert_close_in_units(kernel(x, b, dim=dim), reference(x, b, dim=dim))


@pytest.mark.parametrize("dim", [0, 2, 3])
def test_a_bias_along_another_axis_finds_it_in_channels_last(dim):
    x = laid_out(draw(2, 3, 4, 5), torch.channels_last)
    b = draw(x.shape[dim], seed=1)
    assert_close_in_units(kernel(x, b, dim=dim), reference(x, b, dim=dim))


@pytest.mark.parametrize("view", ["sliced", "transposed", "expanded"])
def test_tensors_that_are_not_dense_are_copied_first(view):
    x, b = draw(4, 3, 4, 4), draw(3, seed=1)
    x = {
        "sliced": x[::2, :, 1:, ::2],
        "transposed": x.transpose(2, 3),
        "expanded": x[:1, :, :, :1].expand(2, 3, 4, 5),
    }[view]
    assert_close_in_units(kernel(x, b, act="lrelu"), reference(x, b, act="lrelu"))


@pytest.mark.parametrize("act", ["linear", "lrelu", "swish"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gradient_may_come_in_another_layout(act, layout):
    x, dy = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    other = next(each for each in LAYOUTS if each is not layout)

    def gradient(x, dy):
        x = x.requires_grad_()
        return torch.autograd.grad(kernel(x, act=act), x, dy)[0]

    mixed = gradient(laid_out(x, layout), laid_out(dy, other))
    assert torch.equal(mixed, gradient(x.clone(), dy))


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 3, 0, 4)])
def test_empty_tensors_pass_through(shape):
    x, b = draw(*shape).requires_grad_(), draw(3).requires_grad_()
    y = kernel(x, b, act="lrelu")
    assert y.shape == shape
    dx, db = torch.autograd.grad(y.sum(), (x, b))
    assert dx.shape == shape
    assert torch.equal(db, torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("act", PIECEWISE)
def test_nan_and_infinity_come_out_as_the_definition_has_them(act):
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0, 0.0, 1.0], dtype=torch.float64)
    for clamp in (None, 2.0):
        y = kernel(x, act=act, dim=0, clamp=clamp)
        assert_close_in_units(y, reference(x, act=act, dim=0, clamp=clamp))


def test_a_clamp_that_bfloat16_rounds_still_stops_the_gradient():
    x = torch.tensor([[-9.0, 0.1, 9.0]], dtype=torch.bfloat16, requires_grad=True)
    y = kernel(x, act="linear", clamp=0.7)  # 0.7 is held as 0.69921875
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx.tolist() == [[0.0, 1.0, 0.0]]


def test_a_float32_bias_is_not_rounded_to_the_type_of_the_features():
    x, b = torch.ones(1, 1, dtype=torch.bfloat16), torch.tensor([0.0039], requires_grad=True)
    y = kernel(x, b, gain=256.0)
    assert y.item() == 256 + 2 * round(256 * 0.0039 / 2)  # bfloat16 next to 256 steps by 2
    (db,) = torch.autograd.grad(y.sum(), b)
    assert db.dtype is torch.float32


@pytest.mark.parametrize("act", ["linear", "lrelu", "swish"])
@pytest.mark.parametrize("clamp", [None, 0.7])
def test_torch_finds_nothing_wrong_with_the_operations(act, clamp):
    x = laid_out(draw(2, 3, 4, 4).float(), torch.channels_last).requires_grad_()
    b = draw(3).float().requires_grad_()
    call = (1, act, 0.2, 1.5, clamp)
    torch.library.opcheck(_forward, (x, b, *call))
    dy = draw(2, 3, 4, 4, seed=1).float().requires_grad_()
    torch.library.opcheck(_slope, (dy, x, b, None, *call))
    arguments = (dy.detach(), dy.detach(), x.detach(), b.detach(), *call)
    torch.library.opcheck(_bend, arguments, test_utils=("test_schema", "test_faketensor"))


def test_autocast_leaves_the_type_of_the_features_alone():
    x, b = draw(2, 3, 4, 4).float(), draw(3).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = kernel(x, b, act="lrelu")
    assert torch.equal(y, kernel(x, b, act="lrelu"))
