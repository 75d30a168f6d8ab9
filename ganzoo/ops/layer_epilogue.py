"""What follows a layer's convolution, in one step: demodulation, noise, bias, activation, style."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.ops.activations import ACTIVATIONS
from ganzoo.ops.bias_act import bias_act
from ganzoo.ops.implementation import Impl, choose
from ganzoo.ops.layer_epilogue_kernel import layer_epilogue_kernel
from ganzoo.ops.layer_epilogue_reference import reference
from ganzoo.ops.modulate import modulate
from ganzoo.ops.piecewise_epilogue import piecewise_epilogue


def layer_epilogue(
    x: Tensor,
    *,
    factors: Tensor | None = None,
    noise: Tensor | None = None,
    strength: Tensor | None = None,
    bias: Tensor | None = None,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    next_styles: Tensor | None = None,
    impl: Impl = "auto",
) -> Tensor:
    """clamp(gain * act(x * factors + noise * strength + bias)) * next_styles.

    Everything is optional, and differentiates to any order. The definition and the kernel compute
    in at least float32, whatever the type of ``x`` and of the other arguments; the arrangement in
    torch rounds half precision more often, on GPUs at every pass.

    Args:
        x: [N, C, H, W], as a convolution gives it.
        factors: [N, C], as the demodulation factors (StyleGAN2, Eq. 3).
        noise: map, [N or 1, 1, H, W].
        strength: [] or [C], factor of the noise; 1 when None. Not read without noise.
        bias: [C].
        act: name of an activation, a key of `ACTIVATIONS`.
        alpha: parameter of the activation; its own default when None.
        gain: factor behind the activation; *replaces* its default, as in `bias_act`.
        clamp: largest magnitude before ``next_styles``; None for no limit.
        next_styles: [N, C], modulation of the layer that follows.
        impl: who computes it; see `ganzoo.ops.implementation`.

    Returns:
        [N, C, H, W], in the type and layout of ``x``; ``x`` itself when there is nothing to do.

    Raises:
        ValueError: an argument does not fit ``x``, an unknown activation, or a negative clamp.
        BackendError: ``impl="cupy"`` where the kernel cannot run.
    """
    _check(x, factors, noise, strength, bias, next_styles)
    if act not in ACTIVATIONS:
        raise ValueError(f"no activation is named {act!r}; there are {', '.join(ACTIVATIONS)}")
    if clamp is not None and clamp < 0:
        raise ValueError(f"clamp is {clamp!r}; expected a number of at least 0, or None")
    activation = ACTIVATIONS[act]
    alpha = activation.alpha if alpha is None else float(alpha)
    gain = activation.gain if gain is None else float(gain)
    strength = None if noise is None else strength
    nothing = act == "linear" and gain == 1 and clamp is None
    if nothing and factors is noise is bias is next_styles is None:
        return x
    choice = choose("layer_epilogue", x, impl)
    if torch.compiler.is_compiling() and choice == "torch":
        choice = "reference"  # the compiler makes one pass of it, and cannot see through ours
    slope = {"linear": 1.0, "relu": 0.0, "lrelu": alpha}.get(act)
    if choice == "reference":
        arguments = (factors, noise, strength, bias, act, alpha, gain, clamp, next_styles)
        return reference(x, *arguments)
    x, factors, noise, strength = _without_noise_gradient(x, factors, noise, strength)
    if choice == "torch":
        if slope is not None and slope >= 0 and gain > 0:
            y = piecewise_epilogue(x, factors, noise, strength, bias, slope, gain, clamp)
            return y if next_styles is None else modulate(y, next_styles)
        return reference(x, factors, noise, strength, bias, act, alpha, gain, clamp, next_styles)
    if slope is None:  # curved ones have a kernel of their own
        y = layer_epilogue_kernel(x, factors, noise, strength, bias, None, 1.0, 1.0, None)
        y = bias_act(y, act=act, alpha=alpha, gain=gain, clamp=clamp, impl="cupy")
        return y if next_styles is None else modulate(y, next_styles, impl="cupy")
    return layer_epilogue_kernel(x, factors, noise, strength, bias, next_styles, slope, gain, clamp)


def _without_noise_gradient(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Add a map that somebody moves by plain torch: the fast paths give maps no gradient."""
    if noise is None or not (noise.requires_grad and torch.is_grad_enabled()):
        return x, factors, noise, strength
    term = noise if strength is None else noise * strength.reshape(1, -1, 1, 1)
    y = (x if factors is None else x * factors[:, :, None, None]) + term
    return y.to(x.dtype), None, None, None


def _check(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    next_styles: Tensor | None,
) -> None:
    if x.ndim != 4:
        raise ValueError(f"x has the shape {tuple(x.shape)!r}; expected [N, C, H, W]")
    number, channels, height, width = x.shape
    each: tuple[tuple[str, Tensor | None, tuple[tuple[int, ...], ...]], ...] = (
        ("factors", factors, ((number, channels),)),
        ("noise", noise, ((number, 1, height, width), (1, 1, height, width))),
        ("strength", strength, ((), (channels,))),
        ("bias", bias, ((channels,),)),
        ("next_styles", next_styles, ((number, channels),)),
    )
    for name, tensor, shapes in each:
        if tensor is not None and tuple(tensor.shape) not in shapes:
            raise ValueError(
                f"{name} has the shape {tuple(tensor.shape)!r} for an x of {tuple(x.shape)!r}; "
                f"expected {' or '.join(str(list(shape)) for shape in shapes)}"
            )
