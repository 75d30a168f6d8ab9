"""Resampling by our kernels, as an operation that torch knows: ``ganzoo::upfirdn2d``.

Its gradient is itself with other arguments, so one operation is forward, backward and every
further derivative. Autocast has no rule for it: the image's own type decides.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels import upfirdn2d as kernels
from ganzoo.backends.cupy_kernels.dense import layout_of
from ganzoo.backends.cupy_kernels.engine import stand_in
from ganzoo.ops.resampling_geometry import Padding, Pair, adjoint_padding, filter_size
from ganzoo.ops.upfirdn2d_reference import upfirdn2d_reference


def upfirdn2d_kernel(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Pair,
    down: Pair,
    padding: Padding,
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """The result of `ganzoo.ops.upfirdn2d`."""
    return _op(x, f, list(up), list(down), list(padding), flip_filter, gain)


@torch.library.custom_op(
    "ganzoo::upfirdn2d",
    mutates_args=(),
    schema="(Tensor x, Tensor? f, int[] up, int[] down, int[] padding, bool flip_filter, "
    "float gain) -> Tensor",
)
def _op(
    x: Tensor,
    f: Tensor | None,
    up: list[int],
    down: list[int],
    padding: list[int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    run = kernels.upfirdn2d if x.is_cuda or stand_in() else upfirdn2d_reference
    return run(
        x,
        f,
        up=(up[0], up[1]),
        down=(down[0], down[1]),
        padding=(padding[0], padding[1], padding[2], padding[3]),
        flip_filter=flip_filter,
        gain=gain,
    )


@_op.register_fake
def _(
    x: Tensor,
    f: Tensor | None,
    up: list[int],
    down: list[int],
    padding: list[int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    shape = kernels.output_shape(
        x, f, (up[0], up[1]), (down[0], down[1]), (padding[0], padding[1], padding[2], padding[3])
    )
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout_of(x))


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    x, f, *call = inputs
    ctx.save_for_backward(f)
    ctx.call = call
    ctx.size = x.shape[2:]


def _differentiate(ctx: Any, dy: Tensor) -> tuple:
    (f,) = ctx.saved_tensors
    up, down, padding, flip_filter, gain = ctx.call
    adjoint = adjoint_padding(ctx.size, filter_size(f), tuple(up), tuple(down), tuple(padding))
    dx = _op(dy, f, down, up, list(adjoint), not flip_filter, gain)
    return dx, None, None, None, None, None, None


_op.register_autograd(_differentiate, setup_context=_remember)
