"""Noise as an object: what it is, and which layers get it, is its own affair (StyleGAN, 3.2).

Every object answers ``map(index, like)`` with the noise map of layer ``index`` for features
``like`` [N, C, H, W]: [N or 1, 1, H, W], or None where that layer gets none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from ganzoo.nn.shapes import expect_shape
from ganzoo.ops.layer_epilogue import layer_epilogue


class NoiseSource(Protocol):
    """What every object here is: the contract ``Noise``, as this floor may say it."""

    def map(self, index: int, like: Tensor) -> Tensor | None:
        """The map of layer ``index`` for features ``like``."""
        ...


class NoNoise:
    """None, for every layer."""

    def map(self, index: int, like: Tensor) -> Tensor | None:
        """None."""
        return None


class FreshNoise:
    """N(0, 1), drawn anew for every sample at every call.

    Args:
        generator: where the draws come from; None: torch's own generator.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        self.generator = generator

    def map(self, index: int, like: Tensor) -> Tensor:
        """[N, 1, H, W], drawn on the generator's device and moved to that of ``like``.

        Drawn in no less than float32, so that a low precision rounds the same noise.
        """
        device = like.device if self.generator is None else self.generator.device
        shape = (like.shape[0], 1, *like.shape[2:])
        dtype = torch.promote_types(like.dtype, torch.float32)
        return torch.randn(shape, generator=self.generator, dtype=dtype, device=device).to(like)


class GivenNoise:
    """Maps that somebody holds, and may move (the projector of StyleGAN2, App. D).

    Args:
        maps: one a layer, in construction order: [H, W], [N or 1, 1, H, W], or None.
    """

    def __init__(self, maps: Sequence[Tensor | None]) -> None:
        self.maps = tuple(maps)

    def map(self, index: int, like: Tensor) -> Tensor | None:
        """The map of this layer.

        Raises:
            ValueError: there is none for this layer, or its shape does not fit the features.
        """
        if index >= len(self.maps):
            raise ValueError(
                f"layer {index} asks for its noise map, but only {len(self.maps)} were given"
            )
        given = self.maps[index]
        if given is None:
            return None
        if given.dim() == 2:
            given = given[None, None]
        batch = "N" if given.shape[0] in (1, like.shape[0]) else like.shape[0]
        expect_shape(f"noise map {index}", given, (batch, 1, *like.shape[2:]))
        return given.to(like.dtype)


class FixedNoise(GivenNoise):
    """The buffers of a network, the same for every sample.

    Args:
        maps: one a layer, [H, W] each.
    """


class NoiseBelow:
    """Another noise, for layers below a resolution only.

    Args:
        noise: where the maps come from.
        resolution: height of the first layers that get none.
    """

    def __init__(self, noise: NoiseSource, resolution: int) -> None:
        self.noise = noise
        self.resolution = resolution

    def map(self, index: int, like: Tensor) -> Tensor | None:
        """The other's map, or None from the resolution up."""
        return self.noise.map(index, like) if like.shape[2] < self.resolution else None


class NoiseFrom:
    """Another noise, for layers from a resolution up only.

    Args:
        noise: where the maps come from.
        resolution: height of the first layers that get it.
    """

    def __init__(self, noise: NoiseSource, resolution: int) -> None:
        self.noise = noise
        self.resolution = resolution

    def map(self, index: int, like: Tensor) -> Tensor | None:
        """The other's map, or None below the resolution."""
        return self.noise.map(index, like) if like.shape[2] >= self.resolution else None


class NoiseInput(nn.Module):
    """The place where a layer takes its noise, with the learned strength, zero at first.

    Args:
        index: of the layer among those with noise; None: this layer takes none.
        channels: None for one strength a layer (StyleGAN2), or one for each of these (StyleGAN).
    """

    def __init__(self, index: int | None, channels: int | None = None) -> None:
        super().__init__()
        self.index = index
        if index is not None:
            self.strength = nn.Parameter(torch.zeros(() if channels is None else (channels,)))

    def parts(self, like: Tensor, noise: NoiseSource) -> tuple[Tensor | None, Tensor | None]:
        """The map for ``like`` [N, C, H, W] and its strength, for a layer's epilogue."""
        drawn = None if self.index is None else noise.map(self.index, like)
        return (None, None) if drawn is None else (drawn, self.strength)

    def forward(self, x: Tensor, noise: NoiseSource) -> Tensor:
        """[N, C, H, W] with strength times map added."""
        drawn, strength = self.parts(x, noise)
        return layer_epilogue(x, noise=drawn, strength=strength)
