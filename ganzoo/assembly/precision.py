"""The precision and the memory layout that a recipe asks for, on the device that is there."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from torch import nn

from ganzoo.errors import BadValue
from ganzoo.nn.precision import has_fast_bfloat16
from ganzoo.recipe.settings import TrainingSettings
from ganzoo.registry.contracts import Precision

log = logging.getLogger(__name__)

LAYOUTS: Mapping[str, torch.memory_format] = {
    "channels_last": torch.channels_last,
    "contiguous": torch.contiguous_format,
}


def layout_of(settings: TrainingSettings) -> torch.memory_format:
    """The memory format of kernels and pictures."""
    return LAYOUTS[settings.layout]


def expect_honoured(networks: Mapping[str, nn.Module], precision: Precision) -> None:
    """Refuse networks that would run in float32 whatever the recipe says.

    Raises:
        BadValue: a network does not keep the precision it was asked for.
    """
    if not precision.lowers:
        return
    for name, network in networks.items():
        if getattr(network, "precision", None) != precision:
            raise BadValue(
                f"{precision.dtype} is asked for, but the {name} ({type(network).__name__}) has no"
                " low precision: expected a network that keeps the precision of its site. Take"
                " training.precision.dtype=float32, or another network",
                path="training.precision",
            )


def expect_trainable(precision: Precision, device: torch.device, *, warns: bool = True) -> None:
    """Refuse float16 on a CPU, and say where bfloat16 only costs time.

    Args:
        warns: whether this process is the one that speaks.

    Raises:
        BadValue: float16 on a CPU, which computes it slowly and knows no better range for it.
    """
    if not precision.lowers or device.type != "cpu":
        return
    if precision.dtype == "float16":
        raise BadValue(
            "float16 is for GPUs; a CPU computes it slower than float32, and less exactly. Expected"
            " float32, or bfloat16 where the CPU has it; --device cuda takes a GPU",
            path="training.precision.dtype",
        )
    if warns and not has_fast_bfloat16():
        log.warning(
            "This CPU has no bfloat16 arithmetic (AVX512_BF16 or AMX), so training in bfloat16 is"
            " slower here than in float32: training.precision.dtype=float32 is the faster choice."
        )


def usable_on(precision: Precision, device: str | torch.device) -> Precision:
    """For making images: the recipe's precision, and float32 where float16 meets a CPU."""
    if precision.dtype == "float16" and torch.device(device).type == "cpu":
        return Precision()
    return precision
