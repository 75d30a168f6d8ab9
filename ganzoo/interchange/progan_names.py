"""Our ProGAN generator beside the variables of the published TensorFlow networks.

A fused upsampling convolution is called ``Conv0_up`` and stored [k, k, out, in], mirrored; an
unfused one, as in networks that came from Theano, is ``Conv0``, [k, k, in, out].
"""

from __future__ import annotations

import numpy as np

from ganzoo.interchange.growing_names import (
    Variable,
    as_it_is,
    image_variable,
    kernel,
    layer_at,
    transposed,
)


def generator_variable(ours: str, top: int, fused: bool) -> Variable | None:
    """The variable of a generator's tensor; None: the mean style, which ProGAN does not keep.

    Args:
        ours: in the state dict of our generator.
        top: number of doublings.
        fused: how upsampling convolutions were computed.
    """
    if ours == "stem.weight":
        return Variable(name="4x4/Dense/weight", turn=transposed)
    if place := layer_at(ours):
        side, layer, part = place
        up = "Conv0_up" if fused else "Conv0"
        names = {"stem.finish": "Dense", "stem.conv": "Conv", "up": up, "refine": "Conv1"}
        name = f"{side}x{side}/{names[layer]}"
        if part == "conv.weight":
            turn = _fused if fused and layer == "up" else kernel
            return Variable(name=f"{name}/weight", turn=turn)
        return Variable(name=f"{name}/bias", turn=as_it_is)
    return image_variable(ours, top)


def _fused(array: np.ndarray) -> np.ndarray:
    return array[::-1, ::-1].transpose(2, 3, 0, 1)
