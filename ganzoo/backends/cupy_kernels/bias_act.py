"""Host side of ``bias_act.cu``: dense tensors in, dense tensors out, nothing differentiated."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.dense import all_aligned, blocks_for, dense, dense_as
from ganzoo.backends.cupy_kernels.engine import engine_of
from ganzoo.backends.cupy_kernels.table import ELEMENT_NAMES, SHORT_NAMES, Kernel, accumulating_type

PIECEWISE = ("linear", "relu", "lrelu")
"""The activations whose slope is read off the sign of the result."""

SMOOTH = ("tanh", "sigmoid", "elu", "selu", "softplus", "swish")
"""The activations with a second derivative."""

BLOCK = 256
PARAMETERS = (
    ("const T*", "x"),
    ("const A*", "b"),
    ("const T*", "y"),
    ("const T*", "dy"),
    ("const T*", "ddx"),
    ("T*", "out"),
    ("long long", "n"),
    ("long long", "channels"),
    ("long long", "step"),
    ("double", "alpha"),
    ("double", "gain"),
    ("double", "clamp"),
    ("int", "packed"),
)


def _kernel(dtype: torch.dtype, act: str, order: int) -> Kernel:
    return Kernel(
        source="bias_act",
        dtype=dtype,
        name=f"bias_act_{order}_{act}_{SHORT_NAMES[dtype]}",
        body=f"bias_act<{ELEMENT_NAMES[dtype]}, {act.upper()}, {order}>",
        parameters=PARAMETERS,
        barriers=False,
        max_threads=BLOCK,
    )


_TABLE = {
    (dtype, act, order): _kernel(dtype, act, order)
    for dtype in ELEMENT_NAMES
    for act in (*PIECEWISE, *SMOOTH)
    for order in ((0, 1) if act in PIECEWISE else (0, 1, 2))
}
KERNELS = tuple(_TABLE.values())


def forward(
    x: Tensor,
    b: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """clamp(act(x + b) * gain), in the layout of ``x``; arguments as in `ganzoo.ops.bias_act`."""
    x = dense(x)
    return _run(0, act, dim, alpha, gain, clamp, like=x, x=x, b=b)


def first_order(
    dy: Tensor,
    x: Tensor | None,
    b: Tensor | None,
    y: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """The gradient of the sum x + b, from that of the result.

    Args:
        dy: as the result.
        x: the input; None where ``y`` is given, or where the slope is 1 everywhere.
        b: the bias, where there is one and ``x`` is given.
        y: the result, for a piecewise linear activation with a positive gain and no negative
            alpha. Elements on the clamp get no gradient.
    """
    like = dense(y if y is not None else x if x is not None else dy)
    return _run(1, act, dim, alpha, gain, clamp, like=like, x=x, b=b, y=y, dy=dy)


def second_order(
    ddx: Tensor,
    dy: Tensor,
    x: Tensor,
    b: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """What `first_order` hands to the sum x + b itself, given the gradient of its result."""
    x = dense(x)
    if act in PIECEWISE:
        return torch.zeros_like(x)
    return _run(2, act, dim, alpha, gain, clamp, like=x, x=x, b=b, dy=dy, ddx=ddx)


def _run(
    order: int,
    act: str,
    dim: int,
    alpha: float,
    gain: float,
    clamp: float | None,
    *,
    like: Tensor,
    x: Tensor | None = None,
    b: Tensor | None = None,
    y: Tensor | None = None,
    dy: Tensor | None = None,
    ddx: Tensor | None = None,
) -> Tensor:
    out = torch.empty_like(like)
    if out.numel() == 0:
        return out
    x, y, dy, ddx = (t if t is None else dense_as(t, like) for t in (x, y, dy, ddx))
    if b is not None:
        b = b.to(accumulating_type(like.dtype)).contiguous()
    packed = all_aligned(x, y, dy, ddx, out)
    elements = 16 // out.element_size()
    engine_of(like).launch(
        _TABLE[like.dtype, act, order],
        (blocks_for(-(-out.numel() // elements), BLOCK), 1, 1),
        BLOCK,
        (
            *(x, b, y, dy, ddx, out, out.numel(), like.shape[dim], max(1, like.stride(dim))),
            *(alpha, gain, -1.0 if clamp is None else clamp, int(packed)),
        ),
    )
    return out
