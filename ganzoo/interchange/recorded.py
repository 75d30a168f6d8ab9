"""Objects of classes that ganzoo knows by name only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recorded:
    """An object as a file describes it; its class was not imported, nothing of it was run.

    Args:
        class_name: full name, ``"dnnlib.tflib.network.Network"``; of a function that was to be
            called, the function's.
        args: what the class or the function was to be called with.
        state: the attributes it was to be given afterwards, or None.
    """

    class_name: str
    args: tuple[Any, ...]
    state: Mapping[str, Any] | None = None
