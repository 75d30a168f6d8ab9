"""FIR resampling: sizes, derivatives, known special cases, layout, refusals."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from ganzoo.ops import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d
from ganzoo.ops.full_precision import autocast_off

LOPSIDED = torch.tensor([[1.0, 2.0, -3.0, 0.5], [0.3, 4.0, 1.0, 2.0], [-1.0, 0.7, 2.0, 3.0]])


def image(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [
        (1, 1, (2, 1, 1, 3)),
        (2, 1, (2, 1, 2, 1)),
        (1, 2, (1, 1, 3, 2)),
        (2, 1, (-1, 3, 2, -1)),
        (1, 2, (-1, 2, 4, -1)),
        ((2, 1), (1, 2), (4, -1, 3, 3)),
        (3, 2, (0, 2, 1, 0)),
    ],
)
def test_resampling_differentiates_twice(up, down, padding):
    x = image(1, 1, 4, 3).requires_grad_()

    def resample(x):
        return upfirdn2d(
            x, LOPSIDED, up=up, down=down, padding=padding, gain=1.5, flip_filter=up == 1
        )

    assert gradcheck(resample, x)
    assert gradgradcheck(resample, x)


@pytest.mark.parametrize("f", [LOPSIDED, torch.tensor([1.0, 3, -2]), torch.arange(1.0, 10), None])
@pytest.mark.parametrize("flip_filter", [False, True])
@pytest.mark.parametrize(
    ("up", "down", "padding"),
    [(1, 1, 9), (2, 1, (9, -1, 4, 5)), (1, 2, (-1, 9, 9, 0)), ((3, 2), (2, 1), (4, 4, 7, -2))],
)
def test_the_fast_arrangement_is_the_definition(up, down, padding, flip_filter, f):
    f = None if f is None else f.double()  # float32 taps are rounded when multiplied by the gain

    def value_and_gradient(impl):
        x = image(2, 3, 6, 7).requires_grad_()
        options = {"up": up, "down": down, "padding": padding, "flip_filter": flip_filter}
        y = upfirdn2d(x, f, gain=1.3, impl=impl, **options)
        return y, *torch.autograd.grad(y.square().sum(), x)

    for fast, slow in zip(value_and_gradient("auto"), value_and_gradient("reference")):
        torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_definition_rounds_half_precision_once(dtype, layout):
    x = image(2, 3, 5, 6).to(dtype).contiguous(memory_format=layout)
    f = torch.tensor([1.0, 1 / 3, 1 / 7])
    y = upfirdn2d(x, f, padding=1, impl="reference")
    assert torch.equal(y, upfirdn2d(x.float(), f, padding=1, impl="reference").to(dtype))
    assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("up", [1, 2, 3])
@pytest.mark.parametrize("down", [1, 2, 3])
@pytest.mark.parametrize(("height", "width"), [(5, 8), (7, 6)])
def test_the_result_has_the_size_of_the_formula(up, down, height, width):
    left, right, top, bottom = 2, -1, 1, 3
    y = upfirdn2d(
        image(2, 3, height, width),
        LOPSIDED,
        up=up,
        down=down,
        padding=(left, right, top, bottom),
    )
    rows = (height * up + top + bottom - 3) // down + 1
    columns = (width * up + left + right - 4) // down + 1
    assert y.shape == (2, 3, rows, columns)


def test_two_equal_taps_upsample_to_the_nearest_pixel():
    x = image(2, 3, 5, 4)
    assert torch.equal(upsample2d(x, setup_filter([1, 1])), F.interpolate(x, scale_factor=2))


def test_two_equal_taps_downsample_to_the_mean_of_four():
    x = image(2, 3, 6, 8)
    expected = F.avg_pool2d(x, 2)
    torch.testing.assert_close(downsample2d(x, setup_filter([1, 1])), expected)


def test_1331_upsamples_bilinearly_inside():
    x = image(2, 3, 6, 5)
    y = upsample2d(x, setup_filter([1, 3, 3, 1]))
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    inside = (..., slice(1, -1), slice(1, -1))
    torch.testing.assert_close(y[inside], expected[inside])
    assert (y[..., 0, :] - expected[..., 0, :]).abs().max() > 0.01  # zeros lie beyond the border


@pytest.mark.parametrize(
    ("taps", "filtering", "up", "down"),
    [
        ([1, 3, 3, 1], (2, 1), (2, 1), (1, 1)),
        ([1, 2, 1], (1, 1), (2, 0), (1, 0)),
    ],
)
def test_automatic_padding_is_the_published_one(taps, filtering, up, down):
    x, f = image(1, 2, 6, 8), setup_filter(taps)

    def sides(pair):
        return (*pair, *pair)

    assert torch.equal(filter2d(x, f), upfirdn2d(x, f, padding=sides(filtering)))
    assert torch.equal(upsample2d(x, f), upfirdn2d(x, f, up=2, padding=sides(up), gain=4))
    assert torch.equal(downsample2d(x, f), upfirdn2d(x, f, down=2, padding=sides(down)))


@pytest.mark.parametrize("flip_filter", [False, True])
def test_long_filters_run_as_two_passes_with_the_same_result(flip_filter):
    taps = [1, 5, -2, 3, 4, 0, 2, 1, 7]
    long, square = (setup_filter(taps, separable=choice) for choice in (None, False))
    assert (long.ndim, square.ndim) == (1, 2)
    options = {"up": (2, 1), "down": (1, 2), "padding": (5, 6, 3, 7), "gain": 3.0}
    x = image(2, 3, 6, 5)
    actual = upfirdn2d(x, long, flip_filter=flip_filter, **options)
    expected = upfirdn2d(x, square, flip_filter=flip_filter, **options)
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)  # float32 taps


def test_the_default_filter_is_exact_in_float32():
    f = setup_filter([1, 3, 3, 1])
    assert torch.equal(f.double(), setup_filter([1, 3, 3, 1], dtype=torch.float64))


def test_a_crop_may_reach_through_the_image():
    x = torch.ones(1, 1, 2, 2)
    y = upfirdn2d(x, None, padding=(5, -3, 0, 0))
    assert y.shape == (1, 1, 2, 4)
    assert torch.equal(y, torch.zeros(1, 1, 2, 4))


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_an_empty_batch_passes_through(up, down):
    y = upfirdn2d(image(0, 3, 4, 4), LOPSIDED, up=up, down=down, padding=2)
    assert y.shape[0] == 0


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_the_layout_of_the_image_is_kept(up, down):
    x = image(2, 3, 6, 4).float()
    options = {"up": up, "down": down, "padding": (2, 1, 1, 1)}
    plain = upfirdn2d(x, LOPSIDED, **options)
    last = x.contiguous(memory_format=torch.channels_last)
    last = upfirdn2d(last, LOPSIDED, **options)
    assert (plain.stride(3), last.stride(1)) == (1, 1)
    torch.testing.assert_close(plain, last)


def test_autocast_leaves_the_type_of_the_image_alone():
    x, f = image(1, 2, 4, 4).float(), setup_filter([1, 3, 3, 1])
    expected = upsample2d(x, f)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = upsample2d(x, f)
    assert torch.equal(actual, expected)


def test_bfloat16_images_stay_bfloat16():
    x, f = image(1, 2, 4, 4), setup_filter([1, 3, 3, 1])
    y = upsample2d(x.bfloat16(), f)
    assert y.dtype is torch.bfloat16
    torch.testing.assert_close(y.double(), upsample2d(x, f), rtol=0.02, atol=0.02)  # 8 bits


def test_devices_without_autocast_need_none_switched_off():
    with autocast_off(torch.empty(1, device="meta")) as nothing:
        assert nothing is None


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"up": 0}, r"up is 0; expected a factor of at least 1"),
        ({"down": (1, 2, 3)}, r"down is \(1, 2, 3\); expected"),
        ({"padding": (1, 2, 3)}, r"padding is \(1, 2, 3\); expected one number"),
        ({"padding": -3}, r"height is 0 after upsampling and padding.* 3 taps"),
        ({"f": torch.ones(1, 1, 2)}, r"the filter has the shape \(1, 1, 2\)"),
        ({"x": torch.ones(6, 6)}, r"x has the shape \(6, 6\); expected \[N, C, H, W\]"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence(arguments, complaint):
    defaults = {"x": image(1, 1, 6, 6), "f": LOPSIDED}
    with pytest.raises(ValueError, match=complaint):
        upfirdn2d(**(defaults | arguments))


@pytest.mark.parametrize(
    ("taps", "options", "complaint"),
    [
        ([], {}, "none of them empty"),
        ([1, -1], {}, "sum to zero"),
        ([[1, 2], [3, 4]], {"separable": True}, "needs one-dimensional taps"),
    ],
)
def test_impossible_taps_are_refused_with_a_sentence(taps, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        setup_filter(taps, **options)
