"""Mistakes that kernels and their host functions could have, and what notices each of them.

A comparison is a function of an emulator that fails where the emulated kernels are wrong. The
table pairs every mistake with the comparison that has to fail because of it; all comparisons run
under the address sanitizer too.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from comparing import assert_close_in_units, draw, laid_out, with_offset
from emulator import Emulator, Fault

from ganzoo.backends.cupy_kernels import separation
from ganzoo.backends.cupy_kernels import upfirdn2d as resampling_host
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.ops import (
    adain,
    bias_act,
    layer_epilogue,
    modulate,
    resampling_geometry,
    second_moment_norm,
    upfirdn2d,
    upfirdn2d_kernel,
)

Comparison = Callable[[Emulator], None]

PRODUCT = torch.outer(torch.tensor([1.0, -2, 3, 0.5]), torch.tensor([0.25, 1, 4, -1.5]))
LOPSIDED = torch.tensor([[1.0, 2, -3, 0.5], [0.3, 4, 1, 2], [-1, 0.7, 2, 3]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A mistake in a module's text, or in that of a Python module, and who notices."""

    name: str
    fault: Fault
    noticed_by: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededInPython:
    """A mistake in a Python module: a name of ``user`` is exchanged for the wrong module's."""

    name: str
    module: types.ModuleType
    right: str
    wrong: str
    user: types.ModuleType
    exchanged: str
    noticed_by: Comparison

    def wrong_object(self) -> object:
        """What ``exchanged`` names in the module, made from the text with the mistake in it."""
        text = Path(self.module.__file__).read_text(encoding="utf-8")
        found = text.count(self.right)
        assert found == 1, f"{self.right!r} occurs {found} times in {self.module.__name__}"
        module = types.ModuleType(self.module.__name__)
        exec(compile(text.replace(self.right, self.wrong), "seeded", "exec"), module.__dict__)
        return module.__dict__[self.exchanged]


def resampled(x, f, **options):
    """The kernel's result against the definition's."""
    y = upfirdn2d(x, f, impl="cupy", **options)
    assert_close_in_units(y, upfirdn2d(x.double(), f, impl="reference", **options))


def tiles_in_the_middle_and_at_the_border(emulator):
    with using(emulator.with_(block=64)):
        for width in (40, 41):  # rows of whole packs and others
            x = draw(1, 2, 21, width).float()
            resampled(x, PRODUCT, padding=(2, 3, 1, 2))
            resampled(x, PRODUCT, up=2, padding=(3, 2, 2, 1), gain=4.0)
            resampled(x, PRODUCT, down=2, padding=(1, 2, 3, 2))


def columns_in_channels_last(emulator):
    x = laid_out(draw(2, 8, 7, 9), torch.channels_last).float()
    with using(emulator):
        for images in (x, with_offset(x)):
            resampled(images, PRODUCT, padding=(2, 3, 1, 2))
            resampled(images, PRODUCT, up=2, padding=(2, 2, 3, 1), gain=4.0)
            resampled(images, PRODUCT, down=2, padding=(1, 2, 3, 2))


def infinities_beside_the_taps(emulator):
    x = draw(1, 4, 7, 6).float()
    x[:, :, 3, 3] = torch.inf
    with using(emulator):
        for layout in (torch.contiguous_format, torch.channels_last):
            resampled(laid_out(x, layout), torch.ones(2), padding=2)


def filters_that_are_no_product(emulator):
    x = draw(2, 3, 6, 5).float()
    with using(emulator):
        for layout in (torch.contiguous_format, torch.channels_last):
            resampled(laid_out(x, layout), LOPSIDED, up=(3, 2), down=(2, 1), padding=(4, 3, 2, 5))
            resampled(laid_out(x, layout), LOPSIDED, padding=(3, -1, 2, 2), flip_filter=True)


def gradients_of_resampling(emulator):
    x = draw(1, 2, 6, 5).requires_grad_()
    with using(emulator):
        for options in ({"up": 2, "padding": (3, 1, 2, 2)}, {"down": 2, "padding": (1, 2, 2, 3)}):
            found, expected = (
                torch.autograd.grad(y, x, draw(*y.shape, seed=1))[0]
                for y in (
                    upfirdn2d(x, PRODUCT, impl=impl, **options) for impl in ("cupy", "reference")
                )
            )
            assert_close_in_units(found, expected)


def biases_and_slopes(emulator):
    for layout in (torch.contiguous_format, torch.channels_last):
        x = laid_out(draw(3, 5, 3, 7), layout).float().requires_grad_()
        b = draw(5, seed=1).float().requires_grad_()
        with using(emulator):
            for act in ("lrelu", "tanh", "swish"):
                results = []
                for impl in ("cupy", "reference"):
                    y = bias_act(x, b, act=act, gain=1.5, impl=impl)
                    (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
                    results.append((y, dx, *torch.autograd.grad(dx.square().sum(), (x, b))))
                for found, expected in zip(*results):
                    assert_close_in_units(found, expected, units=64)


def slopes_at_the_clamp(emulator):
    x = torch.tensor([[-9.0, 0.1, 9.0]], dtype=torch.bfloat16, requires_grad=True)
    with using(emulator):
        (dx,) = torch.autograd.grad(bias_act(x, clamp=0.7, impl="cupy").sum(), x)
    assert dx.tolist() == [[0, 1, 0]]


def features_at_any_address(emulator):
    x = draw(2, 8, 3, 4).float()
    with using(emulator):
        y = bias_act(with_offset(x), act="lrelu", impl="cupy")
        assert torch.equal(y, bias_act(x, act="lrelu", impl="cupy"))


def derivatives(y, inputs):
    """``y``, its gradients along a direction, and the gradients of those along others."""
    dy = draw(*y.shape, seed=20).to(y.dtype).requires_grad_()
    first = torch.autograd.grad(y, inputs, dy, create_graph=True)
    directions = [draw(*t.shape, seed=21 + i).to(t.dtype) for i, t in enumerate(first)]
    second = torch.autograd.grad(first, (dy, *inputs), directions, materialize_grads=True)
    return (y, *first, *second)


def same_derivatives(function, *inputs):
    """A kernel's result and derivatives against the definition's, in float32."""
    inputs = tuple(t.float().requires_grad_() for t in inputs)
    kernel, definition = (
        derivatives(function(*inputs, impl), inputs) for impl in ("cupy", "reference")
    )
    for found, expected in zip(kernel, definition, strict=True):
        assert_close_in_units(found, expected, units=256)


def epilogues(emulator):
    noise, small = draw(2, 1, 11, 9).float(), (draw(2, 8, seed=1), draw(8, seed=2), draw(8, seed=3))

    def epilogue(x, factors, strength, bias, impl):
        arguments = {"factors": factors, "strength": strength, "bias": bias, "noise": noise}
        return layer_epilogue(x, **arguments, act="lrelu", clamp=0.5, impl=impl)

    with using(emulator):
        for layout in (torch.contiguous_format, torch.channels_last):
            same_derivatives(epilogue, laid_out(draw(2, 8, 11, 9), layout), *small)


def epilogues_at_the_clamp(emulator):
    x = torch.tensor([-9.0, 0.1, 9.0], dtype=torch.bfloat16).reshape(1, 1, 1, 3).requires_grad_()
    with using(emulator):
        y = layer_epilogue(x, bias=torch.zeros(1), clamp=0.7, impl="cupy")
        (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx.flatten().tolist() == [0, 1, 0]


def maps_at_any_address(emulator):
    x, bias = draw(2, 8, 4, 4).float(), torch.ones(8)
    with using(emulator):
        y = layer_epilogue(with_offset(x), bias=bias, act="lrelu", impl="cupy")
        assert torch.equal(y, layer_epilogue(x, bias=bias, act="lrelu", impl="cupy"))


def modulations(emulator):
    with using(emulator):
        for layout in (torch.contiguous_format, torch.channels_last):
            same_derivatives(modulate, laid_out(draw(2, 5, 7, 9), layout), draw(2, 5, seed=1))


def instance_norms(emulator):
    x, scale, offset = draw(2, 5, 7, 9) + 3, draw(2, 5, seed=1), draw(2, 5, seed=2)
    with using(emulator):
        same_derivatives(lambda x, s, o, impl: adain(x, s, o, impl=impl), x, scale, offset)


def pixel_norms(emulator):
    with using(emulator):
        for layout in (torch.contiguous_format, torch.channels_last):
            x = laid_out(draw(2, 24, 3, 5), layout)
            same_derivatives(lambda x, impl: second_moment_norm(x, impl=impl), x)


SEEDED: list[Seeded] = [
    Seeded(
        name="the general filter is flipped where it should not be",
        fault=Fault("upfirdn2d", "flip ? ky : fh - 1 - ky", "flip ? fh - 1 - ky : ky"),
        noticed_by=filters_that_are_no_product,
    ),
    Seeded(
        name="rows are made before all samples are there",
        fault=Fault(
            "upfirdn2d",
            "__syncthreads();\n        for (int i = threadIdx.x; i < SH * TW; i += blockDim.x)",
            "for (int i = threadIdx.x; i < SH * TW; i += blockDim.x)",
        ),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="columns are made before all rows are there",
        fault=Fault(
            "upfirdn2d",
            "__syncthreads();\n        for (int i = threadIdx.x; i < TH / STRIP * TW;",
            "for (int i = threadIdx.x; i < TH / STRIP * TW;",
        ),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="a tile reads one sample beyond its row",
        fault=Fault(
            "upfirdn2d",
            "const bool within = iy >= 0 && iy < h && ix >= 0 && ix < w;",
            "const bool within = iy >= 0 && iy < h && ix >= 0 && ix <= w;",
        ),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="a tile takes its packs from where it starts",
        fault=Fault("upfirdn2d", "const int start = ix0 & -V;", "const int start = ix0;"),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="blocks are taken to have 256 threads",
        fault=Fault("upfirdn2d", "i < SH * TW; i += blockDim.x)", "i < SH * TW; i += 256)"),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="taps of the wrong parity meet the samples",
        fault=Fault("upfirdn2d", "const bool odd = m & 1;", "const bool odd = !(m & 1);"),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="the first sample is rounded towards zero",
        fault=Fault("upfirdn2d", "(m + 1) >> 1;", "(m + 1) / 2;"),
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
    Seeded(
        name="a column in channels_last forgets its parity",
        fault=Fault("upfirdn2d", "(UP == 1 ? 0 : my & 1)", "0"),
        noticed_by=columns_in_channels_last,
    ),
    Seeded(
        name="a row takes taps that are not there",
        fault=Fault("upfirdn2d", "if (k < taps)", "if (k < 4)"),
        noticed_by=infinities_beside_the_taps,
    ),
    Seeded(
        name="a column in channels_last takes taps that are not there",
        fault=Fault("upfirdn2d", "k >= taps_y", "k > 3"),
        noticed_by=infinities_beside_the_taps,
    ),
    Seeded(
        name="the clamp is not rounded to the type of the result",
        fault=Fault("bias_act", "rounded<T>((A)clamp_)", "(A)clamp_"),
        noticed_by=slopes_at_the_clamp,
    ),
    Seeded(
        name="packs are moved from any address",
        fault=Fault("bias_act", "packed && count == V", "count == V"),
        noticed_by=features_at_any_address,
    ),
    Seeded(
        name="a bias stays with its first channel",
        fault=Fault("bias_act", "if (++within == step) {", "if (++within == 0) {"),
        noticed_by=biases_and_slopes,
    ),
    Seeded(
        name="the gradient forgets the gain",
        fault=Fault("bias_act", "result = up(dys.v[k]) * gain;", "result = up(dys.v[k]);"),
        noticed_by=biases_and_slopes,
    ),
    Seeded(
        name="tanh bends the other way",
        fault=Fault("bias_act", "return -2 * t * (1 - t * t);", "return 2 * t * (1 - t * t);"),
        noticed_by=biases_and_slopes,
    ),
    Seeded(
        name="every sample gets the noise of the first",
        fault=Fault("layer_epilogue", "noise[place.sample * noise_step + ", "noise["),
        noticed_by=epilogues,
    ),
    Seeded(
        name="the gradient passes one side of the clamp",
        fault=Fault("layer_epilogue", "y > clamp || y < -clamp)", "y > clamp)"),
        noticed_by=epilogues,
    ),
    Seeded(
        name="the clamp of a known result is not rounded to its type",
        fault=Fault("layer_epilogue", "from_y ? rounded<T>((A)clamp) : (A)clamp", "(A)clamp"),
        noticed_by=epilogues_at_the_clamp,
    ),
    Seeded(
        name="sums are read before all threads have written theirs",
        fault=Fault(
            "layer_epilogue",
            "__syncthreads();\n            for (int j = t;",
            "for (int j = t;",
        ),
        noticed_by=epilogues,
    ),
    Seeded(
        name="a chunk leaves out its last pixel",
        fault=Fault("layer_epilogue", "p < last && count > 0", "p + 1 < last && count > 0"),
        noticed_by=epilogues,
    ),
    Seeded(
        name="packs of a map are moved from any address",
        fault=Fault(
            "layer_epilogue",
            "(int)(last - p);\n            const bool whole = maps.packed && ",
            "(int)(last - p);\n            const bool whole = ",
        ),
        noticed_by=maps_at_any_address,
    ),
    Seeded(
        name="a second derivative forgets one of its terms",
        fault=Fault("modulate", "sum += values[1]", "sum = values[1]"),
        noticed_by=modulations,
    ),
    Seeded(
        name="moments are not taken about a pixel of the map",
        fault=Fault("adain", "before_chunk(body, place, sums + SUMS);", "sums[SUMS] = 0;"),
        noticed_by=instance_norms,
    ),
    Seeded(
        name="the gradient of a normalized map forgets the mean",
        fault=Fault("adain", "(values[1] - mean[place.map]) * b", "values[1] * b"),
        noticed_by=instance_norms,
    ),
    Seeded(
        name="a pixel is divided before its features are summed",
        fault=Fault("pixel_norm", "            __syncthreads();\n", ""),
        noticed_by=pixel_norms,
    ),
    Seeded(
        name="the gradient of pixel norm has a wrong power",
        fault=Fault("pixel_norm", "products[k] *= r * r * r", "products[k] *= r * r"),
        noticed_by=pixel_norms,
    ),
]

SEEDED_IN_PYTHON: list[SeededInPython] = [
    SeededInPython(
        name="the adjoint pads one more before the image",
        module=resampling_geometry,
        right="return (taps - before - 1,",
        wrong="return (taps - before,",
        user=upfirdn2d_kernel,
        exchanged="adjoint_padding",
        noticed_by=gradients_of_resampling,
    ),
    SeededInPython(
        name="separable taps come in the other order",
        module=separation,
        right="if flip_filter else",
        wrong="if not flip_filter else",
        user=resampling_host,
        exchanged="separated",
        noticed_by=tiles_in_the_middle_and_at_the_border,
    ),
]

BEYOND_THE_MEMORY: dict[str, tuple[Fault, Comparison]] = {
    "the last pack is taken to be full": (
        Fault("bias_act", "i + V <= n ? V : (int)(n - i)", "V"),
        biases_and_slopes,
    ),
    "the last row of a column is one too many": (
        Fault("upfirdn2d", "if (oy0 + t >= oh)", "if (oy0 + t > oh)"),
        columns_in_channels_last,
    ),
}
"""Mistakes that write where they must not: seen by the address sanitizer, in its own process."""


def comparisons() -> list[Comparison]:
    """Every comparison of the tables, once."""
    found = [seeded.noticed_by for seeded in (*SEEDED, *SEEDED_IN_PYTHON)]
    found += [comparison for _, comparison in BEYOND_THE_MEMORY.values()]
    return list(dict.fromkeys(found))
