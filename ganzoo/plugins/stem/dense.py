"""A dense layer from the latent to the base grid, and a convolution (ProGAN, Table 2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ganzoo.nn.layout import in_layout_of
from ganzoo.ops.full_precision import autocast_off
from ganzoo.registry.contracts import Noise, StemSite

__all__ = ["DenseStem"]


class DenseStem(nn.Module):
    """The first style itself becomes the base grid: the "Conv 4x4" of ProGAN's generator.

    ``x_(c,i,j) = g sum_d W_(c,i,j),d w_d / sqrt(D)``, then what follows every convolution of this
    generator: noise, a bias for each channel, activation, pixel norm, or AdaIN by that same style.
    A 3 x 3 styled convolution ends the stem, by the second style where it reads one (StyleGAN,
    Table 1, B and C).

    With the gain on the weight, ``g`` is sqrt(2) / 4 as published, at a base grid of another size
    sqrt(2) / sqrt(height * width): the layer counts as a transposed convolution, whose fan-in has
    the positions of its kernel. A normalization takes the size out again, so this sets how fast the
    layer learns. With the gain behind the activation, which no published network has here, ``g`` is
    1 and keeps unit variance also where nothing normalizes.
    """

    reads_style = True

    def __init__(self, site: StemSite) -> None:
        super().__init__()
        channels, (height, width) = site.out_channels, site.resolution
        self.shape = (channels, height, width)
        features = channels * height * width
        self.weight = nn.Parameter(torch.randn(features, site.style_width))
        gain = 1.0 if site.layers.gain == "activation" else math.sqrt(2 / (height * width))
        self.scale = gain / math.sqrt(site.style_width)
        self.finish = site.styled_conv(channels, channels, 0)
        self.conv = site.styled_conv(channels, channels, 3)
        self.num_styles = 1 + self.conv.reads_style

    def forward(self, styles: Tensor, noise: Noise) -> Tensor:
        """[N, num_styles, D] -> [N, C, base]."""
        style = styles[:, 0]
        with autocast_off(self.weight):  # as published, the base grid starts in full precision
            x = linear(style.to(self.weight.dtype) * self.scale, self.weight)
        x = in_layout_of(x.unflatten(1, self.shape), self)
        x = self.finish(x, style, noise)
        return self.conv(x, styles[:, -1], noise)
