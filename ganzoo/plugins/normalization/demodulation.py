"""Weight demodulation: styles scale the weights, and the expected output keeps unit variance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.nn.noise import NoiseInput
from ganzoo.ops.half_range import half_range
from ganzoo.ops.modulate import modulate
from ganzoo.ops.modulated_conv2d import demodulation_factors, modulated_conv2d
from ganzoo.registry.contracts import ConvSite, Noise

__all__ = ["DemodulationNormalization"]


class DemodulationNormalization(nn.Module):
    """``w'' = s_i w / sqrt(sum_i,k (s_i w)^2 + eps)`` (StyleGAN2, Eq. 1-3), then noise and bias.

    Computed as scaled input, shared weights, scaled output, which needs no weights of a sample's
    own and differentiates twice. As published, the factors come from the stored, unscaled weights,
    and a to-RGB is modulated but not demodulated. A layer without a convolution reads no style.
    """

    def __init__(self, site: ConvSite) -> None:
        super().__init__()
        self.demodulates = not site.is_output
        # Scaling the few weights of each sample is less work than scaling its features.
        self._few_weights = site.is_output and site.kernel == site.up == 1
        self.reads_style = site.kernel > 0
        self.conv = site.layers.conv(
            site.in_channels,
            site.out_channels,
            site.kernel,
            site.up,
            activation="linear" if site.is_output else "lrelu",
        )
        if self.reads_style:
            self.affine = site.layers.dense(
                site.style_width, site.in_channels, activation="linear", bias_init=1.0
            )
        self.noise = NoiseInput(site.noise)

    def forward(self, x: Tensor, style: Tensor, noise: Noise) -> Tensor:
        """[N, Cin, R, R], [N, D] -> [N, Cout, R * up, R * up]."""
        if not self.reads_style:
            drawn, strength = self.noise.parts(x, noise)
            return self.conv.finish(x, noise=drawn, strength=strength)
        scale = self.affine(style)  # [N, Cin]
        if self._few_weights:
            weight = self.conv.weight * self.conv.scale
            x = modulated_conv2d(x, weight, scale, demodulate=False)
        if not self.demodulates:
            x = x if self._few_weights else self.conv.linear(modulate(x, scale))
            drawn, strength = self.noise.parts(x, noise)
            return self.conv.finish(x, noise=drawn, strength=strength)
        factors = demodulation_factors(self.conv.weight, scale, eps=1e-8)
        weight_scale: float | Tensor = 1.0
        if x.dtype is torch.float16:
            weight_scale, scale, factors = half_range(self.conv.weight, scale, factors)
        x = self.conv.linear(modulate(x, scale), weight_scale)
        drawn, strength = self.noise.parts(x, noise)
        return self.conv.finish(x, factors=factors, noise=drawn, strength=strength)
