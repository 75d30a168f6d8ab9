"""Every case of every op_*.npz, whatever cases the folder holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
import torch
from archives import TOLERANCES, assert_agrees, cases, folder_of, load_once, number, sub
from torch import Tensor

from ganzoo.nn.convolution import SplitConvolution
from ganzoo.nn.dense import EqualizedDense
from ganzoo.ops import (
    ACTIVATIONS,
    bias_act,
    downsample2d,
    filter2d,
    minibatch_stddev,
    modulated_conv2d,
    resample_conv2d,
    second_moment_norm,
    setup_filter,
    upfirdn2d,
    upsample2d,
)

Case = Mapping[str, Tensor]


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        files = sorted(folder_of(metafunc.config).glob("op_*.npz"))
        found = [(path, case) for path in files for case in cases(path)]
        ids = [f"{path.stem}-{case}" for path, case in found]
        metafunc.parametrize(("path", "case"), found, ids=ids)


def test_op_agrees_with_the_published_one(path, case):
    families = FAMILIES.get(path.stem)
    assert families is not None, (
        f"{path.name} is no file of operations that this test knows; it knows "
        f"{', '.join(sorted(FAMILIES))}"
    )
    for pattern, check in families.items():
        match = re.fullmatch(pattern, case)
        if match:
            check(sub(load_once(path), case), *match.groups())
            return
    pytest.fail(
        f"{path.name}: the case {case!r} is of no family that this test knows; it knows "
        f"{', '.join(families)}"
    )


def test_an_unknown_file_or_case_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(AssertionError, match=r"op_sorcery\.npz is no file of operations"):
        test_op_agrees_with_the_published_one(tmp_path / "op_sorcery.npz", "case000")
    with pytest.raises(pytest.fail.Exception, match="'spell_0' is of no family"):
        test_op_agrees_with_the_published_one(tmp_path / "op_layers.npz", "spell_0")


def wants_gradient(case: Case, *keys: str) -> list[Tensor]:
    return [case[key].clone().requires_grad_() for key in keys]


def check_gradients(y: Tensor, case: Case, inputs: Mapping[str, Tensor]) -> None:
    """Gradients of ``y`` with the case's ``dy``; keys are the names of the expected ones."""
    gradients = torch.autograd.grad(y, list(inputs.values()), case["dy"])
    for name, gradient in zip(inputs, gradients, strict=True):
        assert_agrees(gradient, case[name], TOLERANCES["op"], name)


def resampling(case: Case) -> dict:
    return {
        "flip_filter": bool(number(case, "flip_filter", 0)),
        "gain": number(case, "gain", 1.0),
        "padding": case["padding"].tolist(),
    }


def check_upfirdn2d(case: Case) -> None:
    x, dy = wants_gradient(case, "x", "dy")
    up, down = case["up"].tolist(), case["down"].tolist()
    y = upfirdn2d(x, case.get("f"), up=up, down=down, **resampling(case))
    assert_agrees(y, case["y"], TOLERANCES["op"], "y")
    (dx,) = torch.autograd.grad(y, x, dy, create_graph=True)
    assert_agrees(dx, case["dx"], TOLERANCES["op"], "dx")
    (ddy,) = torch.autograd.grad(dx, dy, case["ddx"])
    assert_agrees(ddy, case["ddy"], TOLERANCES["op"], "ddy")


def check_resample2d(case: Case, name: str) -> None:
    (x,) = wants_gradient(case, "x")
    scale = case["scale"].tolist()
    if name == "filter2d":
        y = filter2d(x, case.get("f"), **resampling(case))
    elif name == "upsample2d":
        y = upsample2d(x, case.get("f"), up=scale, **resampling(case))
    else:
        y = downsample2d(x, case.get("f"), down=scale, **resampling(case))
    assert_agrees(y, case["y"], TOLERANCES["op"], "y")
    check_gradients(y, case, {"dx": x})


def check_setup_filter(case: Case) -> None:
    separable = number(case, "separable", -1)
    y = setup_filter(
        case["taps"],
        normalize=bool(number(case, "normalize", 1)),
        flip_filter=bool(number(case, "flip_filter", 0)),
        gain=number(case, "gain", 1.0),
        separable=None if separable < 0 else bool(separable),
        dtype=torch.float64,
    )
    assert_agrees(y, case["y"], TOLERANCES["setup_filter"], "y")


def check_default_of_activation(case: Case, name: str) -> None:
    assert ACTIVATIONS[name].alpha == number(case, "alpha")
    assert ACTIVATIONS[name].gain == number(case, "gain")


def check_bias_act(case: Case, name: str) -> None:
    x, dy = wants_gradient(case, "x", "dy")
    b = wants_gradient(case, "b")[0] if "b" in case else None
    options = {key: number(case, key) for key in ("alpha", "gain", "clamp")}
    y = bias_act(x, b, dim=number(case, "dim", 1), act=name, **options)
    assert_agrees(y, case["y"], TOLERANCES["op"], "y")
    first = {"dx": x} if b is None else {"dx": x, "db": b}
    gradients = torch.autograd.grad(y, list(first.values()), dy, create_graph=True)
    for key, gradient in zip(first, gradients, strict=True):
        assert_agrees(gradient, case[key], TOLERANCES["op"], key)
    second = {"d2_dy": dy, "d2_x": x} if b is None else {"d2_dy": dy, "d2_x": x, "d2_b": b}
    # A piecewise linear function has no second derivative, and autograd no path to x and b.
    gradients = torch.autograd.grad(
        gradients[0], list(second.values()), case["ddx"], materialize_grads=True
    )
    for key, gradient in zip(second, gradients, strict=True):
        assert_agrees(gradient, case[key], TOLERANCES["op"], key)


def convolution(case: Case) -> dict:
    return {
        "up": number(case, "up", 1),
        "down": number(case, "down", 1),
        "padding": number(case, "padding", 0),
        "flip_weight": bool(number(case, "flip_weight", 1)),
    }


def check_resample_conv2d(case: Case) -> None:
    x, w = wants_gradient(case, "x", "w")
    y = resample_conv2d(x, w, case.get("f"), groups=number(case, "groups", 1), **convolution(case))
    assert_agrees(y, case["y"], TOLERANCES["op"], "y")
    check_gradients(y, case, {"dx": x, "dw": w})


def check_modulated_conv2d(case: Case) -> None:
    x, w, styles = wants_gradient(case, "x", "w", "styles")
    demodulate = bool(number(case, "demodulate", 1))
    options = {"f": case.get("f"), "noise": case.get("noise"), "demodulate": demodulate}
    y = modulated_conv2d(x, w, styles, **options, **convolution(case))
    assert_agrees(y, case["y"], TOLERANCES["op"], "y")
    check_gradients(y, case, {"dx": x, "dw": w, "dstyles": styles})


def check_minibatch_stddev(case: Case) -> None:
    (x,) = wants_gradient(case, "x")
    group, channels = number(case, "group_size"), number(case, "num_channels")
    if number(case, "raises", 0):
        with pytest.raises(ValueError, match="do not divide into groups"):
            minibatch_stddev(x, group, channels)
        return
    y = torch.cat((x, minibatch_stddev(x, group, channels)), dim=1)
    assert_agrees(y, case["y"], TOLERANCES["layer"], "y")
    check_gradients(y, case, {"dx": x})


def check_second_moment_norm(case: Case) -> None:
    (x,) = wants_gradient(case, "x")
    y = second_moment_norm(x)
    assert_agrees(y, case["y"], TOLERANCES["layer"], "y")
    check_gradients(y, case, {"dx": x})


def check_dense(case: Case, activation: str) -> None:
    (x,) = wants_gradient(case, "x")
    outputs, inputs = case["weight"].shape
    lr_scale = number(case, "lr_multiplier", 1.0)
    layer = EqualizedDense(inputs, outputs, activation=activation, lr_scale=lr_scale).double()
    layer.weight.data.copy_(case["weight"])
    layer.bias.data.copy_(case.get("bias", torch.zeros(outputs)))
    y = layer(x)
    assert_agrees(y, case["y"], TOLERANCES["layer"], "y")
    wanted = {"dx": x, "dweight": layer.weight}
    check_gradients(y, case, wanted | ({"dbias": layer.bias} if "bias" in case else {}))


def check_convolution(case: Case, activation: str) -> None:
    """Our layer has no gain of its own, and keeps correlation weights when it upsamples."""
    (x,) = wants_gradient(case, "x")
    (outputs, inputs, kernel, _), up = case["weight"].shape, number(case, "up", 1)
    layer = SplitConvolution(
        inputs,
        outputs,
        kernel,
        up=up,
        down=number(case, "down", 1),
        activation=activation,
        bias="bias" in case,
        clamp=number(case, "conv_clamp"),
    ).double()
    weight = case["weight"].flip((2, 3)) if up > 1 else case["weight"].clone()
    layer.weight.data.copy_(weight)
    if layer.bias is not None:
        layer.bias.data.copy_(case["bias"])
    y = layer(x) * number(case, "gain", 1.0)
    assert_agrees(y, case["y"], TOLERANCES["layer"], "y")
    parameters = [x, layer.weight] + ([layer.bias] if layer.bias is not None else [])
    dx, dweight, *dbias = torch.autograd.grad(y, parameters, case["dy"])
    assert_agrees(dx, case["dx"], TOLERANCES["layer"], "dx")
    dweight = dweight.flip((2, 3)) if up > 1 else dweight
    assert_agrees(dweight, case["dweight"], TOLERANCES["layer"], "dweight")
    if dbias:
        assert_agrees(dbias[0], case["dbias"], TOLERANCES["layer"], "dbias")


NUMBER = r"_\d+"
ANY_ACTIVATION = "|".join(ACTIVATIONS)
FAMILIES: dict[str, dict[str, Callable[..., None]]] = {
    "op_upfirdn2d": {r"case\d+": check_upfirdn2d},
    "op_resample2d": {
        rf"(filter2d|upsample2d|downsample2d){NUMBER}": check_resample2d,
        r"setup_filter_\w+": check_setup_filter,
    },
    "op_bias_act": {
        rf"default_({ANY_ACTIVATION})": check_default_of_activation,
        rf"({ANY_ACTIVATION}){NUMBER}": check_bias_act,
    },
    "op_conv2d_resample": {r"case\d+": check_resample_conv2d},
    "op_modulated_conv2d": {r"case\d+": check_modulated_conv2d},
    "op_layers": {
        rf"mbstd{NUMBER}": check_minibatch_stddev,
        rf"norm2{NUMBER}": check_second_moment_norm,
        rf"fc_({ANY_ACTIVATION}){NUMBER}": check_dense,
        rf"conv_({ANY_ACTIVATION}){NUMBER}": check_convolution,
    },
}
