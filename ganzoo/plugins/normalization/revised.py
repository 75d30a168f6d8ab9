"""The revised style block: styles and normalization move deviations alone (StyleGAN2, Fig. 2c)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.nn.noise import NoiseInput
from ganzoo.ops.modulate import modulate
from ganzoo.registry.contracts import ConvSite, Noise

__all__ = ["RevisedNormalization"]


class RevisedNormalization(nn.Module):
    """Modulate, convolve, divide by the deviation; then noise, bias, activation.

    ``y = act(v / sqrt(var(v) + 1e-8) + noise + b)`` with ``v = conv(s_i x_i)``, and ``s`` an affine
    function of the style that starts with bias 1. Weight demodulation is this with the expected
    deviation in the place of the measured one (Eq. 2). The paper draws this step without a formula
    or code; here ``var`` is the biased variance over a sample's own map, about its mean, and the
    mean itself stays in the map. A to-RGB is modulated but not
    normalized, and a layer without a convolution reads no style. Noise has one strength a layer.
    """

    def __init__(self, site: ConvSite) -> None:
        super().__init__()
        self.normalizes = not site.is_output
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
        if self.reads_style:
            x = self.conv.linear(modulate(x, self.affine(style)))
            if self.normalizes:
                x = _unit_deviation(x)
        drawn, strength = self.noise.parts(x, noise)
        return self.conv.finish(x, noise=drawn, strength=strength)


def _unit_deviation(x: Tensor) -> Tensor:
    full = x.to(torch.promote_types(x.dtype, torch.float32))  # squares overflow in half precision
    variance = full.var(dim=(2, 3), correction=0, keepdim=True)
    return (full * (variance + 1e-8).rsqrt()).to(x.dtype)
