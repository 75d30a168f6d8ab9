"""The layer epilogue by our kernels, as operations that torch knows.

``ganzoo::layer_epilogue`` is the forward map, ``ganzoo::layer_epilogue_backward`` its gradient.
The gradient's own gradient takes a kernel too; further derivatives are plain torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels import layer_epilogue as kernels
from ganzoo.backends.cupy_kernels.engine import stand_in
from ganzoo.backends.cupy_kernels.table import accumulating_type
from ganzoo.ops.kernel_outputs import empty_as, fresh_as
from ganzoo.ops.layer_epilogue_reference import gradient, reference
from ganzoo.ops.pull_back import pull_back

Arguments = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, Tensor | None]

_CALL = (
    "Tensor x, Tensor? factors, Tensor? noise, Tensor? strength, Tensor? bias, Tensor? styles, "
    "float alpha, float gain, float? clamp"
)


def layer_epilogue_kernel(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    styles: Tensor | None,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """clamp(gain * leaky(x factors + noise strength + bias)) * styles; noise gets no gradient."""
    return _forward(x, factors, noise, strength, bias, styles, alpha, gain, clamp)


@torch.library.custom_op("ganzoo::layer_epilogue", mutates_args=(), schema=f"({_CALL}) -> Tensor")
def _forward(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    styles: Tensor | None,
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    if x.is_cuda or stand_in():
        layer = _layer(factors, noise, strength, bias, alpha, gain, clamp)
        return kernels.forward(x, layer, styles)
    y = reference(x, factors, noise, strength, bias, "lrelu", alpha, gain, clamp, styles)
    return fresh_as(y, x)


@torch.library.custom_op(
    "ganzoo::layer_epilogue_backward",
    mutates_args=(),
    schema=f"(Tensor gy, {_CALL}, bool from_y) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _backward(
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
    from_y: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    numbers = (alpha, gain, clamp, from_y)
    given = (factors, strength, bias, styles)
    if x.is_cuda or stand_in():
        layer = _layer(factors, noise, strength, bias, *numbers)
        weights = _times(*_wide(x, factors, styles)) if styles is not None else factors
        wanted = [argument is not None for argument in (bias, factors, strength, styles)]
        gx, sums = kernels.gradient(gy, x, layer, weights, wanted=wanted)
        ones, xs, noises, ys, _ = sums
        found: tuple[Tensor, ...] = (
            _times(styles, xs),
            _times(styles, noises),
            _times(styles, ones),
            ys,
        )
        assert gx is not None
    else:
        given_x, *rest = gradient(gy, x, factors, noise, strength, bias, styles, *numbers)
        gx, found = fresh_as(given_x, x), tuple(rest)
    gf, gm, gb, gn = (
        x.new_empty(0) if argument is None else _reduced(total, argument)
        for total, argument in zip(found, given)
    )
    return gx, gf, gm, gb, gn


@_forward.register_fake
def _(x: Tensor, *rest: Any) -> Tensor:
    return empty_as(x)


@_backward.register_fake
def _(
    gy: Tensor,
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    styles: Tensor | None,
    *numbers: Any,
) -> tuple[Tensor, ...]:
    rest = (
        x.new_empty(0) if t is None else torch.empty(t.shape, dtype=t.dtype, device=x.device)
        for t in (factors, strength, bias, styles)
    )
    return empty_as(x), *rest


def _remember(ctx: Any, inputs: tuple, output: Tensor) -> None:
    x, factors, *rest, styles, alpha, gain, clamp = inputs
    # The result is kept by whoever reads it, the features by nobody else.
    from_y = factors is None and styles is None and gain > 0 and alpha >= 0
    ctx.save_for_backward(output if from_y else x, factors, *rest, styles)
    ctx.numbers = (alpha, gain, clamp, from_y)


def _differentiate(ctx: Any, gy: Tensor) -> tuple:
    tensors = ctx.saved_tensors
    gx, gf, gs, gb, gn = _backward(gy, *tensors, *ctx.numbers)
    _, factors, _, strength, bias, styles = tensors
    return (
        gx,
        None if factors is None else gf,
        None,
        None if strength is None else gs,
        None if bias is None else gb,
        None if styles is None else gn,
        *(None, None, None),
    )


def _remember_backward(ctx: Any, inputs: tuple, output: tuple) -> None:
    *tensors, alpha, gain, clamp, from_y = inputs
    ctx.save_for_backward(*tensors)
    ctx.numbers = (alpha, gain, clamp, from_y)
    ctx.set_materialize_grads(False)


def _differentiate_backward(ctx: Any, *cotangents: Tensor | None) -> tuple:
    gy, x, *rest = ctx.saved_tensors
    given = [True, *(t is not None for t in (rest[0], rest[2], rest[3], rest[4]))]
    cotangents = tuple(h if g else None for h, g in zip(cotangents, given))
    found: Sequence[Tensor | None] = [None] * 7
    if any(h is not None for h in cotangents):
        wanted = ctx.needs_input_grad[:7]
        if torch.is_grad_enabled() or not (x.is_cuda or stand_in()):
            found = _second_plain(gy, x, rest, cotangents, wanted, ctx.numbers)
        else:
            found = _second(gy, x, rest, cotangents, wanted, ctx.numbers)
    return (*found, None, None, None, None)


def _second(
    gy: Tensor,
    x: Tensor,
    rest: Sequence[Tensor | None],
    cotangents: Sequence[Tensor | None],
    wanted: Sequence[bool],
    numbers: tuple[float, float, float | None, bool],
) -> list[Tensor | None]:
    """Pull cotangents of the backward map back by kernels.

    The map is the forward one's transpose, so ``gy`` receives the tangent of the forward map along
    the cotangents. With e = gy times the slope, the rest follows from e's sums over every map:

        gx = e s f,     gf = s sum(e x),     gm = sum(s e z),     gb = sum(s e),     gs = sum(gy y).
    """
    layer = _layer(rest[0], rest[1], rest[2], rest[3], *numbers)
    factors, styles = _wide(x, rest[0], rest[4])
    hx, (hf, hm, hb, hs) = cotangents[0], _wide(x, *cotangents[1:])
    found: list[Tensor | None] = [None] * 7
    if wanted[0]:
        found[0] = kernels.tangent(x, layer, styles, hx, hf, hm, hb, hs)
    weights = _sum(_times(styles, hf), hs if factors is None else _times(factors, hs))
    wants_x = wanted[1] and weights is not None
    if not wants_x and not any(wanted[2:]):
        return found
    dx, (ones, xs, noises, _, along) = kernels.gradient(gy, x, layer, weights, hx, out=wants_x)
    found[1] = dx
    moved = None if hx is None else along  # sum(e hx)
    totals = {
        2: _sum(None if hs is None else hs * xs, _times(styles, moved)),
        4: None if hs is None else hs * noises,
        5: None if hs is None else hs * ones,
        6: _sum(
            _times(factors, moved),
            None if hf is None else hf * xs,
            None if hm is None else hm * noises,
            None if hb is None else hb * ones,
        ),
    }
    for place, total in totals.items():
        argument = rest[place - 2]
        if wanted[place] and total is not None and argument is not None:
            found[place] = _reduced(total, argument)
    return found


def _second_plain(
    gy: Tensor,
    x: Tensor,
    rest: Sequence[Tensor | None],
    cotangents: Sequence[Tensor | None],
    wanted: Sequence[bool],
    numbers: tuple[float, float, float | None, bool],
) -> list[Tensor | None]:
    """The same in plain torch, which differentiates further."""
    everything = [gy, x, *rest]
    present = [place for place, argument in enumerate(everything) if argument is not None]

    def formula(*arguments: Tensor) -> tuple[Tensor, ...]:
        call: list[Any] = [None] * 7
        for place, argument in zip(present, arguments):
            call[place] = argument
        gy, x, factors, noise, strength, bias, styles = call
        totals = gradient(gy, x, factors, noise, strength, bias, styles, *numbers)
        return tuple(
            total if argument is None else _reduced(total, argument)
            for total, argument in zip(totals, (None, factors, strength, bias, styles))
        )

    arguments = [argument for argument in everything if argument is not None]
    gradients = pull_back(formula, arguments, cotangents, [wanted[place] for place in present])
    found: list[Tensor | None] = [None] * 7
    for place, each in zip(present, gradients):
        found[place] = each
    return found


def _layer(
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    alpha: float,
    gain: float,
    clamp: float | None,
    from_y: bool = False,
) -> kernels.Layer:
    return kernels.Layer(
        factors=factors,
        noise=noise,
        strength=strength,
        bias=bias,
        alpha=alpha,
        gain=gain,
        clamp=clamp,
        from_y=from_y,
    )


def _wide(x: Tensor, *tensors: Tensor | None) -> list[Tensor | None]:
    """Small tensors in the type that sums are made in."""
    dtype = accumulating_type(x.dtype)
    return [None if tensor is None else tensor.to(dtype) for tensor in tensors]


def _reduced(total: Tensor, argument: Tensor) -> Tensor:
    """Sums per map [N, C] as the gradient of an argument per map, per channel, or of one number.

    Never a view, which an operation may not return.
    """
    if argument.ndim < 2:
        return (total.sum(0) if argument.ndim else total.sum()).to(argument.dtype)
    return total.to(argument.dtype, copy=True)


def _times(factor: Tensor | None, total: Tensor | None) -> Any:
    """Factor * total, where no factor is 1 and no total is zero."""
    return total if factor is None or total is None else factor * total


def _sum(*terms: Tensor | None) -> Tensor | None:
    """The sum of those that are there."""
    there = [term for term in terms if term is not None]
    total = None
    for term in there:
        total = term if total is None else total + term
    return total


_forward.register_autograd(_differentiate, setup_context=_remember)
_backward.register_autograd(_differentiate_backward, setup_context=_remember_backward)
