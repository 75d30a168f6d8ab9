"""The fast arrangements of layer epilogue and modulation against their definitions."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from ganzoo.ops import ACTIVATIONS, bias_act, layer_epilogue, map_blocks, modulate
from ganzoo.ops.layer_epilogue_kernel import layer_epilogue_kernel
from ganzoo.ops.modulate_kernel import modulate_kernel

LAYOUTS = (torch.contiguous_format, torch.channels_last)
NAMES = ("factors", "noise", "strength", "bias", "next_styles")
CHOICES = [
    chosen
    for number in range(6)
    for chosen in itertools.combinations(NAMES, number)
    if "noise" in chosen or "strength" not in chosen
]


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def arguments(names, *, one=True, layout=torch.contiguous_format, shape=(3, 5, 4, 6)):
    """x and the named arguments; one map and one strength for all, or one for each."""
    number, channels, height, width = shape
    shapes = {
        "factors": (number, channels),
        "noise": (1 if one else number, 1, height, width),
        "strength": () if one else (channels,),
        "bias": (channels,),
        "next_styles": (number, channels),
    }
    x = draw(*shape).contiguous(memory_format=layout)
    return {"x": x, **{n: draw(*shapes[n], seed=NAMES.index(n) + 1) for n in names}}


def run(call, impl="auto", **options):
    call = dict(call)
    return layer_epilogue(call.pop("x"), **call, **options, impl=impl)


def derivatives(call, impl, **options):
    """y, its gradients, and theirs."""
    leaves = {name: t.clone().requires_grad_(name != "noise") for name, t in call.items()}
    moved = [t for t in leaves.values() if t.requires_grad]
    y = run(leaves, impl, **options)
    dy = draw(*y.shape, seed=9).to(y.dtype).requires_grad_()
    first = torch.autograd.grad(y, moved, dy, create_graph=True)
    pairs = [
        (t, draw(*t.shape, seed=i).to(t.dtype)) for i, t in enumerate(first) if t.requires_grad
    ]
    second = torch.autograd.grad(
        [t for t, _ in pairs],
        [dy, *moved],
        [d for _, d in pairs],
        allow_unused=True,
        materialize_grads=True,
    )
    return (y, *first, *second)


@pytest.fixture(params=[24, 1 << 17], ids=["small-blocks", "one-block"])
def blocks(request, monkeypatch):
    """Rows of a sample in blocks of their own, or everything in one."""
    monkeypatch.setattr(map_blocks, "BLOCK", request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("one", [True, False])
def test_every_choice_of_arguments_has_the_derivatives_of_the_definition(one, layout):
    ways = itertools.cycle(
        ({"act": "lrelu"}, {"act": "relu", "gain": 1.0}, {}, {"act": "lrelu", "clamp": 0.9})
    )
    for names, options in zip(CHOICES[1:], ways):
        call = arguments(names, one=one, layout=layout)
        found = derivatives(call, "auto", **options)
        expected = derivatives(call, "reference", **options)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
        assert found[0].stride() == call["x"].stride()


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_every_activation_gain_and_clamp_is_that_of_the_definition(act):
    for options in (
        {},
        {"gain": -1.3, "alpha": -0.4, "clamp": 0.7},
        {"gain": 0.0},
        {"alpha": 1.7, "clamp": 1.0},
    ):
        call = arguments(NAMES, one=False)
        found, expected = (
            derivatives(call, impl, act=act, **options) for impl in ("auto", "reference")
        )
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_it_is_bias_act_of_scaled_and_noisy_features():
    call = arguments(NAMES[:4])
    noisy = call["x"] * call["factors"][:, :, None, None] + call["noise"] * call["strength"]
    expected = bias_act(noisy, call["bias"], act="lrelu", clamp=1.5)
    for impl in ("auto", "reference"):
        torch.testing.assert_close(run(call, impl, act="lrelu", clamp=1.5), expected)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("act", ["linear", "lrelu", "softplus"])
def test_the_fast_form_differentiates_twice(act):
    call = arguments(NAMES, one=False, shape=(2, 2, 3, 4))
    leaves = {k: t if k == "noise" else t.requires_grad_() for k, t in call.items()}

    def function(*values):
        return run(dict(zip(call, values)), act=act, clamp=1.2)

    assert gradcheck(function, tuple(leaves.values()))
    assert gradgradcheck(function, tuple(leaves.values()))


def test_the_registered_operations_differentiate_twice_without_a_kernel():
    call = arguments(NAMES, one=False, shape=(2, 2, 3, 2))
    inputs = [t if k == "noise" else t.requires_grad_() for k, t in call.items()]

    def epilogue(*values):
        return layer_epilogue_kernel(*values, 0.2, 1.4, 1.1)

    for function, values in ((epilogue, inputs), (modulate_kernel, (inputs[0], inputs[5]))):
        assert gradcheck(function, tuple(values))
        assert gradgradcheck(function, tuple(values))


def test_third_derivatives_exist():
    call = arguments(NAMES, one=False)

    def third(impl):
        leaves = {k: t.clone().requires_grad_(k != "noise") for k, t in call.items()}
        moved = [t for t in leaves.values() if t.requires_grad]
        value = run(leaves, impl, act="lrelu").square().mean()
        for _ in range(3):
            gradients = torch.autograd.grad(value, moved, create_graph=True)
            value = sum(t.square().mean() for t in gradients)
        return value.detach()

    torch.testing.assert_close(third("auto"), third("reference"), rtol=1e-9, atol=0)


def test_a_map_that_somebody_moves_gets_its_gradient():
    call = arguments(NAMES[:4])

    def gradient(impl):
        noise = call["noise"].clone().requires_grad_()
        y = run(call | {"noise": noise}, impl, act="lrelu")
        return torch.autograd.grad(y.square().sum(), noise)[0]

    torch.testing.assert_close(gradient("auto"), gradient("reference"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_precision_rounds_once_forward(layout, dtype):
    call = {k: t.float() for k, t in arguments(NAMES[:4], layout=layout).items()}
    call["x"] = call["x"].to(dtype)
    y = run(call, act="lrelu", clamp=0.7)
    exact = run({k: t.double() for k, t in call.items()}, "reference", act="lrelu", clamp=0.7)
    assert y.dtype is dtype
    # Half a unit in the last place of the element itself; float32 sums may turn a tie.
    half_unit = 0.51 * torch.finfo(dtype).eps * exact.abs()
    assert ((y.double() - exact).abs() <= half_unit + 1e-6).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_half_precision_keeps_derivatives_to_its_rounding(layout, dtype):
    call = {k: t.float() for k, t in arguments(NAMES, layout=layout).items()}
    call["x"] = call["x"].to(dtype)
    found = derivatives(call, "auto", act="lrelu")
    expected = derivatives({k: t.double() for k, t in call.items()}, "reference", act="lrelu")
    for a, b in zip(found, expected, strict=True):
        # Directions, results and gradients are rounded one after another; sums average them.
        torch.testing.assert_close(
            a.double(), b, rtol=0, atol=16 * torch.finfo(dtype).eps * b.abs().max().item()
        )


def test_elements_on_the_clamp_get_no_gradient_in_any_type():
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        x = torch.full((1, 1, 1, 2), 3.0, dtype=dtype, requires_grad=True)
        # 0.7 is 0.69921875 in bfloat16: y compared with 0.7 would never be at the limit.
        y = layer_epilogue(x, bias=torch.zeros(1), act="lrelu", clamp=0.7)
        assert not torch.autograd.grad(y.sum(), x)[0].any()


def test_without_gradients_nothing_is_kept():
    call = arguments(NAMES)
    with torch.no_grad():
        y = run({k: t.requires_grad_() for k, t in call.items()}, act="lrelu")
    assert y.grad_fn is None


def test_two_tensors_of_the_size_of_the_features_are_kept_at_most():
    call = {k: t.requires_grad_(k != "noise") for k, t in arguments(NAMES[:4]).items()}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda t: t):
        y = run(call, act="lrelu")
    large = [t for t in kept if t is not None and t.shape == y.shape]
    assert {t.data_ptr() for t in large} == {call["x"].data_ptr(), y.data_ptr()}


class Names(TorchDispatchMode):
    """The names of torch's operations, as they run."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen = {*getattr(self, "seen", ()), func.overloadpacket.__name__}
        return func(*args, **(kwargs or {}))


def test_sums_that_nobody_asked_for_are_not_made():
    call = {k: t.requires_grad_(k != "noise") for k, t in arguments(NAMES[:4]).items()}
    y = run(call, act="lrelu")
    seen = {}
    for wanted in ("x", "bias"):
        with Names() as names:
            torch.autograd.grad(y, call[wanted], torch.ones_like(y), retain_graph=True)
        seen[wanted] = names.seen
    assert not seen["x"] & {"sum", "bmm"}
    assert "sum" in seen["bias"]


def test_nothing_to_do_gives_back_the_features():
    x = draw(2, 3, 4, 4)
    assert layer_epilogue(x) is x
    assert layer_epilogue(x, strength=torch.ones(3)) is x


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 3, 0, 4)])
def test_nothing_gives_nothing(shape):
    call = arguments(NAMES, shape=shape)
    for part in derivatives(call, "auto", act="lrelu"):
        assert not part.any()


def test_gradients_in_the_other_layout_are_taken():
    call = arguments(NAMES, layout=torch.channels_last)
    x = call["x"].requires_grad_()
    dy = draw(*x.shape, seed=3)
    expected = torch.autograd.grad(run(call, "reference", act="lrelu"), x, dy)[0]
    for layout in LAYOUTS:
        (gx,) = torch.autograd.grad(run(call, act="lrelu"), x, dy.contiguous(memory_format=layout))
        torch.testing.assert_close(gx, expected)
        assert gx.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"factors": torch.ones(5)}, r"factors has the shape \(5,\).*expected \[3, 5\]"),
        ({"noise": torch.ones(2, 1, 4, 6)}, r"noise .*expected \[3, 1, 4, 6\] or \[1, 1, 4, 6\]"),
        ({"strength": torch.ones(1)}, r"strength .*expected \[\] or \[5\]"),
        ({"bias": torch.ones(4)}, r"bias .*expected \[5\]"),
        ({"next_styles": torch.ones(5, 3)}, r"next_styles .*expected \[3, 5\]"),
        ({"act": "gelu"}, "no activation is named 'gelu'"),
        ({"clamp": -1.0}, "clamp is -1.0"),
        ({"impl": "fast"}, "impl is 'fast'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_a_sentence(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        layer_epilogue(draw(3, 5, 4, 6), **({"bias": torch.ones(5)} | wrong))


def test_features_without_four_axes_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"x has the shape \(3, 5\); expected \[N, C, H, W\]"):
        layer_epilogue(torch.ones(3, 5))
    with pytest.raises(ValueError, match=r"styles have the shape \(5,\)"):
        modulate(torch.ones(3, 5, 2, 2), torch.ones(5))


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_modulation_and_its_derivatives_are_those_of_the_definition(layout):
    x = draw(2, 3, 4, 3).contiguous(memory_format=layout).requires_grad_()
    styles = draw(2, 3, seed=1).requires_grad_()
    torch.testing.assert_close(modulate(x, styles), x * styles[:, :, None, None])
    assert modulate(x, styles).is_contiguous(memory_format=layout)
    assert gradcheck(modulate, (x, styles))
    assert gradgradcheck(modulate, (x, styles))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_modulation_keeps_the_type_of_the_features(dtype):
    x, styles = draw(2, 3, 4, 4).to(dtype).requires_grad_(), draw(2, 3).float().requires_grad_()
    y = modulate(x, styles)
    gx, gs = torch.autograd.grad(y.sum(), (x, styles))
    assert y.dtype is gx.dtype is dtype
    assert gs.dtype is torch.float32


@pytest.mark.parametrize("fast", [layer_epilogue, modulate])
def test_the_environment_forces_the_definition(fast, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    factors = draw(2, 3, seed=1).requires_grad_()
    call = {"factors": factors} if fast is layer_epilogue else {"styles": factors}
    y = fast(draw(2, 3, 4, 4), **call)
    assert "_Epilogue" not in type(y.grad_fn).__name__


@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_autocast_changes_nothing(impl):
    call = {k: t.float() for k, t in arguments(NAMES, layout=torch.channels_last).items()}
    expected = derivatives(call, impl, act="lrelu", clamp=1.0)
    with torch.autocast("cpu", torch.bfloat16):
        found = derivatives(call, impl, act="lrelu", clamp=1.0)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
