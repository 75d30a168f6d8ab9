"""Variables of StyleGAN2's TensorFlow networks under the names of its PyTorch networks.

Kernels are stored [k, k, in, out] there, dense weights [in, out]. Weights of upsampling
convolutions are correlation weights, so they turn into the convolution weights of PyTorch by a flip
of both axes. Affine maps of styles add 1 to their bias at run time; PyTorch stores the sum.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ganzoo.interchange.stylegan2_names import EMBEDDING

_PARTS = {
    "weight": "weight",
    "bias": "bias",
    "mod_weight": "affine.weight",
    "mod_bias": "affine.bias",
    "noise_strength": "noise_strength",
}
_GENERATOR_LAYERS = {"Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}
_DISCRIMINATOR_LAYERS = {
    "FromRGB": "fromrgb",
    "Conv0": "conv0",
    "Conv1_down": "conv1",
    "Skip": "skip",
    "Conv": "conv",
    "Dense0": "fc",
}
_UNLEARNT = ("lod", "synthesis/lod")


def official_arrays(
    variables: Mapping[str, np.ndarray], resolution: int, *, generator: bool
) -> dict[str, Any]:
    """Variables of a network as its PyTorch twin holds them; views, no copies.

    Args:
        variables: by local name, components' included.
        resolution: side of the images.
        generator: which of the two networks it is.

    Returns:
        By official name; a variable that nobody knows keeps its own.
    """
    name_of = _generator_name if generator else _discriminator_name
    made: dict[str, Any] = {}
    for name, array in variables.items():
        if name not in _UNLEARNT:
            official = name_of(name, resolution)
            made[official or name] = array if official is None else _turned(official, array)
    return made


def _generator_name(name: str, resolution: int) -> str | None:
    if name == "dlatent_avg":
        return "mapping.w_avg"
    if name == "synthesis/4x4/Const/const":
        return "synthesis.b4.const"
    if name == "mapping/LabelConcat/weight":
        return EMBEDDING
    if match := re.fullmatch(r"mapping/(?:Dense(\d+)|LabelEmbed)/(weight|bias)", name):
        return f"mapping.{'embed' if match[1] is None else f'fc{match[1]}'}.{match[2]}"
    if match := re.fullmatch(r"synthesis/noise(\d+)", name):
        block, layer = divmod(int(match[1]) + 1, 2)
        return f"synthesis.b{4 << block}.conv{layer}.noise_const"
    if match := re.fullmatch(r"synthesis/ToRGB_lod(\d+)/(\w+)", name):
        part = _PARTS.get(match[2])
        return part and f"synthesis.b{resolution >> int(match[1])}.torgb.{part}"
    if match := re.fullmatch(r"synthesis/(\d+)x\1/(\w+)/(\w+)", name):
        layer_name = "conv1" if match[2] == "Conv" else _GENERATOR_LAYERS.get(match[2])
        part = _PARTS.get(match[3])
        return f"synthesis.b{match[1]}.{layer_name}.{part}" if layer_name and part else None
    return None


def _discriminator_name(name: str, resolution: int) -> str | None:
    if match := re.fullmatch(r"Output/(weight|bias)", name):
        return f"b4.out.{match[1]}"
    if match := re.fullmatch(r"(?:Mapping(\d+)|LabelEmbed)/(weight|bias)", name):
        return f"mapping.{'embed' if match[1] is None else f'fc{match[1]}'}.{match[2]}"
    if match := re.fullmatch(r"FromRGB_lod(\d+)/(weight|bias)", name):
        return f"b{resolution >> int(match[1])}.fromrgb.{match[2]}"
    if match := re.fullmatch(r"(\d+)x\1/(\w+)/(weight|bias)", name):
        layer = _DISCRIMINATOR_LAYERS.get(match[2])
        return f"b{match[1]}.{layer}.{match[3]}" if layer else None
    return None


def _turned(name: str, array: np.ndarray) -> np.ndarray:
    if name.endswith("affine.bias"):
        return array + 1
    if name == EMBEDDING:
        return array
    if name == "synthesis.b4.const":
        return array[0] if array.ndim == 4 else array
    if name.endswith("noise_const"):
        return array.reshape(array.shape[-2:])
    if name.endswith(".weight") and array.ndim == 2:
        return array.T
    if name.endswith(".weight") and array.ndim == 4:
        if re.fullmatch(r"synthesis\.b\d+\.(conv0|skip)\.weight", name):
            array = array[::-1, ::-1]
        return array.transpose(3, 2, 0, 1)
    return array
