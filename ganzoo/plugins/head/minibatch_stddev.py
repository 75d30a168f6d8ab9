"""Minibatch standard deviation, a convolution and two dense layers (ProGAN, 3 and Table 2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.nn.latent_mlp import LatentMlp
from ganzoo.ops.minibatch_stddev import minibatch_stddev
from ganzoo.registry.contracts import Factory, HeadSite, LatentMapping, MappingSite

__all__ = ["MinibatchStddevHead"]


class MinibatchStddevHead(nn.Module):
    """Appends how much a group of samples varies, so that missing variety can be seen.

    Without labels in the data every label scheme is the unconditional one.

    Args:
        group: samples compared with each other, strided through the batch; 0: the whole batch.
        statistics: maps appended, each over its share of the channels; 0: none.
        hidden: width of the layer before the last; none: as many as there are channels.
        label: none; auxiliary, beside the score one logit a class, for a loss that lets the
            discriminator classify (AC-GAN, ProGAN); one-hot, a score for each class, of which the
            label chooses (StyleGAN, StyleGAN2); projection, the inner product with the mapped label
            (StyleGAN2-ADA).
        mapping: of the label, for projection; none: ganzoo/mlp of depth 8, as wide as there are
            channels.
    """

    mixes_batch = True

    def __init__(
        self,
        site: HeadSite,
        *,
        group: int = 4,
        statistics: int = 1,
        hidden: int | None = None,
        label: Literal["none", "auxiliary", "one-hot", "projection"] = "projection",
        mapping: Factory[LatentMapping] | None = None,
    ) -> None:
        super().__init__()
        channels, (height, width) = site.in_channels, site.base
        if group < 0:
            raise BadValue(f"group is {group!r}; expected a number of samples, or 0 for the batch")
        if statistics < 0 or (statistics and channels % statistics):
            raise BadValue(
                f"statistics is {statistics!r}; expected 0, or a number that divides the "
                f"{channels} channels"
            )
        if hidden is not None and hidden < 1:
            raise BadValue(f"hidden is {hidden!r}; expected at least 1", path="hidden")
        self.group = group
        self.statistics = statistics
        self.label = label if site.label_width else "none"
        self.label_width = site.label_width
        outputs = 1
        self.gives: tuple[str, ...] = ("score",)
        if self.label == "auxiliary":
            self.gives = ("score", "classes")
            outputs = 1 + site.label_width
        elif self.label == "one-hot":
            outputs = site.label_width
        elif self.label == "projection":
            self.mapping: LatentMapping
            if mapping is None:
                self.mapping = LatentMlp(0, site.label_width, site.layers.dense, width=channels)
            else:
                self.mapping = mapping(
                    MappingSite(latent_width=0, label_width=site.label_width, layers=site.layers)
                )
            outputs = self.mapping.width
        hidden = channels if hidden is None else hidden
        self.conv = site.layers.conv(channels + statistics, channels, 3)
        self.dense = site.layers.dense(channels * height * width, hidden)
        self.out = site.layers.dense(hidden, outputs, activation="linear")

    def check_batch(self, size: int) -> None:
        """Refuse a share that cannot be cut into groups.

        Raises:
            BadValue: ``size`` is larger than the group and not divisible by it.
        """
        if self.statistics and self.group and size > self.group and size % self.group:
            raise BadValue(
                f"a share of {size} samples does not divide into groups of {self.group}, whose"
                " variation the head measures"
            )

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor | Mapping[str, Tensor]:
        """[N, C, base], [N, K] -> [N]; auxiliary: ``score`` [N] and ``classes`` [N, K].

        Raises:
            ValueError: the batch is not divisible into groups, or a label is missing.
        """
        if self.statistics:
            try:
                deviation = minibatch_stddev(x, self.group, self.statistics)
            except ValueError as error:
                raise BadValue(
                    f"{error}. Change training.batch, training.micro_batch, or the head's group"
                ) from error
            x = torch.cat([x, deviation], dim=1)
        x = self.out(self.dense(self.conv(x).flatten(1)))
        if self.label == "none":
            return x.squeeze(1)
        if self.label == "auxiliary":
            return {"score": x[:, 0], "classes": x[:, 1:]}
        if label is None:
            raise ValueError(f"a conditional head needs labels [N, {self.label_width}]")
        if self.label == "one-hot":
            return (x * label).sum(dim=1)
        return (x * self.mapping(None, label)).sum(dim=1) / math.sqrt(x.shape[1])
