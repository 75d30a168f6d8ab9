"""The resampling kernels, emulated, against the definition."""

from __future__ import annotations

from dataclasses import dataclass, field

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
from ganzoo.backends.cupy_kernels import upfirdn2d as host
from ganzoo.backends.cupy_kernels.engine import Engine, using
from ganzoo.backends.cupy_kernels.separation import separated
from ganzoo.ops import downsample2d, filter2d, resample_conv2d, setup_filter, upfirdn2d, upsample2d
from ganzoo.ops.upfirdn2d_kernel import _op

pytestmark = pytest.mark.usefixtures("emulator")

# No two taps are equal, so that a wrong flip shows; the first is a product, the second is none.
PRODUCT = torch.outer(torch.tensor([1.0, -2, 3, 0.5]), torch.tensor([0.25, 1, 4, -1.5])).double()
LOPSIDED = torch.tensor([[1.0, 2, -3, 0.5], [0.3, 4, 1, 2], [-1, 0.7, 2, 3]]).double()
FILTERS = {
    "product": PRODUCT,
    "three": PRODUCT[:3, 1:],
    "two by four": PRODUCT[:2],
    "line": PRODUCT[0],
    "short line": PRODUCT[0, :2],
    "lopsided": LOPSIDED,
    "long line": torch.arange(1.0, 10.0).double(),
    "none": None,
}
CALLS = {
    "blur": {"padding": (2, 1, 1, 3)},
    "up": {"up": 2, "padding": (3, 1, 2, 2)},
    "up, odd start": {"up": 2, "padding": (2, 2, 3, 2)},
    "down": {"down": 2, "padding": (1, 3, 2, 1)},
    "cropping blur": {"padding": (-1, 4, 3, -2)},
    "cropping up": {"up": 2, "padding": (-1, 3, 4, -3)},
    "cropping down": {"down": 2, "padding": (-3, 4, 4, -1)},
    "one axis": {"up": (2, 1), "down": (1, 2), "padding": (4, -1, 3, 3)},
    "other factors": {"up": (3, 2), "down": (2, 3), "padding": (2, 5, 5, 1)},
    "up and down": {"up": 2, "down": 2, "padding": (3, 2, 2, 3)},
}


def reference(x, f, **options):
    return upfirdn2d(x, f, impl="reference", **options)


def kernel(x, f, **options):
    return upfirdn2d(x, f, impl="cupy", **options)


@dataclass
class Recorder:
    """Hands launches on, and remembers the kernels' names."""

    engine: Engine
    names: list[str] = field(default_factory=list)

    def launch(self, kernel, grid, block, arguments):
        self.names.append(kernel.name)
        self.engine.launch(kernel, grid, block, arguments)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("taps", FILTERS)
@pytest.mark.parametrize("call", CALLS)
def test_results_are_those_of_the_definition(call, taps, dtype, built):
    f = FILTERS[taps]
    f = f if f is None or dtype is torch.float64 else f.float()
    x = draw(2, 3, 9, 11).to(dtype)
    with using(built.with_(block=1)):  # one thread a block needs no fibers, and is fast
        for layout in LAYOUTS:
            for flip_filter in (False, True):
                options = CALLS[call] | {"flip_filter": flip_filter, "gain": 1.7}
                y = kernel(laid_out(x, layout), f, **options)
                expected = reference(x.double(), f, **options)
                # A long line is two passes, each rounded.
                assert_close_in_units(y, expected, units=16)
                assert y.is_contiguous(memory_format=layout)
                assert y.dtype is dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 5, 16, 24])
@pytest.mark.parametrize("call", ["blur", "cropping up", "down"])
def test_any_number_of_channels_fits(call, channels, dtype):
    x = draw(2, channels, 5, 6).to(dtype)
    for layout in LAYOUTS:
        y = kernel(laid_out(x, layout), PRODUCT.float(), **CALLS[call])
        expected = reference(x.double(), PRODUCT.float(), **CALLS[call])
        assert_close_in_units(y, expected)


@pytest.mark.parametrize("call", ["blur", "up", "up, odd start", "down"])
@pytest.mark.parametrize("width", [71, 72])
def test_images_of_several_tiles_have_no_seams(call, width, built, monkeypatch):
    x = draw(1, 2, 75, width)
    expected = reference(x, PRODUCT, **CALLS[call])
    assert_close_in_units(kernel(x, PRODUCT, **CALLS[call]), expected, units=16)
    monkeypatch.setattr(host, "MOST_TILES", 3)
    with using(built.with_(block=64)):  # now a block makes one tile after another
        assert_close_in_units(kernel(x, PRODUCT, **CALLS[call]), expected, units=16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", ["blur", "up", "cropping up", "down", "cropping down"])
def test_rows_of_whole_packs_are_filtered_like_others(call, dtype, built):
    x = draw(2, 2, 7, 80).to(dtype)
    with using(built.with_(block=1)):
        expected = reference(x.double(), PRODUCT.float(), **CALLS[call])
        assert_close_in_units(kernel(x, PRODUCT.float(), **CALLS[call]), expected)


@pytest.mark.parametrize(("block", "reverse"), BLOCKS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("f", [PRODUCT, LOPSIDED], ids=["product", "lopsided"])
def test_the_size_and_order_of_blocks_change_nothing(f, layout, block, reverse, built):
    x = laid_out(draw(2, 4, 7, 9), layout).float()
    for call in ("blur", "up", "down"):
        expected = kernel(x, f, **CALLS[call])
        with using(built.with_(block=block, reverse=reverse)):
            assert torch.equal(kernel(x, f, **CALLS[call]), expected)


@pytest.mark.parametrize("f", [PRODUCT, LOPSIDED], ids=["product", "lopsided"])
def test_threads_go_round_again_where_blocks_run_out(f, monkeypatch):
    x = laid_out(draw(2, 8, 13, 11), torch.channels_last)
    expected = kernel(x, f, padding=2)
    monkeypatch.setattr(dense, "MOST_BLOCKS", 1)
    assert torch.equal(kernel(x, f, padding=2), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_address_will_do(dtype, layout):
    x = laid_out(draw(2, 8, 5, 4).to(dtype), layout)
    moved = with_offset(x)
    assert moved.data_ptr() % 16
    assert torch.equal(kernel(moved, PRODUCT, padding=2), kernel(x, PRODUCT, padding=2))


@pytest.mark.parametrize("view", ["sliced", "transposed", "expanded"])
def test_tensors_that_are_not_dense_are_copied_first(view):
    x = draw(4, 3, 6, 6)
    x = {
        "sliced": x[::2, :, 1:, ::2],
        "transposed": x.transpose(2, 3),
        "expanded": x[:1, :, :, :1].expand(2, 3, 6, 5),
    }[view]
    assert_close_in_units(kernel(x, PRODUCT, padding=2), reference(x, PRODUCT, padding=2))


@pytest.mark.parametrize("f", [PRODUCT, LOPSIDED], ids=["product", "lopsided"])
@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 0, 4, 4), (2, 3, 0, 4)])
def test_empty_tensors_give_what_their_padding_gives(shape, f):
    x = draw(*shape).requires_grad_()
    y = kernel(x, f, up=2, padding=4)
    assert torch.equal(y, torch.zeros_like(reference(x, f, up=2, padding=4)))
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx.shape == shape


@pytest.mark.parametrize("flip_filter", [False, True])
@pytest.mark.parametrize("taps", ["product", "line", "lopsided", "long line"])
@pytest.mark.parametrize("call", CALLS)
def test_kernels_differentiate_twice(call, taps, flip_filter, built):
    options = CALLS[call] | {"flip_filter": flip_filter, "gain": 1.5}
    if taps == "long line":
        options["padding"] = (6, 5, 5, 7)
    x = draw(1, 1, 4, 3).requires_grad_()

    def resample(x):
        return kernel(x, FILTERS[taps], **options)

    with using(built.with_(block=1)):
        assert gradcheck(resample, x)
        assert gradgradcheck(resample, x)


@pytest.mark.parametrize("options", [{"up": 2}, {"down": 2}, {"up": 3}, {"padding": -1}])
def test_resampling_without_a_filter_differentiates_twice(options):
    x = draw(1, 2, 4, 4).requires_grad_()

    def resample(x):
        return kernel(x, None, gain=1.5, **options)

    assert gradcheck(resample, x)
    assert gradgradcheck(resample, x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", CALLS)
def test_gradients_are_those_of_the_definition(call, dtype, built):
    x = draw(2, 8, 5, 6).to(dtype)
    y = reference(x, PRODUCT.float(), **CALLS[call])
    dy = draw(*y.shape, seed=1).to(dtype)
    with using(built.with_(block=1)):
        for layout in LAYOUTS:
            inputs = laid_out(x, layout).requires_grad_()
            y = kernel(inputs, PRODUCT.float(), **CALLS[call])
            (dx,) = torch.autograd.grad(y, inputs, dy)
            wide = x.double().requires_grad_()
            y = reference(wide, PRODUCT.float(), **CALLS[call])
            assert_close_in_units(dx, torch.autograd.grad(y, wide, dy.double())[0])


@pytest.mark.parametrize(
    ("taps", "options", "expected"),
    [
        ("product", {}, ["upfirdn2d_planes_f32_u1_d1"]),
        ("product", {"up": 2}, ["upfirdn2d_planes_f32_u2_d1"]),
        ("short line", {"down": 2}, ["upfirdn2d_planes_f32_u1_d2"]),
        ("product", {"up": (2, 1)}, ["upfirdn2d_general_f32"]),
        ("lopsided", {}, ["upfirdn2d_general_f32"]),
        ("long line", {}, ["upfirdn2d_general_f32"] * 2),
        ("none", {"down": 2}, ["upfirdn2d_planes_f32_u1_d2"]),
    ],
)
def test_the_filter_and_the_factors_decide_which_kernel_runs(taps, options, expected, built):
    recorder = Recorder(built)
    with using(recorder):
        kernel(draw(1, 4, 12, 12).float(), FILTERS[taps], **options)
    assert recorder.names == expected


@pytest.mark.parametrize(("channels", "width"), [(8, 4), (6, 1)])
def test_channels_last_images_move_in_packs_where_the_channels_fill_them(channels, width, built):
    recorder = Recorder(built)
    x = laid_out(draw(1, channels, 6, 6).float(), torch.channels_last)
    with using(recorder):
        kernel(x, PRODUCT, up=2, padding=2)
    assert recorder.names == [f"upfirdn2d_last_f32_u2_d1_w{width}"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("taps", ["none", "short line", "three", "two by four"])
@pytest.mark.parametrize("options", [{}, {"up": 2}, {"down": 2}], ids=str)
def test_a_tap_that_is_not_there_meets_no_infinity(options, taps, layout, built):
    x = draw(1, 4, 7, 8).float()
    x[:, :, 2, 4] = torch.inf
    expected = reference(x, FILTERS[taps], padding=2, **options)
    assert expected.isinf().any()
    with using(built.with_(block=1)):
        y = kernel(laid_out(x, layout), FILTERS[taps], padding=2, **options)
    assert_close_in_units(y, expected)


def test_a_filter_in_half_precision_is_no_looser_a_product():
    f = torch.tensor([[1.0, 1], [1, 1.0234375]], dtype=torch.bfloat16)  # exact in that type
    assert separated(f) is None
    x = draw(1, 2, 5, 5)
    assert_close_in_units(kernel(x, f, padding=2), reference(x, f, padding=2))
    assert separated(torch.tensor([[1.0, 3], [3, 9]], dtype=torch.bfloat16)) is not None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_single_pixel_between_two_passes_keeps_the_layout(layout):
    x, f = laid_out(draw(2, 3, 1, 9).float(), layout), FILTERS["long line"]
    call = {"padding": (0, 0, 4, 5)}
    y, definition = kernel(x, f, **call), reference(x, f, **call)
    assert_close_in_units(y, definition, units=16)
    assert y.stride() == definition.stride()
    meant = _op(x.to("meta"), f.to("meta"), [1, 1], [1, 1], [0, 0, 4, 5], False, 1.0)
    assert (meant.shape, meant.stride()) == (y.shape, y.stride())


def test_a_filter_that_changes_in_place_is_read_again():
    x, f = draw(1, 2, 5, 5), PRODUCT.clone()
    kernel(x, f, padding=2)
    f.mul_(-3)
    assert_close_in_units(kernel(x, f, padding=2), reference(x, f, padding=2))


def test_a_filter_is_read_once():
    f = PRODUCT.clone()
    assert separated(f) is separated(f)


def test_the_default_filter_is_taken_apart_exactly():
    taps = separated(setup_filter([1, 3, 3, 1]))
    along_x, along_y = taps.ordered(False, 64.0)
    assert torch.outer(torch.tensor(along_y), torch.tensor(along_x)).tolist() == [
        [a * b for b in (1, 3, 3, 1)] for a in (1, 3, 3, 1)
    ]


def test_a_filter_of_zeros_gives_zeros():
    x = draw(1, 2, 5, 5)
    assert not kernel(x, torch.zeros(4, 4), padding=2).any()


def test_a_filter_in_inference_mode_is_read_every_time():
    x = draw(1, 2, 5, 5)
    with torch.inference_mode():
        f = PRODUCT.clone()
        first = kernel(x, f, padding=2)
        f.mul_(2)
        assert torch.equal(kernel(x, f, padding=2), 2 * first)


@pytest.mark.parametrize("f", [PRODUCT, LOPSIDED, PRODUCT[0]], ids=["product", "lopsided", "line"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_torch_finds_nothing_wrong_with_the_operation(f, layout):
    x = laid_out(draw(2, 4, 5, 6).float(), layout).requires_grad_()
    torch.library.opcheck(_op, (x, f.float(), [2, 2], [1, 1], [2, 1, 3, 2], False, 4.0))


@pytest.mark.parametrize("run", [filter2d, upsample2d, downsample2d])
def test_every_front_door_hands_the_choice_on(run, built):
    recorder, x = Recorder(built), draw(1, 2, 6, 6).float()
    with using(recorder):
        y = run(x, setup_filter([1, 3, 3, 1]), impl="cupy")
    assert len(recorder.names) == 1
    assert_close_in_units(y, run(x.double(), setup_filter([1, 3, 3, 1]), impl="reference"))


@pytest.mark.parametrize("options", [{"up": 2}, {"down": 2}, {"up": 2, "down": 2}])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_resampled_convolutions_hand_the_choice_on(options, kernel_size, built):
    x, f = draw(1, 2, 6, 6), setup_filter([1, 3, 3, 1])
    w = draw(3, 2, kernel_size, kernel_size, seed=1)
    options = options | {"padding": kernel_size // 2}
    recorder = Recorder(built)
    with using(recorder):
        y = resample_conv2d(x, w, f, impl="cupy", **options)
    assert recorder.names
    expected = resample_conv2d(x, w, f, impl="reference", **options)
    assert_close_in_units(y, expected, units=64)


def test_autocast_leaves_the_type_of_the_image_alone():
    x = draw(1, 2, 4, 4).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = kernel(x, PRODUCT, padding=2)
        definition = reference(x, PRODUCT, padding=2)
    assert torch.equal(y, kernel(x, PRODUCT, padding=2))
    assert torch.equal(definition, reference(x, PRODUCT, padding=2))
