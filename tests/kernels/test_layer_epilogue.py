"""The kernels of the layer epilogue, emulated, against the definition."""

from __future__ import annotations

import itertools

import pytest
import torch
from comparing import BLOCKS, DTYPES, LAYOUTS, assert_close_in_units, draw, laid_out, with_offset
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.backends.cupy_kernels import dense, maps
from ganzoo.backends.cupy_kernels import layer_epilogue as kernels
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.ops import ACTIVATIONS, layer_epilogue
from ganzoo.ops.layer_epilogue_kernel import _backward, _forward

pytestmark = pytest.mark.usefixtures("emulator")

NAMES = ("factors", "noise", "strength", "bias", "next_styles")
SOME = (
    NAMES,
    (),
    ("factors",),
    ("noise", "strength", "bias"),
    ("noise", "bias"),
    ("factors", "noise", "strength", "bias"),
    ("bias", "next_styles"),
    ("next_styles",),
)
"""Choices of arguments, the first with all of them."""


def arguments(shape, names, dtype=torch.float64, *, one_map=False, one_strength=True):
    """The named arguments for an x of ``shape``, which comes first."""
    number, channels, height, width = shape
    shapes = {
        "factors": (number, channels),
        "noise": (1 if one_map else number, 1, height, width),
        "strength": () if one_strength else (channels,),
        "bias": (channels,),
        "next_styles": (number, channels),
    }
    drawn = {name: draw(*shapes[name], seed=NAMES.index(name) + 1) for name in names}
    return {"x": draw(*shape).to(dtype), **{k: v.to(dtype) for k, v in drawn.items()}}


def run(impl, call, **options):
    call = dict(call)
    return layer_epilogue(call.pop("x"), **call, **options, impl=impl)


def gradients(impl, call, order, dtype=torch.float64, **options):
    """First or second derivatives, along directions that ``dtype`` can hold."""
    leaves = {name: t.clone().requires_grad_(name != "noise") for name, t in call.items()}
    y = run(impl, leaves, **options)
    moved = [t for t in leaves.values() if t.requires_grad]
    dy = draw(*y.shape, seed=11).to(dtype).to(y.dtype).requires_grad_()
    first = torch.autograd.grad(y, moved, dy, create_graph=order == 2)
    if order == 1:
        return first
    towards = [draw(*t.shape, seed=12 + i).to(dtype).to(t.dtype) for i, t in enumerate(first)]
    pairs = [(t, d) for t, d in zip(first, towards) if t.requires_grad]
    return torch.autograd.grad(
        [t for t, _ in pairs],
        [dy, *moved],
        [d for _, d in pairs],
        materialize_grads=True,
        allow_unused=True,
    )


def wide(call):
    return {name: t.double() for name, t in call.items()}


def mixed(call, dtype, layout):
    """``x`` in a type and layout, the rest in the type it has beside such an x."""
    rest = torch.promote_types(dtype, torch.float32)
    return {k: laid_out(t.to(dtype), layout) if k == "x" else t.to(rest) for k, t in call.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_results_are_those_of_the_definition(layout, dtype):
    # Odd sizes; channels that are no multiple of a pack; a tile of channels and a bit more.
    for shape in ((2, 5, 3, 7), (1, 8, 4, 4), (3, 264, 2, 3)):
        for names, options in zip(
            SOME, itertools.cycle(({"act": "lrelu"}, {"act": "relu", "clamp": 0.7}, {}))
        ):
            call = arguments(shape, names, one_map=not len(names) % 2)
            call = mixed(call, dtype, layout)
            y = run("cupy", call, **options)
            assert_close_in_units(y, run("reference", wide(call), **options))
            assert y.dtype is dtype
            assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_every_activation_gain_and_clamp_is_that_of_the_definition(act):
    for options in ({}, {"gain": -1.3, "alpha": -0.4, "clamp": 0.7}, {"gain": 0.0}):
        call = arguments((2, 3, 4, 5), NAMES, one_strength=False)
        found, expected = (run(impl, call, act=act, **options) for impl in ("cupy", "reference"))
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("names", SOME, ids="+".join)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_derivatives_are_those_of_the_definition(layout, names, order):
    for act, clamp, one in (("lrelu", None, True), ("relu", 0.9, False), ("linear", None, True)):
        call = arguments((3, 5, 4, 3), names, one_map=one, one_strength=one)
        call["x"] = laid_out(call["x"], layout)
        found, expected = (
            gradients(impl, call, order, act=act, clamp=clamp)
            if run(impl, wide(call), act=act, clamp=clamp) is not call["x"]
            else ()
            for impl in ("cupy", "reference")
        )
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_keep_to_the_rounding_of_every_type(order, layout, dtype):
    call = mixed(arguments((2, 24, 5, 4), NAMES), dtype, layout)
    found = gradients("cupy", call, order, dtype, act="lrelu")
    expected = gradients("reference", wide(call), order, dtype, act="lrelu")
    for a, b in zip(found, expected, strict=True):
        # A sum over 960 products of rounded numbers, some of them a difference of such sums.
        assert_close_in_units(a.to(dtype), b, units=64)


@pytest.mark.parametrize("act", ["linear", "lrelu", "tanh"])
@pytest.mark.parametrize("names", SOME[:1] + SOME[3:4], ids="+".join)
def test_kernels_differentiate_twice(names, act):
    call = arguments((2, 3, 2, 2), names)
    call = {k: t if k == "noise" else t.requires_grad_() for k, t in call.items()}

    def function(*values):
        return run("cupy", dict(zip(call, values)), act=act, clamp=1.1)

    assert gradcheck(function, tuple(call.values()))
    assert gradgradcheck(function, tuple(call.values()))


def test_a_map_that_somebody_moves_gets_its_gradient():
    call = arguments((2, 3, 4, 4), NAMES)

    def gradient(impl):
        noise = call["noise"].clone().requires_grad_()
        y = run(impl, call | {"noise": noise}, act="lrelu")
        return torch.autograd.grad(y.square().sum(), noise)[0]

    torch.testing.assert_close(gradient("cupy"), gradient("reference"), rtol=1e-11, atol=1e-11)


def test_a_third_derivative_exists():
    call = arguments((2, 3, 2, 2), NAMES)

    def third(impl):
        leaves = {k: t if k == "noise" else t.clone().requires_grad_() for k, t in call.items()}
        moved = [t for k, t in leaves.items() if k != "noise"]
        value = run(impl, leaves, act="lrelu").square().sum()
        for _ in range(3):
            value = sum(
                t.square().sum() for t in torch.autograd.grad(value, moved, create_graph=True)
            )
        return value.detach()

    torch.testing.assert_close(third("cupy"), third("reference"), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("block", "reverse"), BLOCKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_size_and_order_of_blocks_change_nothing(block, reverse, layout, built, monkeypatch):
    monkeypatch.setattr(maps, "VISITS", 2)  # several chunks of pixels, so that stages are two
    call = arguments((2, 40, 17, 16), NAMES)
    call = mixed(call, torch.float32, layout)
    expected = gradients("cupy", call, 1, act="lrelu")
    with using(built.with_(block=block, reverse=reverse)):
        found = gradients("cupy", call, 1, act="lrelu")
    assert torch.equal(found[0], expected[0])
    for a, b in zip(found[1:], expected[1:]):
        assert_close_in_units(a, b.double(), units=16)  # sums, in another order


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sums_come_out_the_same_every_time(layout):
    call = arguments((2, 12, 9, 8), NAMES)
    call = mixed(call, torch.float32, layout)
    first, second = (gradients("cupy", call, 1, act="lrelu") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("asked", [0, 1, 2, 3])
def test_a_sum_that_nobody_asks_for_is_not_made_and_changes_no_other(asked, layout):
    x, g = (laid_out(draw(2, 12, 9, 8, seed=s).float(), layout) for s in (1, 2))
    layer = kernels.Layer(
        factors=None,
        noise=draw(1, 1, 9, 8),
        strength=None,
        bias=None,
        alpha=0.2,
        gain=1,
        clamp=None,
    )
    _, everything = kernels.gradient(g, x, layer, None)
    _, found = kernels.gradient(g, x, layer, None, wanted=[q == asked for q in range(4)])
    assert everything[:4].ne(0).all()
    for q, (sums, expected) in enumerate(zip(found, everything)):
        assert torch.equal(sums, expected if q == asked else torch.zeros_like(expected))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_blocks_go_round_again_where_they_run_out(layout, monkeypatch):
    call = arguments((3, 8, 8, 8), NAMES)
    call["x"] = laid_out(call["x"], layout)
    expected = gradients("cupy", call, 1, act="lrelu")
    monkeypatch.setattr(dense, "MOST_BLOCKS", 2)
    found = gradients("cupy", call, 1, act="lrelu")
    assert all(torch.equal(a, b) for a, b in zip(found, expected))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_address_and_any_strides_will_do(layout, dtype):
    call = arguments((2, 8, 4, 4), NAMES, dtype)
    call["x"] = laid_out(call["x"], layout)
    expected = run("cupy", call, act="lrelu")
    for x in (with_offset(call["x"]), call["x"].transpose(2, 3).contiguous().transpose(2, 3)):
        assert torch.equal(run("cupy", call | {"x": x}, act="lrelu"), expected)


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4), (2, 3, 0, 4)])
def test_nothing_gives_nothing(shape):
    call = {k: t.requires_grad_(k != "noise") for k, t in arguments(shape, NAMES).items()}
    y = run("cupy", call, act="lrelu")
    assert y.shape == shape
    moved = [t for k, t in call.items() if k != "noise"]
    for gradient, t in zip(torch.autograd.grad(y.sum(), moved), moved):
        assert gradient.shape == t.shape
        assert not gradient.any()


def test_nan_and_infinity_are_those_of_the_definition():
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0]).reshape(1, 1, 2, 2)
    for act in ("linear", "relu", "lrelu"):
        found, expected = (
            layer_epilogue(x, bias=torch.zeros(1), act=act, clamp=clamp, impl=impl)
            for clamp in (None,)
            for impl in ("cupy", "reference")
        )
        torch.testing.assert_close(found, expected, equal_nan=True)


@pytest.mark.parametrize("emulated", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_operations_are_registered_as_torch_wants_them(layout, emulated, emulator, monkeypatch):
    if not emulated:
        monkeypatch.setattr("ganzoo.ops.layer_epilogue_kernel.stand_in", lambda: None)
    call = arguments((2, 3, 4, 5), NAMES)
    x = laid_out(call.pop("x"), layout).requires_grad_()
    rest = [t if k == "noise" else t.requires_grad_() for k, t in call.items()]
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    numbers = (0.2, 1.4, 0.8)
    torch.library.opcheck(_forward, (x, *rest, *numbers), test_utils=checks)
    torch.library.opcheck(_forward, (x, None, None, None, None, None, *numbers))
    gy = draw(2, 3, 4, 5, seed=9).requires_grad_()
    torch.library.opcheck(_backward, (gy, x, *rest, *numbers, False), test_utils=checks)
    few = (None, rest[1], rest[2], rest[3], None)
    torch.library.opcheck(_backward, (gy, x.detach(), *few, *numbers, True), test_utils=checks)
