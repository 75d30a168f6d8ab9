"""Fully connected layers from latent and label to style (StyleGAN, Fig. 1b)."""

from __future__ import annotations

from typing import Literal

from ganzoo.nn.latent_mlp import LatentMlp
from ganzoo.registry.contracts import MappingSite

__all__ = ["MlpMapping"]


class MlpMapping(LatentMlp):
    """The mapping network f of StyleGAN: the normalized latent through ``depth`` layers.

    Args:
        depth: layers, the last one activated like the others.
        width: of the style.
        hidden: width of the layers before the last; none: as width.
        lr_scale: learning rate of these layers over that of the rest.
        label: affine, an equalized layer normalized apart from the latent (StyleGAN2-ADA), or
            matrix, a plain matrix normalized together with it (StyleGAN, StyleGAN2).
    """

    def __init__(
        self,
        site: MappingSite,
        *,
        depth: int = 8,
        width: int = 512,
        hidden: int | None = None,
        lr_scale: float = 0.01,
        label: Literal["affine", "matrix"] = "affine",
    ) -> None:
        super().__init__(
            site.latent_width,
            site.label_width,
            site.layers.dense,
            depth=depth,
            width=width,
            hidden=hidden,
            lr_scale=lr_scale,
            label=label,
        )
