"""Our StyleGAN generators beside the variables of the published TensorFlow networks.

Configurations B to F have the same names, as far as they have the layers. A fused upsampling
convolution (from 128 x 128 up, unless the file says otherwise) stores its kernel mirrored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import numpy as np

from ganzoo.interchange.growing_names import (
    Variable,
    as_it_is,
    image_variable,
    kernel,
    layer_at,
    mirrored,
    transposed,
)

Fused = bool | Literal["auto"]
FUSED_FROM = 128

_PARTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "conv.bias": ("bias", as_it_is),
    "noise.strength": ("Noise/weight", as_it_is),
    "affine.weight": ("StyleMod/weight", transposed),
    "affine.bias": ("StyleMod/bias", as_it_is),
}


def generator_variable(ours: str, top: int, fused: Fused, start: str) -> Variable | None:
    """The variable of a generator's tensor, None where the published network has none.

    Args:
        ours: in the state dict of our generator.
        top: number of doublings.
        fused: how upsampling convolutions were computed.
        start: of the base grid: ``Const`` or ``Dense``.
    """
    if ours == "w_mean.value":
        return Variable(name="dlatent_avg", turn=as_it_is)
    if ours == "stem.const":
        return Variable(name="synthesis/4x4/Const/const", turn=_without_batch)
    if ours == "stem.weight":
        return Variable(name="synthesis/4x4/Dense/weight", turn=transposed)
    if ours == "mapping.embedding":
        return Variable(name="mapping/LabelConcat/weight", turn=as_it_is)
    if match := re.fullmatch(r"mapping\.layers\.(\d+)\.(weight|bias)", ours):
        return Variable(
            name=f"mapping/Dense{match[1]}/{match[2]}",
            turn=transposed if match[2] == "weight" else as_it_is,
        )
    if match := re.fullmatch(r"noise(\d+)", ours):
        return Variable(name=f"synthesis/noise{match[1]}", turn=_plane)
    if place := layer_at(ours):
        side, layer, part = place
        names = {"stem.finish": start, "stem.conv": "Conv", "up": "Conv0_up", "refine": "Conv1"}
        name = f"synthesis/{side}x{side}/{names[layer]}"
        if part == "conv.weight":
            is_fused = layer == "up" and (side >= FUSED_FROM if fused == "auto" else bool(fused))
            return Variable(name=f"{name}/weight", turn=mirrored if is_fused else kernel)
        if part in _PARTS:
            stored, turn = _PARTS[part]
            return Variable(name=f"{name}/{stored}", turn=turn)
    return image_variable(ours, top, "synthesis/")


def _without_batch(array: np.ndarray) -> np.ndarray:
    return array[0]


def _plane(array: np.ndarray) -> np.ndarray:
    return array.reshape(array.shape[-2:])
