"""Pixel norm: every pixel's features scaled to unit second moment, without any style (ProGAN)."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.nn.noise import NoiseInput
from ganzoo.ops.second_moment_norm import second_moment_norm
from ganzoo.registry.contracts import ConvSite, Noise

__all__ = ["PixelNormalization"]


class PixelNormalization(nn.Module):
    """Convolution, noise, bias, activation, ``x / sqrt(mean_C x^2 + 1e-8)`` (ProGAN, 4.2).

    No layer reads a style, so the latent must enter by the stem (``ganzoo/dense``). A to-RGB is a
    plain convolution. Noise, which ProGAN has none of, has a strength for each channel, as in
    StyleGAN with pixel norm.
    """

    reads_style = False

    def __init__(self, site: ConvSite) -> None:
        super().__init__()
        self.normalizes = not site.is_output
        self.conv = site.layers.conv(
            site.in_channels,
            site.out_channels,
            site.kernel,
            site.up,
            activation="linear" if site.is_output else "lrelu",
        )
        self.noise = NoiseInput(site.noise, site.out_channels)

    def forward(self, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """[N, Cin, R, R] -> [N, Cout, R * up, R * up]; the style is not read."""
        x = self.conv.linear(x)
        drawn, strength = self.noise.parts(x, noise)
        x = self.conv.finish(x, noise=drawn, strength=strength)
        return second_moment_norm(x) if self.normalizes else x
