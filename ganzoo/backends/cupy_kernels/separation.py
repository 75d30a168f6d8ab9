"""Filters as the taps of two axes, where they are the product of such."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ganzoo.backends.cupy_kernels.table import accumulating_type

MOST_TAPS = 4
"""Along an axis; for longer filters there is no tiled kernel, so nobody asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taps:
    """A filter [KH, KW] that is the outer product of its taps along y and along x."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def ordered(
        self, flip_filter: bool, gain: float
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Taps along x and along y in the order of a correlation, the gain on the former."""
        along_x = tuple(tap * gain for tap in self.x)
        return (along_x, self.y) if flip_filter else (along_x[::-1], self.y[::-1])


IDENTITY = Taps(x=(1.0,), y=(1.0,))
# The taps lie on the device; reading them there waits for everything before, so it is done once
# a filter, and again only where a filter was changed in place.
_KNOWN: MutableMapping[Tensor, tuple[int, Taps | None]] = WeakTensorKeyDictionary()


def separated(f: Tensor | None) -> Taps | None:
    """The taps of both axes; None if there are too many, or ``f`` is no outer product.

    Args:
        f: [KH, KW], or [K] for the same taps along both axes, or None for no filter.
    """
    if f is None:
        return IDENTITY
    if max(f.shape) > MOST_TAPS:
        return None
    if f.is_inference():  # such a tensor does not count its changes
        return _separate(f)
    known = _KNOWN.get(f)
    if known is None or known[0] != f._version:
        known = (f._version, _separate(f))
        _KNOWN[f] = known
    return known[1]


def _separate(f: Tensor) -> Taps | None:
    values = f.detach().to(device="cpu", dtype=torch.float64)
    if values.ndim == 1:
        taps = tuple(values.tolist())
        return Taps(x=taps, y=taps)
    row, column = divmod(int(values.abs().argmax()), values.shape[1])
    largest = values[row, column]
    if largest == 0:
        return Taps(x=(0.0,) * values.shape[1], y=(0.0,) * values.shape[0])
    along_x, along_y = values[row], values[:, column] / largest
    # Images are filtered in float32 at least, so its rounding is all that a filter in half
    # precision may be wrong by, too: what that type rounds to could be no product at all.
    eps = torch.finfo(accumulating_type(f.dtype)).eps
    error = (torch.outer(along_y, along_x) - values).abs().max()
    if not error <= 4 * eps * largest.abs():
        return None
    return Taps(x=tuple(along_x.tolist()), y=tuple(along_y.tolist()))
