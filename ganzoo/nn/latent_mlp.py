"""The fully connected mapping from a latent, a label or both to a style."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.ops.second_moment_norm import second_moment_norm


class LatentMlp(nn.Module):
    """Normalize, then a few equalized layers with a small learning rate (StyleGAN, 3 and App. C).

    Args:
        latent_width: 0 where the label alone is mapped.
        label_width: 0 where nothing is conditional.
        make_dense: the ``dense`` of a layer kit.
        depth: layers, the last one activated like the others.
        width: of the style.
        hidden: width of the layers before the last; None: as ``width``.
        lr_scale: learning rate of these layers over that of the rest.
        label: how a label enters: ``affine``, an equalized layer with a bias, normalized apart from
            the latent (StyleGAN2-ADA); ``matrix``, a plain N(0, 1) matrix, normalized together
            with it (StyleGAN, StyleGAN2).
    """

    def __init__(
        self,
        latent_width: int,
        label_width: int,
        make_dense: Callable[..., Any],
        *,
        depth: int = 8,
        width: int = 512,
        hidden: int | None = None,
        lr_scale: float = 0.01,
        label: Literal["affine", "matrix"] = "affine",
    ) -> None:
        super().__init__()
        if depth < 1:
            raise BadValue(
                f"depth is {depth!r}; expected at least 1. For the normalized latent itself use "
                "ganzoo/identity"
            )
        if not latent_width + label_width:
            raise BadValue("a mapping has neither a latent nor a label to map")
        for name, size in (("width", width), ("hidden", hidden)):
            if size is not None and size < 1:
                raise BadValue(f"{name} is {size!r}; expected at least 1", path=name)
        if lr_scale <= 0:
            raise BadValue(f"lr_scale is {lr_scale!r}; expected more than 0", path="lr_scale")
        self.width = width
        self.label = label
        self.label_width = label_width
        features = latent_width
        if label_width:
            embedded = width if label == "affine" else latent_width or width
            if label == "affine":
                self.embed = make_dense(label_width, embedded, activation="linear")
            else:
                self.embedding = nn.Parameter(torch.randn(label_width, embedded))
            features += embedded
        widths = [features, *[hidden or width] * (depth - 1), width]
        self.layers = nn.ModuleList(
            make_dense(i, o, lr_scale=lr_scale) for i, o in pairwise(widths)
        )

    def forward(self, z: Tensor | None, label: Tensor | None) -> Tensor:
        """[N, Z], [N, K] -> [N, width].

        Raises:
            ValueError: there is no label, but the mapping is conditional.
        """
        parts = [] if z is None else [z]
        if self.label_width:
            if label is None:
                raise ValueError(f"a conditional mapping needs labels [N, {self.label_width}]")
            parts.append(self.embed(label) if self.label == "affine" else label @ self.embedding)
        if self.label == "affine":
            x = torch.cat([second_moment_norm(part) for part in parts], dim=1)
        else:
            x = second_moment_norm(torch.cat(parts, dim=1))
        for layer in self.layers:
            x = layer(x)
        return x
