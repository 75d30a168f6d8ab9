"""Equalized layers, the kit that makes them, and the sizes of a pyramid."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from ganzoo.errors import BadValue
from ganzoo.nn.latent_mlp import LatentMlp
from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.pyramid import active_level, channels_at, num_doublings
from ganzoo.nn.resampling import Blur

ROOT2 = math.sqrt(2)


def images(channels=3, side=8, n=2):
    random = torch.Generator().manual_seed(3)
    return torch.randn(n, channels, side, side, generator=random, dtype=torch.float64)


def close(a, b):
    # float64, a handful of operations in another order
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("gain", ["activation", "weight"])
def test_dense_is_the_published_formula(gain):
    layer = LayerKit(gain=gain).dense(5, 4, lr_scale=0.01, bias_init=2.0).double()
    x = images().flatten(1)[:, :5]
    on_weight, behind = (1, ROOT2) if gain == "activation" else (ROOT2, 1)
    y = x @ layer.weight.t() * (0.01 * on_weight / math.sqrt(5)) + layer.bias * 0.01
    close(layer(x), F.leaky_relu(y, 0.2) * behind)


@pytest.mark.parametrize("gain", ["activation", "weight"])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_both_halves_are_the_whole_layer(gain, up, down, kernel):
    torch.manual_seed(0)
    kit = LayerKit(gain=gain, clamp=0.1, blur=(1, 2, 1))
    layer = kit.conv(3, 4, kernel, up=up, down=down).double()
    layer.bias.data.normal_()
    x = images()
    whole = layer(x)
    close(whole, layer.finish(layer.linear(x)))
    assert whole.shape == (2, 4, 8 * up // down, 8 * up // down)
    assert whole.abs().max() == 0.1
    close(layer.linear(x, scale=1.0) * layer.scale, layer.linear(x))


def test_a_convolution_is_the_published_formula():
    layer = LayerKit().conv(3, 4, 3).double()
    layer.bias.data.normal_()
    x = images()
    y = F.conv2d(x, layer.weight / math.sqrt(27), layer.bias, padding=1)
    close(layer(x), F.leaky_relu(y, 0.2) * ROOT2)


def test_kernel_0_is_the_layer_without_its_convolution():
    layer = LayerKit().conv(3, 3, 0).double()
    x = images()
    assert layer.linear(x) is x
    close(layer(x), F.leaky_relu(x, 0.2) * ROOT2)
    assert [name for name, _ in layer.named_parameters()] == ["bias"]


def test_nearest_and_box_are_the_filter_1_1():
    kit = LayerKit(resample=(1, 1))
    x = images()
    close(kit.upsample.double()(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    close(kit.downsample.double()(x), F.avg_pool2d(x, 2))
    up = kit.conv(3, 4, 3, up=2, activation="linear", bias=False).double()
    wide = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    close(up(x), F.conv2d(wide, up.weight * up.scale, padding=1))


def test_the_image_may_be_resampled_by_other_taps():
    kit = LayerKit(image_resample=(1, 1))
    close(kit.upsample.double()(images()), F.interpolate(images(), scale_factor=2))


def test_the_blur_has_a_border_of_its_own():
    x = images()
    blurred = Blur("blur", (1, 2, 1)).double()(x)
    taps = torch.tensor([1.0, 2, 1], dtype=torch.float64)
    kernel = (torch.outer(taps, taps) / 16).expand(3, 1, 3, 3)
    close(blurred, F.conv2d(x, kernel, padding=1, groups=3))
    plain, soft = LayerKit(resample=(1, 1)), LayerKit(resample=(1, 1), blur=(1, 2, 1))
    for direction in ({"up": 2}, {"down": 2}):
        torch.manual_seed(0)
        bare = plain.conv(3, 4, 3, bias=False, **direction).double()
        torch.manual_seed(0)
        layer = soft.conv(3, 4, 3, bias=False, **direction).double()
        blur = Blur("blur", (1, 2, 1)).double()
        expected = blur(bare.linear(x)) if "up" in direction else bare.linear(blur(x))
        close(layer.linear(x), expected)


def test_only_layers_with_a_bias_are_clamped():
    kit = LayerKit(clamp=0.1)
    assert kit.conv(3, 4, 1, bias=False).clamp is None
    assert kit.conv(3, 4, 1).clamp == 0.1
    assert kit.unclamped().conv(3, 4, 1).clamp is None


def test_filters_follow_the_layer_and_stay_out_of_its_state():
    layer = LayerKit().conv(3, 4, 3, up=2)
    assert set(layer.state_dict()) == {"weight", "bias"}
    twin = copy.deepcopy(layer).double()
    assert twin(images()).dtype == torch.float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 4, 2), "a kernel is 2 wide; expected an odd number"),
        ((3, 4, 0), "a layer without a convolution keeps its channels"),
        ((3, 4, 3, 1, 1, "swish"), "activation 'swish' is unknown; expected one of linear, relu"),
    ],
)
def test_layers_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(BadValue, match=message):
        LayerKit().conv(*arguments)


def test_a_filter_needs_a_sum():
    with pytest.raises(BadValue, match=r"resample is \[1, -1\]; expected taps with a sum"):
        LayerKit(resample=(1, -1), image_resample=(1, 1)).conv(3, 4, 3, up=2)


@pytest.mark.parametrize("label", ["affine", "matrix"])
def test_labels_are_normalized_apart_or_together(label):
    mapping = LatentMlp(5, 3, LayerKit().dense, depth=1, width=4, label=label).double()
    seen = []
    mapping.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    z = images().flatten(1)[:, :5]
    mapping(z, torch.eye(3, dtype=torch.float64)[:2])
    (x,) = seen
    z_part, label_part = x[:, :5].square().mean(1), x[:, 5:].square().mean(1)
    both = x.square().mean(1)
    one = torch.ones(2, dtype=torch.float64)
    if label == "affine":
        assert x.shape == (2, 5 + 4)
        torch.testing.assert_close(z_part, one)
        torch.testing.assert_close(label_part, one)
    else:
        assert x.shape == (2, 5 + 5)
        torch.testing.assert_close(both, one)
        assert (z_part - one).abs().min() > 1e-3


def test_a_mapping_has_the_widths_it_was_told():
    mapping = LatentMlp(5, 0, LayerKit().dense, depth=3, width=4, hidden=7)
    assert [tuple(layer.weight.shape) for layer in mapping.layers] == [(7, 5), (7, 7), (4, 7)]
    assert mapping.layers[0].weight.std() > 50  # N(0, 1 / lr_scale)


def test_a_mapping_without_layers_or_input_is_refused():
    with pytest.raises(BadValue, match=r"depth is 0; expected at least 1.*ganzoo/identity"):
        LatentMlp(5, 0, LayerKit().dense, depth=0)
    with pytest.raises(BadValue, match="neither a latent nor a label"):
        LatentMlp(0, 0, LayerKit().dense)
    with pytest.raises(ValueError, match=r"a conditional mapping needs labels \[N, 3\]"):
        LatentMlp(5, 3, LayerKit().dense)(torch.zeros(2, 5), None)


@pytest.mark.parametrize(
    ("resolution", "base", "nearest"),
    [
        ((48, 48), (4, 4), "32 x 32 or 64 x 64"),
        ((4, 4), (4, 4), "8 x 8"),
        ((28, 28), (7, 7), None),
        ((32, 64), (4, 4), "32 x 32 or 64 x 64"),
        ((384, 512), (3, 4), None),
        ((0, 0), (4, 4), "8 x 8"),
    ],
)
def test_a_resolution_is_the_base_grid_doubled(resolution, base, nearest):
    if nearest is None:
        k = num_doublings(resolution, base)
        assert (base[0] * 2**k, base[1] * 2**k) == resolution
    else:
        with pytest.raises(BadValue, match=f"Nearest: {nearest}"):
            num_doublings(resolution, base)


def test_channels_halve_beyond_the_maximum_and_never_vanish():
    assert [channels_at(4 << k, 32768, 512) for k in range(9)] == [512] * 5 + [256, 128, 64, 32]
    assert channels_at(1024, 512, 512) == 1


def test_only_a_growing_network_stops_below_its_last_level():
    assert active_level(None, 1.0, 3, grows=False) == 3
    assert active_level(1, 0.5, 3, grows=True) == 1
    with pytest.raises(ValueError, match="does not grow; expected level 3 at fade 1"):
        active_level(2, 1.0, 3, grows=False)
    with pytest.raises(ValueError, match="does not grow"):
        active_level(3, 0.5, 3, grows=False)
    with pytest.raises(ValueError, match="level 4 is none of this network's; expected 0 to 3"):
        active_level(4, 1.0, 3, grows=True)
