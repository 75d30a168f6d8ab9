"""The operations that have kernels, as calls on tensors of a size, and what they must move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ganzoo import ops
from ganzoo.errors import UsageError
from ganzoo.registry.suggest import did_you_mean

TAPS = (1.0, 3.0, 3.0, 1.0)
CLAMP = 256.0  # as networks in half precision have it

Size = tuple[int, int, int, int]
Draw = Callable[..., Tensor]
Made = tuple[Callable[..., Tensor], tuple[Tensor, ...], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One way to call an operation.

    Args:
        op: what ``choose`` and the gains know it as.
        variant: what sets it apart from other calls of the same op; empty: nothing.
        make: from ``x`` and a function that draws further arguments: the call, its inputs (the
            first is ``x``), and constants that it reads as well.
        backward_reads_x: whether the pass back needs the input, or the result in its place.
    """

    op: str
    variant: str = ""
    make: Callable[[Tensor, Draw], Made]
    backward_reads_x: bool

    @property
    def name(self) -> str:
        """``op/variant``, or the op's."""
        return f"{self.op}/{self.variant}" if self.variant else self.op

    @property
    def account(self) -> str:
        """What crosses the memory at least, in words."""
        again = " and x" if self.backward_reads_x else ""
        return f"forward reads x, writes y; backward reads dy{again}, writes dx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An operation on actual tensors.

    Args:
        call: ``call(*inputs, impl=...)`` gives the result.
        inputs: those that gradients are wanted of; the first is the image-like one.
        gradient: of the result.
        forward_bytes: that a forward pass must move: what it reads, once, and the result.
        backward_bytes: that the pass back must move on top of it.
    """

    call: Callable[..., Tensor]
    inputs: tuple[Tensor, ...]
    gradient: Tensor
    forward_bytes: int
    backward_bytes: int


def problem(
    operation: Operation,
    size: Size,
    dtype: torch.dtype,
    layout: torch.memory_format,
    device: torch.device,
) -> Problem:
    """Random tensors for an operation; those of a float32 recipe beside a low-precision ``x``.

    Args:
        size: N, C, H, W of the input.
        dtype: of input and result; vectors and noise are float32, or float64 beside a float64.
    """
    random = torch.Generator(device).manual_seed(0)
    wide = torch.promote_types(dtype, torch.float32)

    def draw(*shape: int, dtype: torch.dtype = wide) -> Tensor:
        return torch.randn(shape, generator=random, device=device, dtype=wide).to(dtype)

    x = draw(*size, dtype=dtype).contiguous(memory_format=layout)
    call, inputs, constants = operation.make(x, draw)
    with torch.no_grad():
        y = call(*inputs, impl="reference")
    gradient = torch.empty_like(y).copy_(draw(*y.shape, dtype=y.dtype))
    given = sum(map(_bytes, inputs))
    return Problem(
        call=call,
        inputs=tuple(tensor.requires_grad_() for tensor in inputs),
        gradient=gradient,
        forward_bytes=given + sum(map(_bytes, constants)) + _bytes(y),
        backward_bytes=_bytes(gradient) + given + operation.backward_reads_x * _bytes(x),
    )


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _resampling(function: Callable[..., Tensor], x: Tensor, draw: Draw) -> Made:
    taps = ops.setup_filter(TAPS, device=x.device)

    def call(x: Tensor, **options: Any) -> Tensor:
        return function(x, taps, **options)

    return call, (x,), ()


def _bias_act(x: Tensor, draw: Draw) -> Made:
    return partial(ops.bias_act, act="lrelu", clamp=CLAMP), (x, draw(x.shape[1])), ()


def _layer_epilogue(x: Tensor, draw: Draw) -> Made:
    number, channels, height, width = x.shape
    noise = draw(number, 1, height, width)

    def call(x: Tensor, factors: Tensor, strength: Tensor, bias: Tensor, **options: Any) -> Tensor:
        return ops.layer_epilogue(
            x,
            factors=factors,
            noise=noise,
            strength=strength,
            bias=bias,
            act="lrelu",
            clamp=CLAMP,
            **options,
        )

    return call, (x, draw(number, channels), draw(), draw(channels)), (noise,)


def _modulate(x: Tensor, draw: Draw) -> Made:
    return ops.modulate, (x, draw(*x.shape[:2])), ()


def _adain(x: Tensor, draw: Draw) -> Made:
    return ops.adain, (x, draw(*x.shape[:2]), draw(*x.shape[:2])), ()


def _pixel_norm(x: Tensor, draw: Draw) -> Made:
    del draw
    return ops.second_moment_norm, (x,), ()


OPERATIONS = (
    Operation(
        op="upfirdn2d",
        variant="up2",
        make=partial(_resampling, ops.upsample2d),
        backward_reads_x=False,
    ),
    Operation(
        op="upfirdn2d",
        variant="down2",
        make=partial(_resampling, ops.downsample2d),
        backward_reads_x=False,
    ),
    Operation(
        op="upfirdn2d",
        variant="blur",
        make=partial(_resampling, ops.filter2d),
        backward_reads_x=False,
    ),
    Operation(op="bias_act", make=_bias_act, backward_reads_x=True),
    Operation(op="layer_epilogue", make=_layer_epilogue, backward_reads_x=True),
    Operation(op="modulate", make=_modulate, backward_reads_x=True),
    Operation(op="adain", make=_adain, backward_reads_x=True),
    Operation(op="pixel_norm", make=_pixel_norm, backward_reads_x=True),
)


def operations_named(names: Iterable[str]) -> tuple[Operation, ...]:
    """The operations of these names, in the order of ``OPERATIONS``; of none: all.

    Args:
        names: of operations, or of ops for all of their variants.

    Raises:
        UsageError: there is no such operation.
    """
    known = {name for each in OPERATIONS for name in (each.name, each.op)}
    wanted = set(names)
    for name in sorted(wanted - known):
        nearest = did_you_mean(name, known)
        hint = f"Did you mean {nearest!r}?  " if nearest else ""
        raise UsageError(
            f"ganzoo bench ops: no operation is named {name!r}.\n  {hint}There are:"
            f" {', '.join(each.name for each in OPERATIONS)}"
        )
    return tuple(
        each for each in OPERATIONS if not wanted or each.name in wanted or each.op in wanted
    )
