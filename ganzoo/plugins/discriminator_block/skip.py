"""Input skips: every resolution reads the image again (StyleGAN2, Fig. 7b, discriminator)."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.registry.contracts import DiscriminatorSite

__all__ = ["SkipDiscriminatorBlock"]


class SkipDiscriminatorBlock(nn.Module):
    """Two convolutions, then the downsampled image is read and added, unscaled.

    ``x_r/2 = down(conv(x_r)) + rgb_r/2(image_r/2)``; the network reads the image of the first
    resolution.

    Args:
        kernel_size: side of both kernels.
    """

    def __init__(self, site: DiscriminatorSite, *, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = site.layers.conv(site.in_channels, site.in_channels, kernel_size)
        self.down = site.layers.conv(site.in_channels, site.out_channels, kernel_size, down=2)
        self.from_rgb = site.from_rgb(site.out_channels)
        self.downsample = site.layers.downsample

    def forward(self, x: Tensor, image: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R, R], [N, I, R, R] -> [N, Cout, R/2, R/2], [N, I, R/2, R/2].

        Raises:
            ValueError: the image is None: the block before this one dropped it.
        """
        if image is None:
            raise ValueError("an input-skip block needs the image that the block before handed on")
        image = self.downsample(image)
        return self.down(self.conv(x)) + self.from_rgb(image), image
