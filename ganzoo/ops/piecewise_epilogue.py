"""The layer epilogue of piecewise linear activations in few passes, with two own derivatives.

Tensors are walked in blocks (`ganzoo.ops.map_blocks`), so that several passes cost about one trip
to memory, and half precision is rounded once, at the end. Saved are ``x`` where the factors need a
gradient, and ``y``, whose sign gives the slope.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganzoo.ops import piecewise_passes as passes
from ganzoo.ops.asked_for import asked_for


def piecewise_epilogue(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    slope: float = 1.0,
    gain: float = 1.0,
    clamp: float | None = None,
) -> Tensor:
    """clamp(gain * leaky(x * factors + noise * strength + bias)), leaky(v) = v > 0 ? v : slope v.

    Args:
        x: [N, C, H, W].
        factors: [N, C] or None.
        noise: [N or 1, 1, H, W] or None; receives no gradient.
        strength: [] or [C], with the noise; None: 1.
        bias: [C] or None.
        slope: of negative values, at least 0; 1 is the linear function.
        gain: more than 0.
        clamp: largest magnitude, or None.

    Returns:
        [N, C, H, W] in the type and layout of ``x``.
    """
    call = (x, factors, noise, strength, bias)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in call):
        y: Tensor = _Epilogue.apply(*call, slope, gain, clamp)
        return y
    return passes.forward(*call, slope, gain, clamp)


class _Epilogue(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        factors: Tensor | None,
        noise: Tensor | None,
        strength: Tensor | None,
        bias: Tensor | None,
        slope: float,
        gain: float,
        clamp: float | None,
    ) -> Tensor:
        y = passes.forward(x, factors, noise, strength, bias, slope, gain, clamp)
        needs_x = factors is not None and factors.requires_grad
        needs_noise = strength is not None and strength.requires_grad
        ctx.save_for_backward(
            x if needs_x else None,
            y if slope != 1 or clamp is not None else None,
            factors,
            noise if needs_noise else None,
            strength if needs_noise else None,
            bias,
        )
        ctx.given = [t is not None for t in (x, factors, noise, strength, bias)]
        ctx.numbers = (slope, gain, clamp)
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        (gy,) = gradients
        if gy is None:
            return (None,) * 8
        x, y, factors, noise, strength, bias = ctx.saved_tensors
        wants = asked_for(ctx, ctx.given)
        shapes = (strength.shape if wants[3] else None, bias.shape if wants[4] else None)
        saved = (gy, x, y, factors, noise)
        if torch.is_grad_enabled():
            found = _EpilogueGradient.apply(*saved, *shapes, wants[0], wants[1], *ctx.numbers)
        else:
            found = passes.gradient(saved, shapes, (wants[0], wants[1]), ctx.numbers)
        gx, gf, gs, gb = found
        # The sums come in the accumulating type; autograd wants the type of the argument.
        gf = gf if gf is None else gf.to(factors.dtype)
        gs = gs if gs is None else gs.to(strength.dtype)
        gb = gb if gb is None else gb.to(bias.dtype)
        return gx, gf, None, gs, gb, None, None, None


class _EpilogueGradient(torch.autograd.Function):
    """The map from the gradient of y to those of the arguments; linear in ``gy``.

    ``y`` enters by its sign and its magnitude against the clamp alone, so it has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        gy: Tensor,
        x: Tensor | None,
        y: Tensor | None,
        factors: Tensor | None,
        noise: Tensor | None,
        strength_shape: torch.Size | None,
        bias_shape: torch.Size | None,
        wants_x: bool,
        wants_factors: bool,
        slope: float,
        gain: float,
        clamp: float | None,
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        shapes = (strength_shape, bias_shape)
        saved = (gy, x, y, factors, noise)
        found = passes.gradient(saved, shapes, (wants_x, wants_factors), (slope, gain, clamp))
        ctx.save_for_backward(*saved)
        ctx.given = [t is not None for t in saved]
        ctx.numbers = (slope, gain, clamp)
        ctx.set_materialize_grads(False)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        saved = ctx.saved_tensors
        dgy = dx = df = None
        if any(gradient is not None for gradient in gradients):
            second = passes.second_plain if torch.is_grad_enabled() else passes.second
            wants = asked_for(ctx, ctx.given)
            which = (wants[0], wants[1], wants[3])
            dgy, dx, df = second(saved, gradients, which, ctx.numbers)
        return dgy, dx, None, df, *(None,) * 8
