"""A stem, a stack of doublings and their images, all under the control of styles (StyleGAN)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal, cast

import torch
from torch import Tensor, nn

from ganzoo.errors import BadValue
from ganzoo.nn.layer_kit import LayerKit
from ganzoo.nn.noise import FixedNoise, NoNoise
from ganzoo.nn.precision import LevelTypes, lowered, running_in
from ganzoo.nn.pyramid import (
    Size,
    active_level,
    channels_at,
    num_doublings,
    refuse_growth,
    show,
    size_at,
)
from ganzoo.nn.running_mean import RunningMean
from ganzoo.nn.shapes import expect_shape
from ganzoo.registry.contracts import (
    ConvSite,
    Factory,
    GeneratorBlock,
    GeneratorSite,
    LatentMapping,
    MappingSite,
    NetworkSite,
    Noise,
    Stem,
    StemSite,
    StyledConv,
)

__all__ = ["StyleGenerator"]


class StyleGenerator(nn.Module):
    """Latent and label to styles, styles and noise to an image.

    ``L`` styles: those of the stem, of each block in turn, and one of the last to-RGB where that
    reads one. A to-RGB below a block shares the first style of that block. Level k is the image
    after k doublings; only a network that grows can stop below its last. Blocks of the largest
    resolutions run in the site's low precision; styles, images and the stem stay in the type of the
    weights.

    Args:
        block: one doubling of the resolution.
        normalization: what a style does to a convolution.
        mapping: from latent and label to a style.
        stem: the start, at the base grid.
        channels_base: feature maps at resolution r are this over r, r counted from 4 at the base.
        channels_max: feature maps at most.
        gain: sqrt(2) behind the activation (StyleGAN2), or on the weight (ProGAN, StyleGAN).
        resample: taps of the filter inside upsampling convolutions; [1, 1] is nearest.
        blur: taps of an extra filter behind them, or none; StyleGAN: [1, 2, 1].
        image_resample: taps that upsample the image; none: as resample.
        clamp: largest magnitude after a layer, or none.
        noise: whether layers take noise.
        latent_width: of z.
        w_mean_beta: how much of the mean style stays at a step.
    """

    def __init__(
        self,
        site: NetworkSite,
        *,
        block: Factory[GeneratorBlock],
        normalization: Factory[StyledConv],
        mapping: Factory[LatentMapping],
        stem: Factory[Stem],
        channels_base: int = 32768,
        channels_max: int = 512,
        gain: Literal["activation", "weight"] = "activation",
        resample: tuple[float, ...] = (1, 3, 3, 1),
        blur: tuple[float, ...] | None = None,
        image_resample: tuple[float, ...] | None = None,
        clamp: float | None = None,
        noise: bool = True,
        latent_width: int = 512,
        w_mean_beta: float = 0.995,
    ) -> None:
        super().__init__()
        if latent_width < 1:
            raise BadValue(
                f"latent_width is {latent_width!r}; expected at least 1", path="latent_width"
            )
        if not 0 <= w_mean_beta < 1:
            raise BadValue(
                f"w_mean_beta is {w_mean_beta!r}; expected from 0 to below 1", path="w_mean_beta"
            )
        self.resolution, self.base = site.resolution, site.base
        self.channels, self.label_width = site.channels, site.label_width
        self.latent_width = latent_width
        self.grows = site.grows
        self.precision = site.precision
        top = num_doublings(site.resolution, site.base)
        self._types = LevelTypes(
            site.precision.dtype, site.precision.low_resolutions, top=top, clamp=clamp
        )
        widths = [channels_at(4 << k, channels_base, channels_max) for k in range(top + 1)]
        layers = LayerKit(
            gain=gain,
            resample=resample,
            image_resample=image_resample,
            blur=blur,
            clamp=clamp,
        )
        self.upsample = layers.upsample
        self.mapping = mapping(
            MappingSite(latent_width=latent_width, label_width=site.label_width, layers=layers)
        )
        self.style_width = self.mapping.width
        self.w_mean = RunningMean((self.style_width,), beta=w_mean_beta)
        parts = _Parts(normalization, layers, self.style_width, site.channels, takes_noise=noise)
        self.stem = stem(
            StemSite(
                out_channels=widths[0],
                resolution=site.base,
                style_width=self.style_width,
                styled_conv=parts.styled_conv_at(site.base),
                layers=layers,
            )
        )
        self.blocks = nn.ModuleList()
        levels_with_image = {top}
        for k in range(top):
            num_images = parts.num_images
            size = size_at(k + 1, site.base)
            made = block(
                GeneratorSite(
                    in_channels=widths[k],
                    out_channels=widths[k + 1],
                    resolution=size,
                    styled_conv=parts.styled_conv_at(size),
                    to_rgb=parts.to_rgb,
                    layers=layers,
                )
            )
            self.blocks.append(cast(nn.Module, made))
            if site.grows or parts.num_images > num_images:
                levels_with_image.add(k)
        if site.grows:
            refuse_growth((self.stem,), "stem")
            refuse_growth(self.blocks, "block")
        self.to_rgb = nn.ModuleDict(
            {str(k): parts.to_rgb(widths[k]) for k in range(top + 1) if site.grows or k == top}
        )
        self._image_reads_style = bool(self.to_rgb[str(top)].reads_style)
        self._levels_with_image = frozenset(levels_with_image)
        self._expect_a_reader_of_the_latent()
        self.noise_sizes: tuple[Size, ...] = tuple(parts.noise_sizes)
        for index, noise_size in enumerate(self.noise_sizes):
            self.register_buffer(f"noise{index}", torch.randn(noise_size))

    @property
    def num_styles(self) -> int:
        """How many styles the whole network reads."""
        return self.num_styles_at(len(self.blocks))

    def num_styles_at(self, level: int) -> int:
        """How many styles are read up to a level; style mixing cuts between them."""
        below = sum(block.num_styles for block in self._stack(level))
        return self.stem.num_styles + below + self._image_reads_style

    def style_resolutions(self) -> tuple[tuple[Size, ...], ...]:
        """For each style, the sizes (height, width) of the layers it controls."""
        rows: list[tuple[Size, ...]] = [(self.base,)] * self.stem.num_styles
        for k, block in enumerate(self._stack(len(self.blocks))):
            own: tuple[Size, ...] = (size_at(k + 1, self.base),)
            sizes = [own] * block.num_styles
            if sizes and self._image_reads_style and k in self._levels_with_image:
                sizes[0] = (size_at(k, self.base), *own)
            rows += sizes
        return (*rows, (self.resolution,)) if self._image_reads_style else tuple(rows)

    def fixed_noise(self) -> FixedNoise:
        """The noise maps that this network keeps."""
        return FixedNoise([self.get_buffer(f"noise{i}") for i in range(len(self.noise_sizes))])

    def styles(
        self, z: Tensor, label: Tensor | None = None, mixing: tuple[Tensor, int] | None = None
    ) -> Tensor:
        """Map latents to styles, and in training mode take note of their mean.

        Args:
            z: [N, Z].
            label: [N, K], or None where nothing is conditional.
            mixing: a second latent [N, Z] for the styles from ``cut`` on; the label is shared.

        Returns:
            [N, L, D].
        """
        expect_shape("z", z, ("N", self.latent_width))
        w = self.mapping(z, label)
        self.w_mean.observe(w.detach().mean(dim=0), count=len(w))
        styles = w[:, None].repeat(1, self.num_styles, 1)  # [N, L, D]
        if mixing is None:
            return styles
        second, cut = mixing
        expect_shape("the second latent", second, (len(z), self.latent_width))
        mixed = self.mapping(second, label)[:, None].expand(-1, self.num_styles - cut, -1)
        return torch.cat([styles[:, :cut], mixed], dim=1)

    def truncate(self, styles: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
        """Pull styles [N, L, D] towards their mean (StyleGAN, App. B).

        Args:
            psi: 1 changes nothing, 0 gives the mean.
            cutoff: how many of the first styles are pulled; None: all.
        """
        pulled = self.w_mean.value.lerp(styles[:, :cutoff], psi)
        return pulled if cutoff is None else torch.cat([pulled, styles[:, cutoff:]], dim=1)

    def synthesize(
        self, styles: Tensor, noise: Noise, level: int | None = None, fade: float = 1.0
    ) -> Tensor:
        """Make an image.

        Args:
            styles: [N, L, D], the ones beyond ``num_styles_at(level)`` unread.
            noise: as ``ganzoo.nn.noise`` has them.
            level: doublings; None: all.
            fade: weight of the last block's image against the upsampled image below it; 0 is
                exactly the network of one level less (ProGAN, 3).

        Returns:
            [N, I, R, R] at the size of the level.

        Raises:
            ValueError: there are too few styles, or the level is none of this network's.
        """
        level = active_level(level, fade, len(self.blocks), self.grows)
        expect_shape("styles", styles, ("N", "L", self.style_width))
        if styles.shape[1] < self.num_styles_at(level):
            raise ValueError(
                f"{styles.shape[1]} styles were given; expected {self.num_styles_at(level)} "
                f"for an image of {show(size_at(level, self.base))}"
            )
        first = self.stem.num_styles
        x, image = self.stem(styles[:, :first], noise), None
        below = None
        for k, block in enumerate(self._stack(level)):
            if k == level - 1 and fade < 1:
                below = self._image_at(k, x, image, styles, first)
            mine = styles[:, first : first + block.num_styles]
            low = self._types.at(k + 1)
            with running_in(x, low):
                x, image = block(lowered(x, low), image, mine, noise)
            first += block.num_styles
        top = self._image_at(level, x, image, styles, first)
        return top if below is None else self.upsample(below).lerp(top, fade)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """[N, Z], [N, K] -> [N, I, R, R], with the noise that the network keeps."""
        return self.synthesize(self.styles(z, label), self.fixed_noise())

    def _expect_a_reader_of_the_latent(self) -> None:
        if not any(getattr(module, "reads_style", False) for module in self.modules()):
            raise BadValue(
                f"nothing in this generator reads the latent: neither its stem "
                f"({type(self.stem).__name__}) nor its normalization does, so all images would be "
                "the same but for their noise. Choose the stem ganzoo/dense, or a normalization "
                "with styles, as ganzoo/demodulation",
                path="stem",
            )

    def _image_at(
        self, level: int, x: Tensor, image: Tensor | None, styles: Tensor, first: int
    ) -> Tensor:
        style = styles[:, first if self._image_reads_style else 0]
        with running_in(x, self._types.at(level)):
            rgb = self.to_rgb[str(level)](x, style)
        return rgb if image is None else image + rgb

    def _stack(self, level: int) -> Iterator[GeneratorBlock]:
        return islice(cast("Iterable[GeneratorBlock]", self.blocks), level)


class _Parts:
    """What sites hand to stem and blocks, bound to one network; counts what was asked for."""

    def __init__(
        self,
        normalization: Factory[StyledConv],
        layers: LayerKit,
        style_width: int,
        image_channels: int,
        *,
        takes_noise: bool,
    ) -> None:
        self.normalization = normalization
        self.layers = layers
        self.style_width = style_width
        self.image_channels = image_channels
        self.takes_noise = takes_noise
        self.noise_sizes: list[Size] = []
        self.num_images = 0

    def styled_conv_at(self, size: Size) -> Callable[..., StyledConv]:
        """Return the maker of styled convolutions whose output has this size."""

        def styled_conv(
            in_channels: int, out_channels: int, kernel: int, up: int = 1
        ) -> StyledConv:
            index = None
            if self.takes_noise:
                index = len(self.noise_sizes)
                self.noise_sizes.append(size)
            return self.normalization(
                ConvSite(
                    in_channels=in_channels,
                    out_channels=out_channels,
                    kernel=kernel,
                    up=up,
                    style_width=self.style_width,
                    noise=index,
                    layers=self.layers,
                )
            )

        return styled_conv

    def to_rgb(self, in_channels: int) -> ToRgb:
        """Return a layer from features to an image."""
        self.num_images += 1
        layer = self.normalization(
            ConvSite(
                in_channels=in_channels,
                out_channels=self.image_channels,
                kernel=1,
                style_width=self.style_width,
                noise=None,
                is_output=True,
                layers=self.layers,
            )
        )
        return ToRgb(layer)


class ToRgb(nn.Module):
    """The output form of a normalization: never takes noise, never sums in half precision."""

    def __init__(self, layer: StyledConv) -> None:
        super().__init__()
        self.layer = layer
        self.reads_style = layer.reads_style

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, C, R, R], [N, D] -> [N, I, R, R]."""
        rgb = self.layer(x, style, NoNoise())
        return rgb.to(torch.promote_types(rgb.dtype, torch.float32))
