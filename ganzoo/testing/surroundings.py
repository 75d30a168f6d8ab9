"""What a network hands its parts: layers, styled convolutions, RGB layers, noise indices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.noise import NoNoise
from ganzoo.registry.contracts import ConvSite
from ganzoo.testing.subject import Subject, usual

STYLE_WIDTH = 5
IMAGE_CHANNELS = 3


class Surroundings:
    """The surroundings of one part, which count the noise maps that it asks for.

    Args:
        normalization: full name; None: the usual one.
        layers: None: a kit with the defaults of StyleGAN2.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        normalization: str | None = None,
        layers: LayerKit | None = None,
    ) -> None:
        self._subject = subject
        self._normalization = normalization or usual("normalization")
        self.layers = layers or LayerKit()
        self.noise: list[int] = []

    def styled_conv(self, in_channels: int, out_channels: int, kernel: int, up: int = 1) -> Any:
        """A convolution under the control of a style, with a noise map of its own."""
        self.noise.append(len(self.noise))
        return self._made(
            ConvSite(
                in_channels=in_channels,
                out_channels=out_channels,
                kernel=kernel,
                up=up,
                style_width=STYLE_WIDTH,
                noise=self.noise[-1],
                layers=self.layers,
            )
        )

    def to_rgb(self, in_channels: int) -> ToRgb:
        """A layer from features to an image."""
        return ToRgb(
            self._made(
                ConvSite(
                    in_channels=in_channels,
                    out_channels=IMAGE_CHANNELS,
                    kernel=1,
                    style_width=STYLE_WIDTH,
                    noise=None,
                    is_output=True,
                    layers=self.layers,
                )
            )
        )

    def from_rgb(self, out_channels: int) -> nn.Module:
        """A layer from an image to features."""
        return self.layers.conv(IMAGE_CHANNELS, out_channels, 1)

    def _made(self, site: ConvSite) -> Any:
        return self._subject.companion("normalization", self._normalization)(site)


class ToRgb(nn.Module):
    """The output form of a normalization, which takes no noise."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer
        self.reads_style = layer.reads_style

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, C, R, R], [N, D] -> [N, I, R, R]."""
        image: Tensor = self.layer(x, style, NoNoise())
        return image


def published_kits() -> dict[str, Callable[[], LayerKit]]:
    """Kits of layers that differ in everything that published networks vary.

    Parts keep some of a kit's modules, so each part needs a kit of its own.
    """
    older = partial(LayerKit, gain="weight", resample=(1, 1), blur=(1, 2, 1), clamp=256.0)
    return {"StyleGAN2's layers": LayerKit, "StyleGAN's layers": older}
