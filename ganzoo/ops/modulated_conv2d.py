"""Convolution whose input channels are scaled by a style, and its demodulation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.ops.full_precision import autocast_off
from ganzoo.ops.half_range import half_range
from ganzoo.ops.layer_epilogue import layer_epilogue
from ganzoo.ops.map_blocks import is_channels_last
from ganzoo.ops.modulate import modulate
from ganzoo.ops.resample_conv2d import resample_conv2d
from ganzoo.ops.resampling_geometry import as_padding


def modulated_conv2d(
    x: Tensor,
    w: Tensor,
    styles: Tensor,
    *,
    noise: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    f: Tensor | None = None,
    demodulate: bool = True,
    flip_weight: bool = True,
    eps: float = 1e-8,
) -> Tensor:
    """Modulated and demodulated convolution (StyleGAN2, Eqs. 1 and 3).

    Scaling the weights by the style equals scaling the image before the convolution, and dividing
    them by their norm equals scaling its result: y = d * conv(s * x, w). One convolution serves
    the whole batch, and no sample has weights of its own.

    Args:
        x: [N, I, H, W].
        w: [O, I, k, k].
        styles: [N, I], one factor for each input channel.
        noise: added to the demodulated result; anything that broadcasts to it, as [N, 1, H', W'].
        up: upsampling factor, as in `resample_conv2d`.
        down: downsampling factor, as in `resample_conv2d`.
        padding: as in `resample_conv2d`.
        f: filter, as in `resample_conv2d`.
        demodulate: divide each output channel by the norm of its modulated weights.
        flip_weight: True is correlation, False is true convolution.
        eps: added to the squared norm.

    Returns:
        [N, O, H', W'].

    Raises:
        ValueError: the styles do not fit the image or the weights.
    """
    if w.ndim != 4 or styles.shape != (x.shape[0], w.shape[1]):
        raise ValueError(
            f"styles have the shape {tuple(styles.shape)!r} for an x of {tuple(x.shape)!r} and a "
            f"w of {tuple(w.shape)!r}; expected [N, I], [N, I, H, W] and [O, I, k, k]"
        )
    factors = demodulation_factors(w, styles, eps) if demodulate else None
    if factors is not None and x.dtype is torch.float16:
        weight_scale, styles, factors = half_range(w, styles, factors)
        w = w * weight_scale
    plain = up == down == 1 and as_padding(padding) == (0, 0, 0, 0)
    if plain and w.shape[2:] == (1, 1) and 4 * w.shape[0] <= w.shape[1]:
        y = _few_outputs(x, w, styles)
    else:
        x = modulate(x, styles)
        w = w.to(x.dtype)
        y = resample_conv2d(x, w, f, up=up, down=down, padding=padding, flip_weight=flip_weight)
    if noise is not None and not _is_map(noise, y):
        y = layer_epilogue(y, factors=factors)
        return y + noise.to(y.dtype)
    return layer_epilogue(y, factors=factors, noise=noise)


def _is_map(noise: Tensor, like: Tensor) -> bool:
    return noise.ndim == 4 and noise.shape[1:] == (1, *like.shape[2:])


def demodulation_factors(w: Tensor, styles: Tensor, eps: float = 1e-8) -> Tensor:
    """1 / sqrt(sum of squared modulated weights + eps), per sample and output channel.

    The sum over the kernel does not see the style, so it is a [O, I] table, and the rest one
    matrix product; the same number as from weights made for each sample, summed in another order.

    Args:
        w: [O, I, k, k].
        styles: [N, I].
        eps: added to the squared norm.

    Returns:
        [N, O], never in less than float32.
    """
    dtype = torch.promote_types(torch.promote_types(w.dtype, styles.dtype), torch.float32)
    table = w.to(dtype).square().sum((2, 3))
    with autocast_off(w):
        return torch.rsqrt(styles.to(dtype).square() @ table.t() + eps)


def _few_outputs(x: Tensor, w: Tensor, styles: Tensor) -> Tensor:
    """1x1 layers to an image: scaling [N, O, I] weights is far less work than scaling ``x``."""
    number, channels, height, width = x.shape
    weights = w.to(x.dtype)[None, :, :, 0, 0] * styles.to(x.dtype)[:, None, :]  # [N, O, I]
    if is_channels_last(x):
        rows = x.permute(0, 2, 3, 1).reshape(number, height * width, channels)
        y = torch.bmm(rows, weights.transpose(1, 2))
        return y.view(number, height, width, w.shape[0]).permute(0, 3, 1, 2)
    y = torch.bmm(weights, x.reshape(number, channels, height * width))
    return y.view(number, w.shape[0], height, width)
