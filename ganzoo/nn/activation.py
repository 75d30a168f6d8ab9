"""Where the gain of an activation goes: onto the weights, or behind the activation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from ganzoo.errors import BadValue

Gain = Literal["activation", "weight"]

HE_GAIN: Mapping[str, float] = {"linear": 1.0, "relu": math.sqrt(2), "lrelu": math.sqrt(2)}
"""What restores unit variance; every activation here is positively homogeneous, so a positive
factor may stand before or behind it."""


def gains(activation: str, gain: Gain) -> tuple[float, float]:
    """The factors on the weights and behind the activation.

    ``weight`` is ProGAN's and StyleGAN's habit, ``activation`` StyleGAN2's. They differ in the
    scale of the bias, and in what a learning rate means.

    Raises:
        BadValue: the activation is unknown.
    """
    if activation not in HE_GAIN:
        raise BadValue(
            f"activation {activation!r} is unknown; expected one of {', '.join(HE_GAIN)}"
        )
    he = HE_GAIN[activation]
    return (he, 1.0) if gain == "weight" else (1.0, he)
