"""Two convolutions, the second one downsampling (StyleGAN2, Fig. 7a, discriminator)."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.registry.contracts import DiscriminatorSite

__all__ = ["OriginalDiscriminatorBlock"]


class OriginalDiscriminatorBlock(nn.Module):
    """A plain convolution and a downsampling one; the image is read once, by the network.

    Args:
        kernel_size: side of both kernels.
        pool: downsample behind the second activation instead of inside its convolution (ProGAN).
    """

    def __init__(
        self, site: DiscriminatorSite, *, kernel_size: int = 3, pool: bool = False
    ) -> None:
        super().__init__()
        self.conv = site.layers.conv(site.in_channels, site.in_channels, kernel_size)
        self.down = site.layers.conv(
            site.in_channels, site.out_channels, kernel_size, down=1 if pool else 2
        )
        self.pool = site.layers.downsample if pool else None

    def forward(self, x: Tensor, image: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R, R] -> [N, Cout, R/2, R/2]; the image is None."""
        x = self.down(self.conv(x))
        return x if self.pool is None else self.pool(x), None
