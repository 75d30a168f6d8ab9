"""Bias, activation, gain and clamp, in that order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ganzoo.ops.activations import ACTIVATIONS, Activation
from ganzoo.ops.bias_act_kernel import bias_act_kernel
from ganzoo.ops.bias_act_reference import along, bias_act_reference
from ganzoo.ops.implementation import Choice, Impl, choose

__all__ = ["ACTIVATIONS", "Activation", "bias_act"]


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    *,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    impl: Impl = "auto",
) -> Tensor:
    """clamp(act(x + b) * gain, -clamp, clamp).

    Args:
        x: any shape.
        b: [x.shape[dim]], added along ``dim``, and perhaps rounded to the type of ``x``; or None.
        dim: axis of the bias.
        act: name of an activation, a key of `ACTIVATIONS`.
        alpha: parameter of the activation; its own default when None.
        gain: factor on the result; *replaces* the activation's default, sqrt(2) for ``relu``,
            ``lrelu`` and ``swish`` and 1 for the rest.
        clamp: largest magnitude of the result; None for no limit.
        impl: who computes it; see `ganzoo.ops.implementation`.

    Returns:
        The shape, type and layout of ``x``; ``x`` itself when there is nothing to do.

    Raises:
        ValueError: an unknown activation, a bias that does not fit, or a negative clamp.
    """
    if act not in ACTIVATIONS:
        raise ValueError(f"no activation is named {act!r}; there are {', '.join(ACTIVATIONS)}")
    if clamp is not None and clamp < 0:
        raise ValueError(f"clamp is {clamp!r}; expected a number of at least 0, or None")
    if b is not None and (b.ndim != 1 or b.shape[0] != x.shape[dim]):
        raise ValueError(
            f"the bias has the shape {tuple(b.shape)!r}; expected [{x.shape[dim]}], as axis "
            f"{dim!r} of x, which has the shape {tuple(x.shape)!r}"
        )
    activation = ACTIVATIONS[act]
    alpha = activation.alpha if alpha is None else float(alpha)
    gain = activation.gain if gain is None else float(gain)
    run = _WAYS[choose("bias_act", x, impl)]
    return run(x, b, dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)


def bias_act_in_place(
    x: Tensor,
    b: Tensor | None,
    *,
    dim: int,
    act: str,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """The arrangement that is fast without a kernel of ours: few passes, the sum overwritten."""
    activation = ACTIVATIONS[act]
    # Where the gain commutes with the activation, it costs nothing in the addition of the bias.
    early = gain if activation.homogeneous and gain >= 0 else 1.0
    late = gain if early == 1 else 1.0
    y = _scaled_sum(x, b, dim, early)
    y = activation.function(y, alpha, y is not x)
    y = y if late == 1 else y * late
    return y if clamp is None else y.clamp(-clamp, clamp)


def _scaled_sum(x: Tensor, b: Tensor | None, dim: int, scale: float) -> Tensor:
    """scale * (x + b)."""
    if b is None:
        return x if scale == 1 else x * scale
    b = along(b.to(x.dtype), x, dim)
    return x + b if scale == 1 else torch.add(b * scale, x, alpha=scale)


_WAYS: Mapping[Choice, Callable[..., Tensor]] = {
    "reference": bias_act_reference,
    "torch": bias_act_in_place,
    "cupy": bias_act_kernel,
}
