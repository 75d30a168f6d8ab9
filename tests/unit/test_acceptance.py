"""Facts about the published networks that anything of their name must reproduce, one each."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from small_networks import GENERATOR_BLOCKS, site

from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.noise import FreshNoise, NoNoise
from ganzoo.ops import (
    downsample2d,
    filter2d,
    minibatch_stddev,
    modulated_conv2d,
    resample_conv2d,
    setup_filter,
    upfirdn2d,
    upsample2d,
)
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.network.style_generator import StyleGenerator
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.registry.contracts import ConvSite


def normal(*shape, seed=0, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=dtype)


def close(a, b):
    # float64; the same sums, in another order
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


# Resampling (StyleGAN2's upfirdn_2d)


def test_two_equal_taps_repeat_pixels_and_average_boxes():
    x, box = normal(2, 3, 8, 10), setup_filter([1, 1], dtype=torch.float64)
    close(upsample2d(x, box), F.interpolate(x, scale_factor=2, mode="nearest"))
    close(downsample2d(x, box), F.avg_pool2d(x, 2))


def test_four_taps_are_bilinear_inside_and_shrink_to_zero_at_the_border():
    x, fir = normal(2, 3, 8, 10), setup_filter([1, 3, 3, 1], dtype=torch.float64)
    up, down = upsample2d(x, fir), downsample2d(x, fir)
    bilinear = partial(F.interpolate, mode="bilinear", align_corners=False)
    close(up[..., 1:-1, 1:-1], bilinear(x, scale_factor=2)[..., 1:-1, 1:-1])
    smaller = bilinear(x, scale_factor=0.5, antialias=True)
    close(down[..., 1:-1, 1:-1], smaller[..., 1:-1, 1:-1])
    edges = upsample2d(torch.ones(1, 1, 4, 4, dtype=torch.float64), fir)
    close(edges[0, 0, 0], torch.tensor([0.5625, *[0.75] * 6, 0.5625], dtype=torch.float64))


# (left, right) by the published rule p = K - 2 and so on, for these taps and 3x3 or 1x1 kernels
PADS = {
    (1, 3, 3, 1): {
        "filter": (2, 1),
        "up": (2, 1),
        "down": (1, 1),
        "up conv": {3: (1, 1), 1: (2, 2)},
        "conv down": {3: (2, 2), 1: (1, 1)},
    },
    (1, 2, 1): {
        "filter": (1, 1),
        "up": (2, 0),
        "down": (1, 0),
        "up conv": {3: (1, 0), 1: (2, 1)},
        "conv down": {3: (2, 1), 1: (1, 0)},
    },
}


@pytest.mark.parametrize("taps", PADS, ids=str)
def test_filters_are_padded_as_published(taps):
    x, fir, pads = normal(2, 3, 6, 8), setup_filter(taps, dtype=torch.float64), PADS[taps]
    close(filter2d(x, fir), upfirdn2d(x, fir, padding=2 * pads["filter"]))
    close(upsample2d(x, fir), upfirdn2d(x, fir, up=2, padding=2 * pads["up"], gain=4))
    close(downsample2d(x, fir), upfirdn2d(x, fir, down=2, padding=2 * pads["down"]))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("taps", PADS, ids=str)
def test_resampling_convolutions_are_padded_as_published(taps, kernel):
    x, fir, pads = normal(2, 3, 6, 8), setup_filter(taps, dtype=torch.float64), PADS[taps]
    w = normal(4, 3, kernel, kernel, seed=1)
    transposed = F.conv_transpose2d(x, w.flip((2, 3)).transpose(0, 1), stride=2)
    expected = upfirdn2d(transposed, fir, padding=2 * pads["up conv"][kernel], gain=4)
    close(resample_conv2d(x, w, fir, up=2, padding=kernel // 2), expected)
    filtered = upfirdn2d(x, fir, padding=2 * pads["conv down"][kernel])
    expected = F.conv2d(filtered, w, stride=2)
    close(resample_conv2d(x, w, fir, down=2, padding=kernel // 2), expected)


# Modulated convolution


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("up", [1, 2])
def test_scaled_features_equal_weights_of_a_samples_own(up, demodulate):
    float32 = {"dtype": torch.float32}
    x, w = normal(4, 6, 8, 8, **float32), normal(5, 6, 3, 3, seed=1, **float32)
    styles, fir = normal(4, 6, seed=2, **float32) + 1, setup_filter([1, 3, 3, 1])
    fused = w[None] * styles[:, None, :, None, None]  # [N, O, I, k, k]
    if demodulate:
        fused = fused * (fused.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    resampled = {"up": up, "padding": 1}
    grouped = resample_conv2d(
        x.reshape(1, 24, 8, 8), fused.flatten(0, 1), fir, groups=4, **resampled
    )
    y = modulated_conv2d(x, w, styles, f=fir, demodulate=demodulate, **resampled)
    # float32 rounds sums of 54 products
    error = (y - grouped.view_as(y)).abs().max() / y.abs().max()
    assert error < 1e-5


def test_demodulated_features_start_with_unit_variance():
    torch.manual_seed(0)
    channels, style_width = 96, 16
    made = DemodulationNormalization(
        ConvSite(
            in_channels=channels,
            out_channels=channels,
            kernel=3,
            style_width=style_width,
            noise=None,
            layers=LayerKit(),
        )
    )
    x, w = torch.randn(8, channels, 34, 34), torch.randn(8, style_width)
    with torch.no_grad():
        linear = modulated_conv2d(x, made.conv.weight, made.affine(w), padding=1)
        y = made(x, w, NoNoise())
    # Inside, as at the border a third of the kernel sees zeros; 8 x 96 maps of 1024 numbers each.
    assert linear[..., 1:-1, 1:-1].var().item() == pytest.approx(1, abs=0.02)
    # half of (1 + 0.2 ** 2), times sqrt(2) squared
    assert y[..., 1:-1, 1:-1].square().mean().item() == pytest.approx(1.04, abs=0.03)


def test_a_generator_of_1024_starts_finite():
    torch.manual_seed(0)
    generator = StyleGenerator(
        site((1024, 1024)),
        block=GENERATOR_BLOCKS["skip"],
        normalization=DemodulationNormalization,
        mapping=partial(MlpMapping, width=16),
        stem=ConstantStem,
        channels_max=2,
        latent_width=16,
    )
    with torch.no_grad():
        image = generator.synthesize(generator.styles(torch.randn(1, 16)), FreshNoise())
    assert image.shape == (1, 3, 1024, 1024)
    assert image.isfinite().all()
    assert 0.01 < image.std() < 100


# Minibatch standard deviation


def test_the_published_groups_are_strided_and_their_variance_biased():
    values = [0, 0, 0, 0, 1, 2, 3, 4, 100, 200, 300, 400]
    x = torch.tensor(values, dtype=torch.float64).reshape(12, 1, 1, 1)
    appended = minibatch_stddev(x, 4).flatten()
    expected = torch.tensor([86.1782, 129.1905, 163.5566] * 4, dtype=torch.float64)
    torch.testing.assert_close(appended, expected, rtol=0, atol=5e-5)
