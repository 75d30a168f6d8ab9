"""Adaptive instance normalization: each map takes its mean and deviation from the style."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.nn.noise import NoiseInput
from ganzoo.ops.adain import adain
from ganzoo.registry.contracts import ConvSite, Noise

__all__ = ["AdainNormalization"]


class AdainNormalization(nn.Module):
    """Convolution, noise, bias, activation, instance norm, style (StyleGAN, Eq. 1).

    ``y = (a_0 + 1) (x - mean) / sqrt(var + 1e-8) + a_1``, with the biased variance over a sample's
    own map, and ``a`` an affine function of the style that starts without bias. A to-RGB is a plain
    convolution. Noise has a strength for each channel.
    """

    def __init__(self, site: ConvSite) -> None:
        super().__init__()
        self.reads_style = not site.is_output
        self.conv = site.layers.conv(
            site.in_channels,
            site.out_channels,
            site.kernel,
            site.up,
            activation="linear" if site.is_output else "lrelu",
        )
        self.noise = NoiseInput(site.noise, site.out_channels)
        if self.reads_style:
            self.affine = site.layers.dense(
                site.style_width, 2 * site.out_channels, activation="linear"
            )

    def forward(self, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """[N, Cin, R, R], [N, D] -> [N, Cout, R * up, R * up]."""
        x = self.conv.linear(x)
        drawn, strength = self.noise.parts(x, noise)
        x = self.conv.finish(x, noise=drawn, strength=strength)
        if not self.reads_style:
            return x
        factor, offset = self.affine(style).chunk(2, dim=1)  # [N, C] each
        return adain(x, factor + 1, offset, eps=1e-8)
