"""Resampling is linear, does what its definition says, and its gradient is its adjoint."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from ganzoo.ops import upfirdn2d

factor = st.integers(1, 3)
side = st.integers(-3, 5)


@st.composite
def resamplings(draw):
    """An image, a filter without symmetry, and options that leave something of the image."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    up, down = draw(st.tuples(factor, factor)), draw(st.tuples(factor, factor))
    pads = draw(st.tuples(side, side, side, side))
    assume(width * up[0] + pads[0] + pads[1] >= columns)
    assume(height * up[1] + pads[2] + pads[3] >= rows)
    x = torch.randn(2, 2, height, width, generator=generator, dtype=torch.float64)
    f = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    gain = draw(st.sampled_from([1.0, 4.0, -0.5]))
    options = {"up": up, "down": down, "padding": pads, "gain": gain}
    return x, f, options | {"flip_filter": draw(st.booleans())}


def step_by_step(x, f, *, up, down, padding, gain, flip_filter):
    """The definition: insert zeros, pad, crop, correlate each plane, keep every down-th sample."""
    number, channels, height, width = x.shape
    large = x.new_zeros(number, channels, height * up[1], width * up[0])
    large[:, :, :: up[1], :: up[0]] = x
    left, right, top, bottom = padding
    large = F.pad(large, [max(pad, 0) for pad in padding])
    rows = slice(max(-top, 0), large.shape[2] - max(-bottom, 0))
    columns = slice(max(-left, 0), large.shape[3] - max(-right, 0))
    planes = large[:, :, rows, columns].flatten(0, 1)[:, None]
    taps = f if flip_filter else f.flip((0, 1))
    y = F.conv2d(planes, taps[None, None] * gain)
    return y.unflatten(0, (number, channels))[:, :, 0, :: down[1], :: down[0]]


@given(resamplings())
def test_resampling_does_what_its_definition_says(resampling):
    x, f, options = resampling
    torch.testing.assert_close(
        upfirdn2d(x, f, **options), step_by_step(x, f, **options), rtol=1e-12, atol=1e-12
    )


@given(resamplings(), st.floats(-3, 3), st.floats(-3, 3))
def test_resampling_is_linear(resampling, a, b):
    x, f, options = resampling
    other = x.flip((0, 2)).cos()
    together = upfirdn2d(a * x + b * other, f, **options)
    apart = a * upfirdn2d(x, f, **options) + b * upfirdn2d(other, f, **options)
    torch.testing.assert_close(together, apart, rtol=1e-11, atol=1e-11)


@given(resamplings())
def test_the_gradient_is_the_adjoint_and_its_gradient_the_resampling(resampling):
    x, f, options = resampling
    x.requires_grad_()
    y = upfirdn2d(x, f, **options)
    dy = torch.cos(torch.arange(y.numel(), dtype=y.dtype)).view_as(y).requires_grad_()
    (dx,) = torch.autograd.grad(y, x, dy, create_graph=True)
    torch.testing.assert_close((dx * x).sum(), (dy * y).sum(), rtol=1e-10, atol=1e-10)
    (ddy,) = torch.autograd.grad(dx, dy, x.detach())
    torch.testing.assert_close(ddy, y, rtol=1e-12, atol=1e-12)
