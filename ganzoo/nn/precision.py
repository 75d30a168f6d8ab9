"""Which blocks of a network run in a low floating type, and how they are made to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import BadValue

LOW_TYPES: Mapping[str, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class LevelTypes:
    """The low type of a network's levels; level k is the base grid doubled k times.

    The largest ``low_resolutions`` levels are low, whatever level a growing network has reached,
    and the base grid never is (StyleGAN2-ADA). Weights stay as they are stored: a block gets low
    features and runs under autocast, so that its convolutions take low weights, and float32 styles
    and biases beside them cost nothing.

    Args:
        dtype: ``float32`` for none, ``bfloat16`` or ``float16``.
        low_resolutions: how many levels.
        top: the last level.
        clamp: largest magnitude after a layer of this network, or None.

    Raises:
        BadValue: float16 without a clamp: nothing would keep features below its 65504.
    """

    def __init__(
        self, dtype: str, low_resolutions: int, *, top: int, clamp: float | None = None
    ) -> None:
        self.low = LOW_TYPES.get(dtype) if low_resolutions > 0 else None
        self.above = max(top - low_resolutions, 0)
        if self.low is torch.float16 and clamp is None and top > self.above:
            raise BadValue(
                "training.precision.dtype is 'float16', whose largest number is 65504, but nothing"
                " keeps the features of this network below that. Add clamp: 256, as published, or"
                " choose bfloat16, which needs none",
                path="clamp",
            )

    def at(self, level: int) -> torch.dtype | None:
        """The low type of a level, or None where it stays in the type of the weights."""
        return self.low if level > self.above else None


def running_in(x: Tensor, low: torch.dtype | None) -> AbstractContextManager[object]:
    """Autocast to a low type on the device of ``x``; nothing for None.

    On the meta device, where there is no autocast, nothing either.
    """
    device = x.device.type
    if low is None or not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device, dtype=low)


def lowered(x: Tensor, low: torch.dtype | None) -> Tensor:
    """The features that a level reads, in its low type; None leaves them alone."""
    return x if low is None else x.to(low)


def raised(x: Tensor, like: Tensor) -> Tensor:
    """Features that leave the low levels, in the type of the image they were made from."""
    return x.to(torch.promote_types(x.dtype, like.dtype))


def has_fast_bfloat16() -> bool:
    """Whether this CPU computes in bfloat16, instead of only storing it.

    AVX512_BF16 or AMX of x86, BF16 of Arm; where nobody can say, no.
    """
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    if any(getattr(torch.cpu, ask, lambda: False)() for ask in asks):
        return True
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)
