"""Residual connections around two convolutions (StyleGAN2, Fig. 7c, discriminator)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from ganzoo.registry.contracts import DiscriminatorSite

__all__ = ["ResidualDiscriminatorBlock"]


class ResidualDiscriminatorBlock(nn.Module):
    """``(down(conv(x)) + skip(x)) / sqrt(2)``; the skip is a downsampled 1x1 convolution.

    The skip has no bias; the division keeps the variance of the sum at that of its terms
    (StyleGAN2, App. B).

    Args:
        kernel_size: side of the kernels of the two activated convolutions.
    """

    def __init__(self, site: DiscriminatorSite, *, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = site.layers.conv(site.in_channels, site.in_channels, kernel_size)
        self.down = site.layers.conv(site.in_channels, site.out_channels, kernel_size, down=2)
        self.skip = site.layers.conv(
            site.in_channels, site.out_channels, 1, down=2, activation="linear", bias=False
        )

    def forward(self, x: Tensor, image: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R, R] -> [N, Cout, R/2, R/2]; the image is None."""
        return (self.down(self.conv(x)) + self.skip(x)) * math.sqrt(0.5), None
