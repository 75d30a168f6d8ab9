"""Two styled convolutions, and one image at the very end (StyleGAN2, Fig. 7a, generator)."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.registry.contracts import GeneratorSite, Noise

__all__ = ["OriginalGeneratorBlock"]


class OriginalGeneratorBlock(nn.Module):
    """An upsampling convolution and a plain one; the block neither makes nor reads an image.

    Args:
        kernel_size: side of both kernels.
    """

    num_styles = 2

    def __init__(self, site: GeneratorSite, *, kernel_size: int = 3) -> None:
        super().__init__()
        self.up = site.styled_conv(site.in_channels, site.out_channels, kernel_size, up=2)
        self.refine = site.styled_conv(site.out_channels, site.out_channels, kernel_size)

    def forward(
        self, x: Tensor, image: Tensor | None, styles: Tensor, noise: Noise
    ) -> tuple[Tensor, Tensor | None]:
        """[N, Cin, R/2, R/2], [N, 2, D] -> [N, Cout, R, R]; the image is None."""
        up_style, refine_style = styles.unbind(dim=1)
        return self.refine(self.up(x, up_style, noise), refine_style, noise), None
