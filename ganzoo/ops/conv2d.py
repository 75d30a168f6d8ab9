"""Convolution whose second derivatives are convolutions again, each by its own fast kernel.

Three maps are closed under differentiation: the convolution, its gradient for the image, and its
gradient for the weights. Autograd's own second derivative of a convolution takes the weight term
through a convolution of transposed tensors, which is slower on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganzoo.ops.asked_for import asked_for
from ganzoo.ops.implementation import forced_by_environment
from ganzoo.ops.resampling_geometry import Pair

Call = tuple[list[int], list[int], bool]  # stride, padding, whether transposed


def conv2d(
    x: Tensor,
    w: Tensor,
    *,
    stride: int = 1,
    padding: Pair = (0, 0),
    transposed: bool = False,
    groups: int = 1,
) -> Tensor:
    """`torch.nn.functional.conv2d` or `conv_transpose2d`, faster where it is differentiated twice.

    Obeys autocast, and keeps channels_last as it finds it. A gradient that nobody asked for is not
    computed: R1 and path length differentiate for an image or styles first, and pay for no weight
    gradients there.

    Args:
        x: [N, I, H, W].
        w: [O, I / groups, k, k]; transposed: [I, O / groups, k, k].
        stride: along both axes.
        padding: zeros above and below, left and right; transposed: rows and columns cut off.
        transposed: scatter instead of gather.
        groups: independent groups of channels; more than one is autograd's affair.

    Returns:
        [N, O, H', W'].
    """
    needed = torch.is_grad_enabled() and (x.requires_grad or w.requires_grad)
    if (
        not needed
        or groups > 1
        or torch.compiler.is_compiling()
        or forced_by_environment() == "reference"
    ):
        run = F.conv_transpose2d if transposed else F.conv2d
        return run(x, w, stride=stride, padding=padding, groups=groups)
    device = x.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        if x.dtype is not torch.float64:
            x, w = x.to(dtype), w.to(dtype)
    y: Tensor = _Convolution.apply(x, w, ([stride, stride], list(padding), transposed))
    return y


def _convolve(x: Tensor, w: Tensor, call: Call) -> Tensor:
    stride, padding, transposed = call
    return torch.convolution(x, w, None, stride, padding, [1, 1], transposed, [0, 0], 1)


def _gradients(
    g: Tensor, x: Tensor, w: Tensor, call: Call, image: bool, weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    stride, padding, transposed = call
    gradients = torch.ops.aten.convolution_backward(
        g, x, w, None, stride, padding, [1, 1], transposed, [0, 0], 1, [image, weight, False]
    )
    return gradients[0], gradients[1]


class _Convolution(torch.autograd.Function):
    """x, w -> y."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, call: Call) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.call = call
        return _convolve(x, w, call)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (g,), (x, w) = gradients, ctx.saved_tensors
        image, weight = asked_for(ctx, (True, True))
        if not torch.is_grad_enabled():
            return *_gradients(g, x, w, ctx.call, image, weight), None
        dx = _ImageGradient.apply(g, w, x, ctx.call) if image else None
        dw = _WeightGradient.apply(g, x, w, ctx.call) if weight else None
        return dx, dw, None


class _ImageGradient(torch.autograd.Function):
    """g, w -> dx; the image only lends its shape."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, w: Tensor, x: Tensor, call: Call) -> Tensor:
        ctx.save_for_backward(g, w)
        ctx.call = call
        dx = _gradients(g, x, w, call, True, False)[0]
        assert dx is not None
        return dx

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (ddx,), (g, w) = gradients, ctx.saved_tensors
        asks = asked_for(ctx, (True, True))
        dg = _Convolution.apply(ddx, w, ctx.call) if asks[0] else None
        dw = _WeightGradient.apply(g, ddx, w, ctx.call) if asks[1] else None
        return dg, dw, None, None


class _WeightGradient(torch.autograd.Function):
    """g, x -> dw; the weights only lend their shape."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, w: Tensor, call: Call) -> Tensor:
        ctx.save_for_backward(g, x)
        ctx.call = call
        dw = _gradients(g, x, w, call, False, True)[1]
        assert dw is not None
        return dw

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (ddw,), (g, x) = gradients, ctx.saved_tensors
        asks = asked_for(ctx, (True, True))
        dg = _Convolution.apply(x, ddw, ctx.call) if asks[0] else None
        dx = _ImageGradient.apply(g, ddw, x, ctx.call) if asks[1] else None
        return dg, dx, None, None
