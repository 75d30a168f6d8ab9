"""The last look at a value that came out of a pickle: is it plain, and can it be walked through."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from torch import Tensor

from ganzoo.interchange.foreign_arrays import PendingArray, PendingType
from ganzoo.interchange.foreign_tensors import Storage
from ganzoo.interchange.known_globals import Global
from ganzoo.interchange.ledger import Refused
from ganzoo.interchange.limits import Limits
from ganzoo.interchange.recorded import Recorded

_LEAVES = (str, bytes, int, float, bool, type(None), Tensor, np.ndarray)


def settle(value: Any, limits: Limits) -> None:
    """Look at every container once, without recursion.

    Raises:
        Refused: something in it is not finished or not plain, a container holds itself, or one who
            walks through it without remembering where he was would not come to an end.
    """
    sizes: dict[int, tuple[int, int]] = {}  # id of a container: its depth, its values in all
    opened: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        top = waiting[-1]
        if type(top) in _LEAVES or id(top) in sizes:
            waiting.pop()
            continue
        inner = [x for x in _inside(top, limits) if type(x) not in _LEAVES]
        if id(top) in opened:
            waiting.pop()
            opened.discard(id(top))
            below = [sizes[id(x)] for x in inner]
            depth = 1 + max((d for d, _ in below), default=0)
            count = _length(top) + sum(n for _, n in below)
            if count > limits.nodes:
                raise Refused(f"unfolds into more than {limits.nodes:,} values.")
            if depth > limits.depth:
                raise Refused(f"holds containers more than {limits.depth} deep in one another.")
            sizes[id(top)] = (depth, count)
            continue
        opened.add(id(top))
        if any(id(x) in opened for x in inner):
            raise Refused("holds a container that holds itself.")
        waiting.extend(x for x in inner if id(x) not in sizes)


def _length(value: Any) -> int:
    return 2 if type(value) is Recorded else 1 + len(value)


def _inside(value: Any, limits: Limits) -> Any:
    """The values in a container; keys and elements of sets were looked at when they came."""
    if type(value) in (dict, OrderedDict):
        return value.values()
    if type(value) in (list, tuple):
        return value
    if type(value) in (set, frozenset):
        return ()
    if type(value) is Recorded:
        return (value.args, value.state)
    if type(value) is memoryview:
        raise Refused(
            f"holds {len(value):,} raw bytes that belong to no tensor and no array; ganzoo keeps at"
            f" most {limits.loose_bytes:,}."
        )
    if type(value) is Global:
        raise Refused(f"refers to {value.name} without making anything of it.")
    what = {
        PendingArray: "a numpy array without its numbers",
        PendingType: "a numpy dtype without an array",
        Storage: "a bare storage without a tensor",
    }
    raise Refused(f"holds {what[type(value)]}.")
