"""Our StyleGAN2 modules under the state-dict names of the published PyTorch networks.

The published networks count blocks by the resolution of their output and hold the to-RGB (or
from-RGB) of that resolution; ours hold it on the side of the lower resolution, so RGB moves by one
block. Published weights of upsampling convolutions are convolution weights, ours are correlation
weights: they differ by a flip of both spatial axes. All other tensors are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.errors import DataError

# Buffers of the published networks that say nothing new: the taps of a filter.
_CONSTANT = re.compile(r"(.*\.)?resample_filter")

# The label matrix of StyleGAN2's TensorFlow networks, which the PyTorch ones have no name for.
EMBEDDING = "mapping.embedding"

_PARTS_OF_A_LAYER = {
    "conv.weight": "weight",
    "conv.bias": "bias",
    "affine.weight": "affine.weight",
    "affine.bias": "affine.bias",
    "noise.strength": "noise_strength",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTensor:
    """One tensor under both of its names.

    Args:
        name: published.
        ours: in the state dict of our network.
        flip: whether the two differ by a flip of both spatial axes.
        shape: on the published side.
    """

    name: str
    ours: str
    flip: bool
    shape: tuple[int, ...]

    def turn(self, x: Tensor) -> Tensor:
        """Ours as published, or the published one as ours; a gradient turns like its tensor."""
        return x.flip(2, 3) if self.flip else x


def generator_entries(generator: nn.Module) -> tuple[PublishedTensor, ...]:
    """Every tensor of a style generator, in the order of its state dict.

    Raises:
        DataError: it holds tensors that the published networks do not know.
    """
    return _entries(generator, _generator_name)


def discriminator_entries(discriminator: nn.Module) -> tuple[PublishedTensor, ...]:
    """Every tensor of a stack discriminator, in the order of its state dict.

    Raises:
        DataError: it holds tensors that the published networks do not know.
    """
    num_blocks = len(list(discriminator.get_submodule("blocks").children()))
    return _entries(discriminator, lambda name: _discriminator_name(name, num_blocks))


@torch.no_grad()
def load_published(network: nn.Module, arrays: Mapping[str, Tensor]) -> None:
    """Copy published tensors into a style generator or a stack discriminator.

    Args:
        network: ours.
        arrays: a published state dict; the taps of filters in it are not looked at.

    Raises:
        DataError: names or shapes do not match; all of them are reported, and nothing is copied.
    """
    own = network.state_dict(keep_vars=True)
    for entry in matched(network, arrays):
        own[entry.ours].copy_(entry.turn(arrays[entry.name]))


def state_from_published(network: nn.Module, arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state dict of one of our networks, float32, made of published tensors.

    Args:
        network: ours; only names and shapes are read, so it may live on the meta device.
        arrays: a published state dict of tensors or NumPy arrays.

    Raises:
        DataError: names or shapes do not match; all of them are reported.
    """
    return {
        entry.ours: entry.turn(as_tensor(arrays[entry.name])).contiguous()
        for entry in matched(network, arrays, also=(EMBEDDING,))
    }


def state_to_published(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of ours under the published names; the taps of filters are left out.

    Args:
        network: whose state it is; only names and shapes are read.

    Raises:
        DataError: it holds tensors that the published networks do not know.
    """
    return {entry.name: entry.turn(state[entry.ours]).contiguous() for entry in entries_of(network)}


def as_tensor(value: Any) -> Tensor:
    """A tensor or an array as a float32 tensor on the CPU; a copy only where one is needed."""
    if not isinstance(value, Tensor):
        value = torch.from_numpy(np.require(value, dtype=np.float32, requirements=["C", "W"]))
    return value.detach().to("cpu", torch.float32)


def entries_of(network: nn.Module, also: tuple[str, ...] = ()) -> tuple[PublishedTensor, ...]:
    """Every tensor of a style generator or a stack discriminator.

    Args:
        also: names of ours that the published networks do not know, and that stay as they are.
    """
    is_generator = any(name.startswith("stem.") for name in network.state_dict())
    if not is_generator:
        return discriminator_entries(network)
    return _entries(network, lambda ours: ours if ours in also else _generator_name(ours))


def matched(
    network: nn.Module, arrays: Mapping[str, Any], also: tuple[str, ...] = ()
) -> tuple[PublishedTensor, ...]:
    """The entries of a network, once every one of them is found among published arrays.

    Args:
        also: as for ``entries_of``.

    Raises:
        DataError: names or shapes do not match; all of them are reported.
    """
    entries = entries_of(network, also)
    wanted = {entry.name: entry for entry in entries}
    missing = sorted(wanted.keys() - arrays.keys())
    unused = sorted(name for name in arrays.keys() - wanted if not _CONSTANT.fullmatch(name))
    problems = [
        f"{name} is {list(arrays[name].shape)}, not {list(entry.shape)}"
        for name, entry in wanted.items()
        if name in arrays and tuple(arrays[name].shape) != entry.shape
    ]
    if missing:
        problems.append(f"missing: {', '.join(missing)}")
    if unused:
        problems.append(f"unused: {', '.join(unused)}")
    if problems:
        raise DataError(
            f"the published tensors do not fit this network: {'; '.join(problems)}. Build it with "
            "the resolution, widths, architecture and labels that the tensors come from"
        )
    return entries


def _entries(
    network: nn.Module, published: Callable[[str], str | None]
) -> tuple[PublishedTensor, ...]:
    entries, strangers = [], []
    is_upsampling = re.compile(r"synthesis\.b\d+\.(conv0|skip)\.weight")
    for ours, tensor in network.state_dict().items():
        name = published(ours)
        if name is None:
            strangers.append(ours)
        else:
            flip = is_upsampling.fullmatch(name) is not None
            shape = tuple(tensor.shape)
            entries.append(PublishedTensor(name=name, ours=ours, flip=flip, shape=shape))
    if strangers:
        raise DataError(
            f"{', '.join(strangers)}: the published StyleGAN2 networks have no such tensors, so "
            "this network cannot exchange weights with them"
        )
    return tuple(entries)


def _generator_name(ours: str) -> str | None:
    if ours == "w_mean.value":
        return "mapping.w_avg"
    if ours == "stem.const":
        return "synthesis.b4.const"
    if match := re.fullmatch(r"noise(\d+)", ours):
        block, layer = divmod(int(match[1]) + 1, 2)
        return f"synthesis.b{4 << block}.conv{layer}.noise_const"
    if match := re.fullmatch(r"stem\.conv\.(.+)", ours):
        return _layer("synthesis.b4.conv1", match[1])
    if match := re.fullmatch(r"blocks\.(\d+)\.(up|refine)\.(.+)", ours):
        layer = ("up", "refine").index(match[2])
        return _layer(f"synthesis.b{8 << int(match[1])}.conv{layer}", match[3])
    if match := re.fullmatch(r"blocks\.(\d+)\.skip\.weight", ours):
        return f"synthesis.b{8 << int(match[1])}.skip.weight"
    if match := re.fullmatch(r"(?:blocks\.(\d+)\.to_rgb|to_rgb\.(\d+))\.layer\.(.+)", ours):
        return _layer(f"synthesis.b{4 << int(match[1] or match[2])}.torgb", match[3])
    return _mapping_name(ours)


def _discriminator_name(ours: str, num_blocks: int) -> str | None:
    if match := re.fullmatch(r"from_rgb\.(\d+)\.(weight|bias)", ours):
        return f"b{4 << int(match[1])}.fromrgb.{match[2]}"
    if match := re.fullmatch(r"blocks\.(\d+)\.(conv|down|skip)\.(weight|bias)", ours):
        name = {"conv": "conv0", "down": "conv1", "skip": "skip"}[match[2]]
        return f"b{4 << (num_blocks - int(match[1]))}.{name}.{match[3]}"
    if match := re.fullmatch(r"blocks\.(\d+)\.from_rgb\.(weight|bias)", ours):
        return f"b{4 << (num_blocks - int(match[1]) - 1)}.fromrgb.{match[2]}"
    if match := re.fullmatch(r"head\.(conv|dense|out)\.(weight|bias)", ours):
        name = {"conv": "conv", "dense": "fc", "out": "out"}[match[1]]
        return f"b4.{name}.{match[2]}"
    return _mapping_name(ours.removeprefix("head.")) if ours.startswith("head.") else None


def _mapping_name(ours: str) -> str | None:
    if match := re.fullmatch(r"mapping\.layers\.(\d+)\.(weight|bias)", ours):
        return f"mapping.fc{match[1]}.{match[2]}"
    return ours if ours in ("mapping.embed.weight", "mapping.embed.bias") else None


def _layer(prefix: str, part: str) -> str | None:
    return f"{prefix}.{_PARTS_OF_A_LAYER[part]}" if part in _PARTS_OF_A_LAYER else None
