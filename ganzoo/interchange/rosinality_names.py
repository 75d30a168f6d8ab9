"""Names of the widely used ``stylegan2-pytorch`` code, beside those of the official networks.

Its networks are StyleGAN2 with output skips and a residual discriminator, without labels and
without a clamp. Weights of upsampling convolutions are convolution weights, as in the official
PyTorch networks, so only names and leading axes differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

# What that code takes for granted, and so never stores.
TAPS = (1, 3, 3, 1)
LR_SCALE = 0.01
GROUP = 4

_LAYER = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "noise.weight": "noise_strength",
    "activate.bias": "bias",
}
_RGB = {
    "conv.weight": "weight",
    "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
    "bias": "bias",
}
_LAYER_BACK = {official: name for name, official in _LAYER.items()}
_RGB_BACK = {official: name for name, official in _RGB.items()}
_FILTERS = re.compile(r"(.*\.)?(blur\.kernel|upsample\.kernel|conv2\.0\.kernel|skip\.0\.kernel)")


def is_filter(name: str) -> bool:
    """Whether a tensor holds the taps of a filter, and nothing that was learnt."""
    return _FILTERS.fullmatch(name) is not None


def official_generator_name(name: str) -> str | None:
    """``convs.0.conv.weight`` is ``synthesis.b8.conv0.weight``; None: no such tensor is known."""
    if name == "input.input":
        return "synthesis.b4.const"
    if match := re.fullmatch(r"style\.(\d+)\.(weight|bias)", name):
        return f"mapping.fc{int(match[1]) - 1}.{match[2]}" if int(match[1]) else None
    if match := re.fullmatch(r"noises\.noise_(\d+)", name):
        return f"{_layer_at(int(match[1]))}.noise_const"
    if match := re.fullmatch(r"(?:conv1|convs\.(\d+))\.(.+)", name):
        layer = _layer_at(0 if match[1] is None else int(match[1]) + 1)
        return f"{layer}.{_LAYER[match[2]]}" if match[2] in _LAYER else None
    if match := re.fullmatch(r"to_rgb(?:1|s\.(\d+))\.(.+)", name):
        side = 4 if match[1] is None else 8 << int(match[1])
        return f"synthesis.b{side}.torgb.{_RGB[match[2]]}" if match[2] in _RGB else None
    return None


def official_discriminator_name(name: str, resolution: int) -> str | None:
    """``convs.1.conv1.0.weight`` is ``b1024.conv0.weight`` in a discriminator of that size."""
    if match := re.fullmatch(r"convs\.0\.([01])\.(weight|bias)", name):
        return f"b{resolution}.fromrgb.{match[2]}"
    if match := re.fullmatch(r"convs\.(\d+)\.(conv1|conv2|skip)\.\d\.(weight|bias)", name):
        layer = {"conv1": "conv0", "conv2": "conv1", "skip": "skip"}[match[2]]
        return f"b{resolution >> (int(match[1]) - 1)}.{layer}.{match[3]}"
    if match := re.fullmatch(r"final_(conv|linear)\.([01])\.(weight|bias)", name):
        if match[1] == "conv":
            return f"b4.conv.{match[3]}"
        return f"b4.{('fc', 'out')[int(match[2])]}.{match[3]}"
    return None


def official_tensors(state: Mapping[str, Any], resolution: int | None = None) -> dict[str, Any]:
    """A state dict under the official names and in the official shapes; unknown names stay.

    Args:
        resolution: of a discriminator; None: this is a generator.
    """
    made = {}
    for name, value in state.items():
        if is_filter(name):
            continue
        official = (
            official_generator_name(name)
            if resolution is None
            else official_discriminator_name(name, resolution)
        )
        made[official or name] = value if official is None else _official_shape(official, value)
    return made


def rosinality_generator(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A generator's state dict by its official names, filters included; the mean style left out."""
    made: dict[str, Tensor] = {}
    blur, upsample = filter_taps() * 4, filter_taps() * 4
    for name, value in official.items():
        if name == "mapping.w_avg":
            continue
        ours = _rosinality_name(name)
        made[ours] = _rosinality_shape(name, value)
        if re.fullmatch(r"synthesis\.b\d+\.conv0\.weight", name):
            made[ours.replace("conv.weight", "conv.blur.kernel")] = blur.clone()
        if ours.startswith("to_rgbs.") and ours.endswith(".conv.weight"):
            made[ours.replace("conv.weight", "upsample.kernel")] = upsample.clone()
    return made


def rosinality_discriminator(official: Mapping[str, Tensor], resolution: int) -> dict[str, Tensor]:
    """A residual discriminator's state dict by its official names, filters included."""
    made: dict[str, Tensor] = {}
    for name, value in official.items():
        match = re.fullmatch(r"b(\d+)\.(\w+)\.(weight|bias)", name)
        assert match is not None, name
        index = 1 + (resolution // int(match[1])).bit_length() - 1
        weight = match[3] == "weight"
        if match[2] == "fromrgb":
            made[f"convs.0.{'0.weight' if weight else '1.bias'}"] = value
        elif match[2] == "conv0":
            made[f"convs.{index}.conv1.{'0.weight' if weight else '1.bias'}"] = value
        elif match[2] == "conv1" and int(match[1]) > 4:
            made[f"convs.{index}.conv2.{'1.weight' if weight else '2.bias'}"] = value
            made[f"convs.{index}.conv2.0.kernel"] = filter_taps()
        elif match[2] == "skip":
            made[f"convs.{index}.skip.1.weight"] = value
            made[f"convs.{index}.skip.0.kernel"] = filter_taps()
        elif match[2] == "conv":
            made[f"final_conv.{'0.weight' if weight else '1.bias'}"] = value
        else:
            made[f"final_linear.{('fc', 'out').index(match[2])}.{match[3]}"] = value
    return made


def filter_taps() -> Tensor:
    """[4, 4], the published filter with sum 1."""
    taps = torch.tensor(TAPS, dtype=torch.float32)
    return torch.outer(taps, taps) / taps.sum() ** 2


def _layer_at(index: int) -> str:
    """The layer with the noise map ``index``: two at each resolution but the first."""
    block, layer = divmod(index + 1, 2)
    return f"synthesis.b{4 << block}.conv{layer}"


def _official_shape(name: str, value: Any) -> Any:
    if name.endswith("noise_strength"):
        return value.reshape(())
    if name.endswith("noise_const"):
        return value.reshape(value.shape[-2:])
    if name == "synthesis.b4.const" or re.search(r"\.(conv\d|torgb)\.weight$", name):
        return value[0] if name.startswith("synthesis.") else value
    if name.endswith("torgb.bias"):
        return value.reshape(-1)
    return value


def _rosinality_name(name: str) -> str:
    if name == "synthesis.b4.const":
        return "input.input"
    if match := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", name):
        return f"style.{int(match[1]) + 1}.{match[2]}"
    match = re.fullmatch(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.+)", name)
    assert match is not None, name
    level = int(match[1]).bit_length() - 3
    if match[2] == "torgb":
        return f"{f'to_rgbs.{level - 1}' if level else 'to_rgb1'}.{_RGB_BACK[match[3]]}"
    index = 2 * level - 1 + int(match[2] == "conv1")
    if match[3] == "noise_const":
        return f"noises.noise_{index}"
    return f"{f'convs.{index - 1}' if index else 'conv1'}.{_LAYER_BACK[match[3]]}"


def _rosinality_shape(name: str, value: Tensor) -> Tensor:
    if name.endswith("noise_strength"):
        return value.reshape(1)
    if name.endswith("noise_const"):
        return value[None, None]
    if name == "synthesis.b4.const" or re.search(r"\.(conv\d|torgb)\.weight$", name):
        return value[None]
    if name.endswith("torgb.bias"):
        return value.reshape(1, -1, 1, 1)
    return value
