"""Resampling and blurring with a fixed filter, as modules that carry their taps along."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.ops.setup_filter import setup_filter
from ganzoo.ops.upfirdn2d import downsample2d, filter2d, upsample2d

Taps = tuple[float, ...]


def filter_of(name: str, taps: Taps) -> Tensor:
    """The filter of these taps along both axes, of sum 1, in the default float type.

    Raises:
        BadValue: no taps, or their sum is 0.
    """
    if not taps or sum(taps) == 0:
        raise BadValue(
            f"{name} is {list(taps)!r}; expected taps with a sum, as [1, 3, 3, 1]", path=name
        )
    with torch.device("cpu"):  # its sum is looked at, which the meta device cannot
        made = setup_filter(taps, dtype=torch.get_default_dtype())
    return made.to(torch.get_default_device())


class _Filtered(nn.Module):
    """Holds a filter that moves with the network and is not part of its state."""

    filter: Tensor

    def __init__(self, name: str, taps: Taps) -> None:
        super().__init__()
        self.register_buffer("filter", filter_of(name, taps), persistent=False)


class Upsample(_Filtered):
    """[N, C, H, W] -> [N, C, 2H, 2W], zeros beyond the border, gain 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Twice the height and width."""
        return upsample2d(x, self.filter)


class Downsample(_Filtered):
    """[N, C, H, W] -> [N, C, H/2, W/2], zeros beyond the border."""

    def forward(self, x: Tensor) -> Tensor:
        """Half the height and width."""
        return downsample2d(x, self.filter)


class Blur(_Filtered):
    """[N, C, H, W] -> same, zeros beyond the border (StyleGAN, App. C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Filter at the resolution of ``x``."""
        return filter2d(x, self.filter)
