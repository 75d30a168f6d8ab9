"""The definition of the layer epilogue in plain torch, and of its gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.ops.activations import ACTIVATIONS


def reference(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
    styles: Tensor | None,
) -> Tensor:
    """The result, as documented at `ganzoo.ops.layer_epilogue`; ``styles`` are the next ones."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    y = _pre_activation(x, factors, noise, strength, bias, dtype)
    y = ACTIVATIONS[act].function(y, alpha, False)
    if gain != 1:
        y = y * gain
    if clamp is not None:
        y = y.clamp(-clamp, clamp)
    if styles is not None:
        y = y * per_map(styles, dtype)
    return y.to(x.dtype)


def gradient(
    gy: Tensor,
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    styles: Tensor | None,
    alpha: float,
    gain: float,
    clamp: float | None,
    from_y: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """What leaky(v) = v > 0 ? v : alpha v hands back to its arguments.

    ``from_y`` says that ``x`` is the result, whose sign tells the slope; then the sums for factors
    and styles, of which there are none, mean nothing.

    Returns:
        The gradient of ``x``, and [N, C] each, in at least float32: what has to be summed for that
        of factors, strength, bias and styles.
    """
    dtype = torch.promote_types(x.dtype, torch.float32)
    v = x.to(dtype) if from_y else _pre_activation(x, factors, noise, strength, bias, dtype)
    slope = torch.full_like(v, gain * alpha).masked_fill(v > 0, gain)
    y = v if from_y else torch.where(v > 0, v, v * alpha) * gain
    if clamp is not None:
        limit = x.new_full((), clamp)  # as the result was stored
        beyond = y.abs() >= limit if from_y else y.abs() > clamp
        slope = slope.masked_fill(beyond, 0)
        y = y.clamp(-clamp, clamp)
    g = gy.to(dtype)
    e = g * slope if styles is None else g * slope * per_map(styles, dtype)
    gx = (e if factors is None else e * per_map(factors, dtype)).to(x.dtype)
    ones = e.sum((2, 3))
    noises = ones if noise is None else (e * noise.to(dtype)).sum((2, 3))
    return gx, (e * x.to(dtype)).sum((2, 3)), noises, ones, (g * y).sum((2, 3))


def per_map(factors: Tensor, dtype: torch.dtype) -> Tensor:
    """[N, C] as [N, C, 1, 1]."""
    return factors.to(dtype)[:, :, None, None]


def _pre_activation(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    dtype: torch.dtype,
) -> Tensor:
    v = x.to(dtype)
    if factors is not None:
        v = v * per_map(factors, dtype)
    if noise is not None:
        term = noise.to(dtype)
        v = v + (term if strength is None else term * strength.to(dtype).reshape(1, -1, 1, 1))
    return v if bias is None else v + bias.to(dtype)[:, None, None]
