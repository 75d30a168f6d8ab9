"""Residual connections around two styled convolutions (StyleGAN2, Fig. 7c, generator)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from ganzoo.registry.contracts import GeneratorSite, Noise

__all__ = ["ResidualGeneratorBlock"]


class ResidualGeneratorBlock(nn.Module):
    """``(refine(up(x)) + skip(x)) / sqrt(2)``; the skip is an upsampled 1x1 convolution.

    The skip has neither bias nor style; the division keeps the variance of the sum at that of its
    terms (StyleGAN2, App. B).

    Args:
        kernel_size: side of the kernels of the two styled convolutions.
    """

    num_styles = 2

    def __init__(self, site: GeneratorSite, *, kernel_size: int = 3) -> None:
        super().__init__()
        self.up = site.styled_conv(site.in_channels, site.out_channels, kernel_size, up=2)
        self.refine = site.styled_conv(site.out_channels, site.out_channels, kernel_size)
        self.skip = site.layers.conv(
            site.in_channels, site.out_channels, 1, up=2, activation="linear", bias=False
        )

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Tensor, noise: Noise
    ) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R/2, R/2], [N, 2, D] -> [N, Cout, R, R]; the image is None."""
        up_style, refine_style = styles.unbind(dim=1)
        y = self.refine(self.up(x, up_style, noise), refine_style, noise)
        return (y + self.skip(x)) * math.sqrt(0.5), None
