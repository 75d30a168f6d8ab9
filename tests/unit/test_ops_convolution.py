"""Resampling and modulated convolution against the order in which the papers write them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.ops import demodulation_factors, modulated_conv2d, resample_conv2d, upfirdn2d

LOPSIDED = torch.tensor(
    [[1.0, 2.0, -3.0, 0.5], [0.3, 4.0, 1.0, 2.0], [-1.0, 0.7, 2.0, 3.0], [1.0, 0.0, 1.0, 2.0]]
)


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def upsample_convolve_downsample(x, w, f, *, up, down, padding, groups, flip_weight):
    """The definition, step by step, on the large image."""
    left = right = top = bottom = padding
    height, width = f.shape
    if up > 1:
        left, right = left + (width + up - 1) // 2, right + (width - up) // 2
        top, bottom = top + (height + up - 1) // 2, bottom + (height - up) // 2
    if down > 1:
        left, right = left + (width - down + 1) // 2, right + (width - down) // 2
        top, bottom = top + (height - down + 1) // 2, bottom + (height - down) // 2
    pads = (left, right, top, bottom)
    x = upfirdn2d(x, f if up > 1 else None, up=up, padding=pads, gain=up**2)
    x = F.conv2d(x, w if flip_weight else w.flip((2, 3)), groups=groups)
    return upfirdn2d(x, f, down=down) if down > 1 else x


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("up", [1, 2, 3])
@pytest.mark.parametrize("down", [1, 2])
@pytest.mark.parametrize(("groups", "flip_weight"), [(1, True), (1, False), (2, False)])
@pytest.mark.parametrize("padding", [0, 1, 3])
def test_the_quick_arrangement_is_the_written_one(kernel, up, down, groups, flip_weight, padding):
    x, w = draw(2, 4, 7, 6), draw(6, 4 // groups, kernel, kernel, seed=1)
    options = {"up": up, "down": down, "padding": padding}
    options |= {"groups": groups, "flip_weight": flip_weight}
    actual = resample_conv2d(x, w, LOPSIDED, **options)
    expected = upsample_convolve_downsample(x, w, LOPSIDED, **options)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_half_the_kernel_as_padding_keeps_the_size(up, down):
    y = resample_conv2d(draw(1, 2, 8, 4), draw(3, 2, 3, 3), LOPSIDED, up=up, down=down, padding=1)
    assert y.shape == (1, 3, 8 * up // down, 4 * up // down)


@pytest.mark.parametrize(("up", "down"), [(2, 1), (1, 2)])
def test_resampling_convolution_differentiates_twice(up, down):
    inputs = (draw(1, 1, 4, 2).requires_grad_(), draw(2, 1, 3, 3, seed=1).requires_grad_())

    def convolve(x, w):
        return resample_conv2d(x, w, LOPSIDED, up=up, down=down, padding=1)

    assert gradcheck(convolve, inputs)
    assert gradgradcheck(convolve, inputs)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"up": 0}, "up is 0 and down is 1; expected factors of at least 1"),
        ({"groups": 2}, r"in 2 group\(s\); expected \[N, I, H, W\]"),
    ],
)
def test_wrong_arguments_of_a_convolution_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        resample_conv2d(draw(1, 4, 4, 4), draw(2, 4, 3, 3), **arguments)


def weights_of_each_sample(x, w, styles, *, demodulate, noise, **options):
    """Modulated convolution as written: every sample convolved with weights of its own."""
    images = []
    for image, style in zip(x, styles, strict=True):
        own = w * style[None, :, None, None]
        if demodulate:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        images.append(resample_conv2d(image[None], own, LOPSIDED, **options))
    y = torch.cat(images)
    return y if noise is None else y + noise


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("with_noise", [True, False])
@pytest.mark.parametrize(
    ("outputs", "kernel", "up"), [(5, 3, 1), (5, 3, 2), (5, 1, 2), (5, 1, 1), (1, 1, 1), (2, 1, 1)]
)
def test_shared_weights_equal_weights_of_each_sample(demodulate, with_noise, outputs, kernel, up):
    x, w = draw(3, 8, 6, 4), draw(outputs, 8, kernel, kernel, seed=1)
    styles = draw(3, 8, seed=2)
    noise = draw(3, 1, 6 * up, 4 * up, seed=3) if with_noise else None
    options = {"up": up, "padding": kernel // 2, "demodulate": demodulate, "noise": noise}
    inputs = tuple(tensor.requires_grad_() for tensor in (x, w, styles))
    actual = modulated_conv2d(*inputs, f=LOPSIDED, **options)
    expected = weights_of_each_sample(*inputs, **options)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-10)
    dy = draw(*actual.shape, seed=4)
    for mine, its in zip(
        torch.autograd.grad(actual, inputs, dy), torch.autograd.grad(expected, inputs, dy)
    ):
        torch.testing.assert_close(mine, its, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("outputs", [1, 3])
def test_modulated_convolution_differentiates_twice(outputs):
    shapes = ((2, 4, 2, 1), (outputs, 4, 1, 1), (2, 4))
    inputs = tuple(draw(*shape, seed=seed) for seed, shape in enumerate(shapes))
    inputs = tuple(tensor.requires_grad_() for tensor in inputs)
    assert gradcheck(modulated_conv2d, inputs)
    assert gradgradcheck(modulated_conv2d, inputs)


@pytest.mark.parametrize("outputs", [2, 16])
def test_modulated_convolution_keeps_the_layout(outputs):
    x = draw(2, 8, 4, 6).float().contiguous(memory_format=torch.channels_last)
    w, styles = draw(outputs, 8, 1, 1).float(), draw(2, 8).float()
    noise = draw(4, 6).float()
    y = modulated_conv2d(x, w, styles, noise=noise)
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_demodulated_outputs_have_unit_variance():
    x, w = draw(16, 64, 8, 8), draw(32, 64, 3, 3, seed=1)
    styles = draw(16, 64, seed=2).exp()
    inside = modulated_conv2d(x, w, styles)
    assert abs(inside.var().item() - 1) < 0.05  # 18,000 correlated values


def test_large_styles_do_not_overflow_in_half_precision():
    x, w, styles = draw(2, 8, 4, 4), draw(4, 8, 3, 3, seed=1), draw(2, 8, seed=2) * 20_000
    y = modulated_conv2d(x.half(), w.float(), styles.float(), padding=1)
    assert y.dtype is torch.float16
    expected = modulated_conv2d(x, w, styles, padding=1)
    torch.testing.assert_close(y.double(), expected, rtol=0.01, atol=0.01)  # 11 bits


def test_autocast_does_not_round_the_demodulation():
    w, styles = draw(4, 8, 3, 3).float(), draw(2, 8).float()
    expected = demodulation_factors(w, styles)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = demodulation_factors(w, styles)
    assert torch.equal(actual, expected)


def test_styles_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"styles have the shape \(2, 3\)"):
        modulated_conv2d(draw(2, 4, 4, 4), draw(5, 4, 3, 3), draw(2, 3))
