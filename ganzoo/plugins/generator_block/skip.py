"""Output skips: every resolution adds its own image (StyleGAN2, Fig. 7b, generator)."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.registry.contracts import GeneratorSite, Noise

__all__ = ["SkipGeneratorBlock"]


class SkipGeneratorBlock(nn.Module):
    """Two styled convolutions, and a to-RGB at the input resolution whose sum goes up with them.

    ``image_2r = up(image_r + rgb_r(x_r))``; the network adds the image of the last resolution. The
    to-RGB shares its style with the upsampling convolution.

    Args:
        kernel_size: side of both kernels.
    """

    num_styles = 2

    def __init__(self, site: GeneratorSite, *, kernel_size: int = 3) -> None:
        super().__init__()
        self.to_rgb = site.to_rgb(site.in_channels)
        self.up = site.styled_conv(site.in_channels, site.out_channels, kernel_size, up=2)
        self.refine = site.styled_conv(site.out_channels, site.out_channels, kernel_size)
        self.upsample = site.layers.upsample

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Tensor, noise: Noise
    ) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R/2, R/2], [N, I, R/2, R/2], [N, 2, D] -> [N, Cout, R, R], [N, I, R, R]."""
        up_style, refine_style = styles.unbind(dim=1)
        rgb = self.to_rgb(x, up_style)
        image = self.upsample(rgb if image is None else image + rgb)
        return self.refine(self.up(x, up_style, noise), refine_style, noise), image
