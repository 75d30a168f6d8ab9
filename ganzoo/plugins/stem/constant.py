"""A learned constant and a convolution (StyleGAN, 2; StyleGAN2, Fig. 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.nn.layout import in_layout_of
from ganzoo.registry.contracts import Noise, StemSite

__all__ = ["ConstantStem"]


class ConstantStem(nn.Module):
    """The same base grid for every sample; only styles and noise tell samples apart.

    Args:
        finished: the constant is itself a finished layer, with noise, bias, activation and style,
            and starts as ones (StyleGAN). Otherwise it starts as N(0, 1), and the convolution
            reads it as it is (StyleGAN2).
    """

    def __init__(self, site: StemSite, *, finished: bool = False) -> None:
        super().__init__()
        channels = site.out_channels
        shape = (channels, *site.resolution)
        self.const = nn.Parameter(torch.ones(shape) if finished else torch.randn(shape))
        self.finish = site.styled_conv(channels, channels, 0) if finished else None
        self.conv = site.styled_conv(channels, channels, 3)
        self.num_styles = 1 + (self.finish is not None and self.finish.reads_style)

    def forward(self, styles: Tensor, noise: Noise) -> Tensor:
        """[N, num_styles, D] -> [N, C, base]."""
        x = in_layout_of(self.const.expand(len(styles), -1, -1, -1), self)
        if self.finish is not None:
            x = self.finish(x, styles[:, 0], noise)
        return self.conv(x, styles[:, -1], noise)
