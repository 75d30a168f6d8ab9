"""A stack of halvings and a head: features of the image down to the base grid (ProGAN)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, cast

import torch
from torch import Tensor, nn

from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.layout import in_layout_of
from ganzoo.nn.precision import LevelTypes, lowered, raised, running_in
from ganzoo.nn.pyramid import active_level, channels_at, num_doublings, refuse_growth, size_at
from ganzoo.nn.shapes import expect_shape
from ganzoo.registry.contracts import (
    DiscriminatorBlock,
    DiscriminatorSite,
    Factory,
    Head,
    HeadSite,
    NetworkSite,
)

__all__ = ["StackDiscriminator"]


class StackDiscriminator(nn.Module):
    """Reads the image, halves it block by block, and lets the head score what is left.

    Level k is an image of base x 2^k; only a network that grows can start below its last. As
    published, everything with a bias is clamped but the from-RGB of the base grid. Blocks of the
    largest resolutions run in the site's low precision; the image, the base grid and the head stay
    in the type of the weights.

    Args:
        block: one halving of the resolution.
        head: from the base grid to logits.
        channels_base: feature maps at resolution r are this over r, r counted from 4 at the base.
        channels_max: feature maps at most.
        gain: sqrt(2) behind the activation (StyleGAN2), or on the weight (ProGAN, StyleGAN).
        resample: taps of the filter inside downsampling convolutions; [1, 1] is a box.
        blur: taps of an extra filter before them, or none; StyleGAN: [1, 2, 1].
        image_resample: taps that downsample the image; none: as resample.
        clamp: largest magnitude after a layer, or none.
    """

    def __init__(
        self,
        site: NetworkSite,
        *,
        block: Factory[DiscriminatorBlock],
        head: Factory[Head],
        channels_base: int = 32768,
        channels_max: int = 512,
        gain: Literal["activation", "weight"] = "activation",
        resample: tuple[float, ...] = (1, 3, 3, 1),
        blur: tuple[float, ...] | None = None,
        image_resample: tuple[float, ...] | None = None,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.resolution, self.base = site.resolution, site.base
        self.channels, self.label_width = site.channels, site.label_width
        self.grows = site.grows
        self.precision = site.precision
        top = num_doublings(site.resolution, site.base)
        self._types = LevelTypes(
            site.precision.dtype, site.precision.low_resolutions, top=top, clamp=clamp
        )
        widths = [channels_at(4 << k, channels_base, channels_max) for k in range(top + 1)]
        layers = LayerKit(
            gain=gain, resample=resample, image_resample=image_resample, blur=blur, clamp=clamp
        )
        self.downsample = layers.downsample

        def from_rgb_at(level: int) -> Callable[[int], nn.Module]:
            kit = layers if level else layers.unclamped()
            return lambda out_channels: kit.conv(site.channels, out_channels, 1)

        self.from_rgb = nn.ModuleDict(
            {str(k): from_rgb_at(k)(widths[k]) for k in range(top + 1) if site.grows or k == top}
        )
        self.blocks = nn.ModuleList()
        for k in range(top, 0, -1):
            made = block(
                DiscriminatorSite(
                    in_channels=widths[k],
                    out_channels=widths[k - 1],
                    resolution=size_at(k, site.base),
                    from_rgb=from_rgb_at(k - 1),
                    layers=layers,
                )
            )
            self.blocks.append(cast(nn.Module, made))
        if site.grows:
            refuse_growth(self.blocks, "block")
        self.head = head(
            HeadSite(
                in_channels=widths[0],
                base=site.base,
                label_width=site.label_width,
                layers=layers,
            )
        )
        self.gives: tuple[str, ...] = getattr(self.head, "gives", ("score",))

    @property
    def takes_parts(self) -> bool:
        """Whether several batches may go through the blocks as one."""
        return not any(getattr(module, "mixes_batch", False) for module in self.blocks.modules())

    def check_batch(self, size: int) -> None:
        """Refuse a share that the head cannot take.

        Raises:
            BadValue: the head says why.
        """
        check = getattr(self.head, "check_batch", None)
        if check is not None:
            check(size)

    def forward(
        self,
        image: Tensor,
        label: Tensor | None = None,
        level: int | None = None,
        fade: float = 1.0,
        parts: int = 1,
    ) -> Tensor | Mapping[str, Tensor]:
        """Score images.

        Args:
            image: [N, I, R, R] at the size of the level.
            label: [N, K], or None where nothing is conditional.
            level: halvings; None: all.
            fade: weight of the first block's features against those read from the downsampled
                image; 0 is exactly the network of one level less (ProGAN, 3).
            parts: how many batches of one size stand one behind the other in ``image``; the head
                gets each for itself, so that statistics of a batch never mix them.

        Returns:
            [N] logits, or what the head says by name, ``score`` [N] among it.

        Raises:
            ValueError: the image has another size, or the level is none of this network's.
        """
        top = len(self.blocks)
        level = active_level(level, fade, top, self.grows)
        expect_shape("image", image, ("N", self.channels, *size_at(level, self.base)))
        image = in_layout_of(image, self.blocks)
        x = self._read(image, level)
        smaller = None
        if fade < 1 and level:
            smaller = self._read(self.downsample(image), level - 1)
        rest: Tensor | None = image
        for block in cast("Iterable[DiscriminatorBlock]", self.blocks[top - level :]):
            low = self._types.at(level)
            with running_in(image, low):
                x, rest = block(lowered(x, low), rest)
            level -= 1
            if low is not None and self._types.at(level) is None:
                x = raised(x, image)
            if smaller is not None:
                x, smaller = smaller.to(x.dtype).lerp(x, fade), None
        if parts == 1:
            return self.head(x, label)
        labels = [None] * parts if label is None else label.chunk(parts)
        return _joined([self.head(*both) for both in zip(x.chunk(parts), labels)])

    def _read(self, image: Tensor, level: int) -> Tensor:
        """Features of an image of this level's size, in this level's type."""
        low = self._types.at(level)
        with running_in(image, low):
            features: Tensor = self.from_rgb[str(level)](lowered(image, low))
        return features


def _joined(found: list[Tensor | Mapping[str, Tensor]]) -> Tensor | Mapping[str, Tensor]:
    """What a head says of several batches, one behind the other."""
    tensors = [one for one in found if isinstance(one, Tensor)]
    if tensors:
        return torch.cat(tensors)
    maps = [one for one in found if isinstance(one, Mapping)]
    return {name: torch.cat([one[name] for one in maps]) for name in maps[0]}
