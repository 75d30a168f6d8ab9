"""A small convolutional network with random weights; not Inception, comparable within ganzoo."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.ops.full_precision import autocast_off

__all__ = ["SeededConvolutions"]

VERSION = 1
WIDTHS = (16, 32, 48, 32)  # channels after each halving
SLOPE = 0.2
CELLS = 2  # the last layer is read in CELLS x CELLS places


class SeededConvolutions(nn.Module):
    """Four random convolutions that halve; nothing here was learnt from any picture.

    Pictures are brought to one size and to [-1, 1], then go through 3x3 convolutions of stride 2
    with leaky ReLU. The features are the mean of every channel of the first three layers, and the
    means of every channel of the last in each quarter of the picture: colour, texture, and where
    there is what. Weights are N(0, 2 / fan-in) and biases N(0, 0.1^2), drawn from
    ``numpy.random.RandomState(seed)``, whose stream is the same on every machine and in every
    version of numpy, so equal settings give equal features up to the rounding of float32.

    Distances between such features order the runs of one data set. They are **not** those of
    Inception features, and compare with no published number.

    Args:
        seed: of the weights.
        side: to which height and width pictures are brought (bilinear, antialiased).
    """

    name = "ganzoo/seeded-convolutions"

    def __init__(self, site: None = None, *, seed: int = 0, side: int = 64) -> None:
        super().__init__()
        del site
        if not 0 <= seed < 2**32:
            raise BadValue(f"expected from 0 to 2^32 - 1, found {seed!r}", path="seed")
        least = CELLS * 2 ** len(WIDTHS)
        if side < least or side % least:
            raise BadValue(f"expected a multiple of {least}, found {side!r}", path="side")
        self.side = side
        self.version = f"{VERSION}, seed {seed}, {side} x {side}"
        random = np.random.RandomState(seed)
        fan_in = 3
        for number, width in enumerate(WIDTHS):
            weight = random.randn(width, fan_in, 3, 3) * np.sqrt(2 / (9 * fan_in))
            bias = random.randn(width) * 0.1
            self.register_buffer(f"weight{number}", torch.from_numpy(weight).float())
            self.register_buffer(f"bias{number}", torch.from_numpy(bias).float())
            fan_in = width

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] -> float32 [N, 224]."""
        with autocast_off(pictures):
            x = pictures.float() / 127.5 - 1
            x = F.interpolate(
                x, size=(self.side, self.side), mode="bilinear", antialias=True, align_corners=False
            )
            found = []
            for number in range(len(WIDTHS)):
                weight, bias = (
                    getattr(self, f"{part}{number}").to(x.device) for part in ("weight", "bias")
                )
                x = F.leaky_relu(F.conv2d(x, weight, bias, stride=2, padding=1), SLOPE)
                last = number == len(WIDTHS) - 1
                found.append(F.adaptive_avg_pool2d(x, CELLS if last else 1).flatten(1))
            return torch.cat(found, dim=1)
