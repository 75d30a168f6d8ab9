"""Which kernels a GPU has shown to be worth taking, as committed beside the sources.

``gains.json`` says what was measured on, and for each operation and element type how many times
faster the kernel was than torch. An operation and type that is not there is never taken by
itself: without a measurement there is no gain. Reading it needs no tensor framework.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ganzoo.errors import BackendError

FILE = Path(__file__).parent / "gains.json"
"""The committed measurement."""

OPS = ("upfirdn2d", "bias_act", "layer_epilogue", "modulate", "adain", "pixel_norm")
"""The operations that have a kernel."""

TYPES = ("float64", "float32", "float16", "bfloat16")
"""The element types of kernels, as torch names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """A committed comparison of kernels with torch."""

    measured_on: str | None = None
    """Device and versions; None as long as nothing was measured."""

    gains: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Operation, element type, and seconds of torch per second of the kernel; over 1 is a gain."""

    def shows(self, op: str, dtype: str) -> bool:
        """Whether a kernel is to be taken without being asked for."""
        return self.gains.get(op, {}).get(dtype, 0.0) > 1


@cache
def committed_gains() -> Gains:
    """What `FILE` says, read once.

    Raises:
        BackendError: the file is missing, damaged, or says what cannot be.
    """
    return read_gains(FILE)


def read_gains(path: Path) -> Gains:
    """Read and check a file of gains.

    Raises:
        BackendError: the file is missing, damaged, or says what cannot be.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(path, f"it cannot be read: {error}") from error
    if not isinstance(found, dict) or set(found) != {"measured_on", "gains"}:
        raise _refused(path, "expected an object with measured_on and gains")
    device, gains = found["measured_on"], found["gains"]
    if not isinstance(gains, dict):
        raise _refused(path, f"gains is {gains!r}; expected an object")
    if not (isinstance(device, str) and device) and (device is not None or gains):
        raise _refused(
            path, f"measured_on is {device!r}; expected the device that showed the gains"
        )
    checked = {op: _checked(path, op, types) for op, types in gains.items()}
    return Gains(measured_on=device, gains=MappingProxyType(checked))


def write_gains(path: Path, gains: Gains) -> None:
    """Write a file that `read_gains` reads back as it was."""
    listed = {op: dict(sorted(types.items())) for op, types in sorted(gains.gains.items())}
    content = {"measured_on": gains.measured_on, "gains": listed}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _checked(path: Path, op: str, types: Any) -> Mapping[str, float]:
    if op not in OPS:
        raise _refused(path, f"no operation is named {op!r}; there are {', '.join(OPS)}")
    if not isinstance(types, dict):
        raise _refused(path, f"gains.{op} is {types!r}; expected an object")
    for dtype, gain in types.items():
        if dtype not in TYPES:
            raise _refused(path, f"gains.{op} names {dtype!r}; types are {', '.join(TYPES)}")
        if isinstance(gain, bool) or not isinstance(gain, (int, float)) or not gain > 0:
            raise _refused(path, f"gains.{op}.{dtype} is {gain!r}; expected a ratio over 0")
    return MappingProxyType({dtype: float(gain) for dtype, gain in types.items()})


def _refused(path: Path, why: str) -> BackendError:
    return BackendError(
        f"{path}: {why}. Reinstall ganzoo, or write the file again with "
        "python -m benchmarks.gpu --adopt"
    )
