"""FIR filters from their taps, ready for `upfirdn2d`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SEPARABLE_FROM = 8
"""One-dimensional filters of at least this many taps are cheaper as two passes."""


def setup_filter(
    taps: Tensor | Sequence[float] | Sequence[Sequence[float]] | float,
    *,
    normalize: bool = True,
    flip_filter: bool = False,
    gain: float = 1.0,
    separable: bool | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """The filter tensor that the resampling functions take.

    Args:
        taps: [K], [KH, KW] or one number. One-dimensional taps serve both axes.
        normalize: divide by the sum of the taps, so that a constant image keeps its value.
        flip_filter: reverse every axis.
        gain: total factor on the image, whether the filter is separable or not.
        separable: keep one-dimensional taps one-dimensional; by default from 8 taps on.
        dtype: type of the result. The default filters are exact in any.
        device: device of the result.

    Returns:
        [K] for a separable filter, [KH, KW] otherwise.

    Raises:
        ValueError: the taps are empty, have more than two axes, or sum to zero when they are to
            be normalised; or a two-dimensional filter is said to be separable.
    """
    f = torch.as_tensor(taps, dtype=torch.float64)
    if f.ndim == 0:
        f = f[None]
    if f.ndim > 2 or f.numel() == 0:
        raise ValueError(
            f"taps have the shape {tuple(f.shape)!r}; expected one or two axes, none of them "
            "empty, as [1, 3, 3, 1]"
        )
    if separable is None:
        separable = f.ndim == 1 and f.numel() >= SEPARABLE_FROM
    if separable and f.ndim == 2:
        raise ValueError(
            f"separable=True needs one-dimensional taps, and these have the shape "
            f"{tuple(f.shape)!r}; give the taps of one axis"
        )
    if f.ndim == 1 and not separable:
        f = torch.outer(f, f)
    if normalize:
        total = f.sum()
        if total == 0:
            raise ValueError("taps sum to zero and cannot be normalised; pass normalize=False")
        f = f / total
    if flip_filter:
        f = f.flip(tuple(range(f.ndim)))
    f = f * gain ** (f.ndim / 2)
    return f.to(dtype=dtype, device=device)
