"""The passes of the piecewise linear epilogue: plain loops over blocks, nothing differentiated.

Of several simple passes over a block, all but the first find it in the cache. The gain of a
piecewise linear function may stand before it as well as behind, so it costs no pass of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.ops.full_precision import autocast_off
from ganzoo.ops.map_blocks import MapBlocks, Slices, is_channels_last

Numbers = tuple[float, float, float | None]
"""Slope, gain and clamp."""

Saved = Sequence[Tensor | None]
"""The gradient of y, then x, y, factors and noise, where they are needed."""


def forward(
    x: Tensor,
    factors: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    bias: Tensor | None,
    slope: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """The result; arguments as in `ganzoo.ops.piecewise_epilogue`."""
    several = bias is not None or noise is not None or slope != 1 or clamp is not None
    work = _work_type(x, several)
    # Leaky functions are positively homogeneous: the gain costs nothing in the small arguments.
    scaled = _scaled(factors, gain, work)
    map_scale: Tensor | float | None = None
    if noise is not None:
        map_scale = gain
        if strength is not None:
            map_scale = (strength * gain).to(work)
            if map_scale.numel() > 1:
                map_scale = map_scale[:, None, None]
    offset = None if bias is None else bias.to(work)[:, None, None]
    y = torch.empty_like(x)
    blocks = MapBlocks(x, work)
    channels_last = is_channels_last(x)
    for at in blocks:
        target = y[at]
        v = target if work is x.dtype else blocks.room(0, target)
        source = blocks.as_work(x[at], 0)
        factor = None if scaled is None else scaled[at[0]]
        if map_scale is None and factor is None and offset is not None:
            torch.add(offset * gain, source, alpha=gain, out=v)
        elif map_scale is None:
            _scale(source, factor, gain, v, False)
        else:
            term = _noise_block(noise, at).to(work)
            if isinstance(map_scale, float) or map_scale.dim() == 0:
                term = term * map_scale
                if factor is not None and channels_last:  # planes have no fast loop for this
                    torch.addcmul(term, source, factor, out=v)
                else:
                    _scale(source, factor, gain, v, False)
                    v.add_(term)
            else:
                _scale(source, factor, gain, v, False)
                v.addcmul_(term, map_scale)
        if offset is not None and (factor is not None or map_scale is not None):
            v.add_(offset, alpha=gain)
        if slope == 0:
            v.clamp_(min=0)
        elif slope != 1:
            torch.nn.functional.leaky_relu_(v, slope)
        if clamp is not None:
            v.clamp_(-clamp, clamp)
        if v is not target:
            target.copy_(v)
    return y


def gradient(
    saved: Saved,
    shapes: tuple[torch.Size | None, torch.Size | None],
    wants: tuple[bool, bool],
    numbers: Numbers,
) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of x, factors, strength and bias, all but the first in at least float32.

    Args:
        saved: the gradient of y; x, where the factors' gradient is wanted; y, unless its slope is
            the same everywhere; factors; noise, where the strength's gradient is wanted.
        shapes: of strength and bias; None where their gradient is not wanted.
        wants: whether those of x and factors are.
        numbers: slope, gain and clamp.
    """
    gy, x, y, factors, noise = saved
    slope, gain, clamp = numbers
    assert gy is not None
    strength_shape, bias_shape = shapes
    number, channels = gy.shape[:2]
    like = _first(x, y, gy)
    work = _work_type(like, y is not None and like.dtype is not torch.bfloat16)
    sums = torch.promote_types(gy.dtype, torch.float32)
    gx = torch.empty_like(like, dtype=gy.dtype) if wants[0] else None
    gf = gy.new_zeros(number, channels, dtype=sums) if wants[1] else None
    gs = gy.new_zeros(channels, dtype=sums) if strength_shape is not None else None
    gb = gy.new_zeros(channels, dtype=sums) if bias_shape is not None else None
    scaled = _scaled(factors, gain, work)
    blocks = MapBlocks(like, work)
    for at in blocks:
        done = gx[at] if gx is not None and scaled is None and gain == 1 else None
        e = _masked(gy[at], None if y is None else y[at], slope, clamp, blocks, done)
        if gs is not None:
            _add_map_sums(e, _noise_block(noise, at), gb, gs, blocks)
        elif gb is not None:
            gb.add_(_sum(e, (0, 2, 3)))
        if gf is not None:
            assert x is not None
            gf[at[0]].add_(_pixel_sum(e, x[at], blocks))
        if gx is not None and e is not done:
            _scale(e, None if scaled is None else scaled[at[0]], gain, gx[at], True)
    if gain != 1:
        for total in (gf, gs, gb):
            if total is not None:
                total.mul_(gain)
    if gs is not None and strength_shape == ():
        gs = gs.sum()
    return gx, gf, gs, gb


def second(
    saved: Saved,
    cotangents: Sequence[Tensor | None],
    wants: tuple[bool, bool, bool],
    numbers: Numbers,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Pull the cotangents of (gx, gf, gs, gb) back to (gy, x, factors); see `second_plain`."""
    gy, x, y, factors, noise = saved
    hx, hf, hs, hb = cotangents
    slope, gain, clamp = numbers
    assert gy is not None
    like = _first(x, y, gy)
    work = _work_type(like, y is not None and like.dtype is not torch.bfloat16)
    dgy = torch.empty_like(like, dtype=gy.dtype) if wants[0] else None
    dx = torch.empty_like(like, dtype=gy.dtype) if wants[1] and hf is not None else None
    df = None
    if wants[2] and hx is not None:
        df = gy.new_zeros(gy.shape[:2], dtype=torch.promote_types(gy.dtype, torch.float32))
    scaled, scaled_hf = _scaled(factors, gain, work), _scaled(hf, gain, work)
    map_scale = None if hs is None else (hs * gain).to(work).reshape(1, -1, 1, 1)
    blocks = MapBlocks(like, work)
    for at in blocks:
        y_block = None if y is None else y[at]
        if dgy is not None:
            target = dgy[at]
            t = target if work is target.dtype else blocks.room(0, target)
            if hx is None:
                t.zero_()
            else:
                _scale(
                    blocks.as_work(hx[at], 1),
                    None if scaled is None else scaled[at[0]],
                    gain,
                    t,
                    False,
                )
            if scaled_hf is not None:
                assert x is not None
                t.addcmul_(blocks.as_work(x[at], 1), scaled_hf[at[0]])
            if map_scale is not None:
                t.add_(_noise_block(noise, at).to(work) * map_scale)
            if hb is not None:
                t.add_(hb.to(work)[:, None, None], alpha=gain)
            if y_block is not None:
                _mask(t, blocks.as_work(y_block, 1), slope, t)
                if clamp is not None:
                    t.masked_fill_(_clamped(y_block, clamp), 0)
            if t is not target:
                target.copy_(t)
        if dx is not None or df is not None:
            e = _masked(gy[at], y_block, slope, clamp, blocks)
            if df is not None:
                assert hx is not None
                df[at[0]].add_(_pixel_sum(e, hx[at], blocks))
            if dx is not None:
                assert scaled_hf is not None
                _scale(e, scaled_hf[at[0]], gain, dx[at], y is not None)
    if df is not None:
        assert factors is not None
        df = df.mul_(gain).to(factors.dtype)
    return dgy, dx, df


def second_plain(
    saved: Saved,
    cotangents: Sequence[Tensor | None],
    wants: tuple[bool, bool, bool],
    numbers: Numbers,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The same in plain torch, which differentiates further.

    With k = gain * slope where y is not clamped, gx = k gy f, gf = sum(k gy x), gs = sum(k gy z)
    and gb = sum(k gy), so that

        dgy = k (hx f + hf x + hs z + hb),   dx = k gy hf,   df = sum(k gy hx).
    """
    gy, x, y, factors, noise = saved
    hx, hf, hs, hb = cotangents
    slope, gain, clamp = numbers
    assert gy is not None
    work = torch.promote_types(gy.dtype, torch.float32)
    k = _slopes(y, slope, gain, clamp, work)
    dgy = dx = df = None
    if wants[0]:
        t = torch.zeros((), dtype=work, device=gy.device)
        if hx is not None:
            t = t + (hx.to(work) if factors is None else hx.to(work) * _wide(factors, work))
        if hf is not None:
            assert x is not None
            t = t + x.to(work) * _wide(hf, work)
        if hs is not None:
            assert noise is not None
            t = t + noise.to(work) * hs.to(work).reshape(1, -1, 1, 1)
        if hb is not None:
            t = t + hb.to(work)[:, None, None]
        dgy = (t * k).expand(gy.shape).to(gy.dtype)
    if wants[1] and hf is not None:
        dx = (gy.to(work) * k * _wide(hf, work)).to(gy.dtype)
    if wants[2] and hx is not None:
        assert factors is not None
        df = (gy.to(work) * k * hx.to(work)).sum((2, 3)).to(factors.dtype)
    return dgy, dx, df


def _scale(
    source: Tensor, factors: Tensor | None, gain: float, target: Tensor, overwrite: bool
) -> None:
    """Write to ``target`` the source times the factors (which have the gain in them), or the gain.

    ``overwrite`` allows to use up the source where its type is another than the target's.
    """
    factor = gain if factors is None else factors
    if source.dtype is target.dtype:
        if factors is not None or gain != 1:
            torch.mul(source, factor, out=target)
        elif source is not target:
            target.copy_(source)
    elif factors is None and gain == 1:
        target.copy_(source)
    else:
        target.copy_(source.mul_(factor) if overwrite else source * factor)


def _masked(
    g: Tensor,
    y: Tensor | None,
    slope: float,
    clamp: float | None,
    blocks: MapBlocks,
    out: Tensor | None = None,
) -> Tensor:
    """``g`` times the slope at ``y``, zero where it is clamped; without the gain.

    In ``out`` if that has the working type, else in room 0; ``g`` itself where nothing is to be
    done.
    """
    if y is None:
        return blocks.as_work(g, 0)
    e = out if out is not None and out.dtype is blocks.work else blocks.room(0, g)
    if slope == 1:
        e.copy_(g)
    else:
        _mask(blocks.as_work(g, 0), blocks.as_work(y, 1), slope, e)
    if clamp is not None:
        e.masked_fill_(_clamped(y, clamp), 0)
    return e


def _mask(g: Tensor, y: Tensor, slope: float, out: Tensor) -> None:
    """``g`` times the slope at ``y``, all in one type."""
    if slope == 0:
        torch.ops.aten.threshold_backward.grad_input(g, y, 0, grad_input=out)
    elif slope != 1:
        torch.ops.aten.leaky_relu_backward.grad_input(g, y, slope, True, grad_input=out)


def _slopes(
    y: Tensor | None, slope: float, gain: float, clamp: float | None, work: torch.dtype
) -> Tensor | float:
    """Derivative of y by its pre-activation."""
    if y is None:
        return gain
    k = torch.full_like(y, gain * slope, dtype=work).masked_fill(y > 0, gain)
    return k if clamp is None else k.masked_fill(_clamped(y, clamp), 0)


def _clamped(y: Tensor, clamp: float) -> Tensor:
    """Where y is at the limit, compared as y was stored: 0.7 is 0.69921875 in bfloat16."""
    return y.abs() >= y.new_full((), clamp)


def _add_map_sums(
    e: Tensor, noise: Tensor, gb: Tensor | None, gs: Tensor, blocks: MapBlocks
) -> None:
    """Add to ``gs`` [C] the sums of ``e`` times the map, and to ``gb`` [C] those of ``e``."""
    if e.device.type == "cpu" and e.dtype is not torch.float16 and is_channels_last(e):
        # One product with the rows (noise, 1) reads e once for both.
        number, channels = e.shape[:2]
        rows = e.new_ones(number, 1 if gb is None else 2, e.shape[2] * e.shape[3])
        rows[:, 0] = noise.reshape(noise.shape[0], -1)
        with autocast_off(e):
            sums = torch.bmm(rows, e.permute(0, 2, 3, 1).reshape(number, -1, channels)).sum(0)
        gs.add_(sums[0])
        if gb is not None:
            gb.add_(sums[1])
        return
    product = torch.mul(e, noise.to(e.dtype), out=blocks.room(2, e))
    gs.add_(_sum(product, (0, 2, 3)))
    if gb is not None:
        gb.add_(_sum(e, (0, 2, 3)))


def _pixel_sum(a: Tensor, b: Tensor, blocks: MapBlocks) -> Tensor:
    """Sum over H and W of a * b, [N, C]; a is in the working type."""
    return _sum(torch.mul(a, blocks.as_work(b, 1), out=blocks.room(2, a)), (2, 3))


def _sum(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    # bfloat16 sums are made in float32 and rounded once; asking for float32 costs a copy on CPUs.
    if x.dtype is torch.bfloat16 and x.device.type == "cpu":
        return x.sum(axes)
    return x.sum(axes, dtype=torch.promote_types(x.dtype, torch.float32))


def _scaled(factors: Tensor | None, gain: float, work: torch.dtype) -> Tensor | None:
    """Factors times the gain, [N, C, 1, 1]."""
    if factors is None:
        return None
    return (factors if gain == 1 else factors * gain).to(work)[:, :, None, None]


def _wide(factors: Tensor, work: torch.dtype) -> Tensor:
    return factors.to(work)[:, :, None, None]


def _first(*tensors: Tensor | None) -> Tensor:
    return next(tensor for tensor in tensors if tensor is not None)


def _noise_block(noise: Tensor | None, at: Slices) -> Tensor:
    """The part of a map [N or 1, 1, H, W] that belongs to a block."""
    assert noise is not None
    return noise[at] if noise.shape[0] > 1 else noise[:, at[1], at[2]]


def _work_type(x: Tensor, several: bool) -> torch.dtype:
    """The type of the arithmetic.

    Several passes in half precision are faster on a copy in float32, and round once; a single one
    is not, nor are the passes of a gradient in bfloat16, which are mostly different ones. GPUs
    round every pass instead of making tensors twice as big.
    """
    if several and x.device.type == "cpu":
        return torch.promote_types(x.dtype, torch.float32)
    return x.dtype
