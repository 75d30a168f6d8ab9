"""Which kernels are worth taking without being asked for, out of what a GPU measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MARGIN = 1.05
SECONDS = ("forward_seconds", "forward_and_backward_seconds")


def gains_of(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Times that the kernel is faster than torch, by op and element type.

    The least of all sizes, layouts and variants of an op, forward alone and with its backward:
    ``auto`` does not ask for them. Below ``MARGIN`` it is no gain.

    Args:
        comparisons: as ``ganzoo bench ops --json`` prints them.
    """
    least: dict[tuple[str, str], float] = {}
    for each in comparisons:
        speeds = each["implementations"]
        if "cupy" not in speeds or "torch" not in speeds:
            continue
        key = each["op"], each["dtype"]
        gain = min(speeds["torch"][name] / speeds["cupy"][name] for name in SECONDS)
        least[key] = min(least.get(key, gain), gain)
    gains: dict[str, dict[str, float]] = {}
    for (op, dtype), gain in sorted(least.items()):
        if gain >= MARGIN:
            gains.setdefault(op, {})[dtype] = round(gain, 3)
    return gains
