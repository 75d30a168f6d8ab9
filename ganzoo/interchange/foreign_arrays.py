"""numpy's arrays and numbers, rebuilt from their descriptions in a pickle."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ganzoo.interchange.ledger import Ledger, Refused, quoted

_NUMBERS = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248])")
_MOST_DIMENSIONS = 32
_LARGEST = 1 << 40


class PendingType:
    """A dtype whose byte order has yet to come.

    Args:
        code: as in ``numpy.dtype(code)``.
    """

    def __init__(self, code: str) -> None:
        self.code = code

    def set_state(self, state: Any) -> None:
        """Take what follows the dtype in a pickle: version, byte order, nothing else."""
        if (
            type(state) is not tuple
            or not 8 <= len(state) <= 9
            or type(state[1]) is not str
            or state[1] not in ("<", ">", "|", "=")
            or any(part is not None for part in state[2:5])
        ):
            raise Refused("describes a numpy dtype in a form that ganzoo does not know.")
        self.code = state[1] + self.code.lstrip("<>=|")

    def dtype(self) -> np.dtype:
        """The finished dtype."""
        return np.dtype(self.code)


class PendingArray:
    """An array whose shape and numbers have yet to come."""

    def __init__(self) -> None:
        self.memo: list[int] = []  # where the machine remembers it, to be replaced by the array


def pending_type(ledger: Ledger, args: tuple[Any, ...]) -> PendingType:
    """``numpy.dtype(code, align, copy)``."""
    code = args[0] if args else None
    if type(code) is not str:
        raise Refused("describes a numpy dtype in a form that ganzoo does not know.")
    if not _NUMBERS.fullmatch(code):
        what = "Python objects" if "O" in code else f"the dtype {quoted(code)}"
        raise Refused(f"holds an array of {what}; only arrays of numbers are read.")
    return PendingType(code)


def pending_array(ledger: Ledger, args: tuple[Any, ...]) -> PendingArray:
    """``numpy.core.multiarray._reconstruct(ndarray, (0,), b"b")``."""
    if len(args) != 3 or type(args[1]) is not tuple or type(args[2]) not in (bytes, str):
        raise Refused("describes a numpy array in a form that ganzoo does not know.")
    return PendingArray()


def finished_array(ledger: Ledger, state: Any) -> np.ndarray:
    """The array that ``(version, shape, dtype, is_fortran, data)`` describes."""
    if type(state) is not tuple or len(state) != 5 or type(state[3]) not in (bool, int):
        raise Refused("describes a numpy array in a form that ganzoo does not know.")
    _, shape, kind, is_fortran, data = state
    return _array(ledger, data, kind, shape, "F" if is_fortran else "C")


def array_from_buffer(ledger: Ledger, args: tuple[Any, ...]) -> np.ndarray:
    """``numpy.core.numeric._frombuffer(data, dtype, shape, order)``, as protocol 5 has it."""
    if len(args) != 4 or type(args[3]) is not str or args[3] not in ("C", "F"):
        raise Refused("describes a numpy array in a form that ganzoo does not know.")
    data, kind, shape, order = args
    return _array(ledger, data, kind, shape, order)


def number(ledger: Ledger, args: tuple[Any, ...]) -> int | float | bool:
    """``numpy.core.multiarray.scalar(dtype, data)`` as a number of Python."""
    if len(args) != 2:
        raise Refused("describes a numpy number in a form that ganzoo does not know.")
    value: int | float | bool = _array(ledger, args[1], args[0], (), "C").item()
    return value


def _array(ledger: Ledger, data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    if type(data) is str:
        data = _latin1(data)
    if type(kind) is not PendingType or type(data) not in (bytes, memoryview):
        raise Refused("describes a numpy array in a form that ganzoo does not know.")
    if (
        type(shape) is not tuple
        or len(shape) > _MOST_DIMENSIONS
        or any(type(size) is not int or size < 0 for size in shape)
        or math.prod(size for size in shape if size) >= _LARGEST
    ):
        raise Refused("gives a numpy array a shape that is none.")
    dtype = kind.dtype()
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(data):
        raise Refused(
            f"declares an array of {needed:,} bytes and holds {len(data):,} bytes for it."
        )
    ledger.allow_bytes(needed)
    if dtype.kind == "b":
        flat = np.frombuffer(data, dtype=np.uint8) != 0
    else:
        flat = np.frombuffer(data, dtype=dtype).astype(dtype.newbyteorder("="))
    return np.ascontiguousarray(flat.reshape(shape, order=order)).reshape(shape)


def _latin1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Refused("holds an array whose bytes are no bytes; it is damaged.") from error


def encoded(ledger: Ledger, args: tuple[Any, ...]) -> bytes:
    """``_codecs.encode(text, "latin1")``: how Python 2's pickles and protocol 2 write bytes."""
    if len(args) != 2 or any(type(arg) is not str for arg in args):
        raise Refused("encodes a text in a form that ganzoo does not know.")
    if args[1] not in ("latin1", "latin-1"):
        raise Refused("asks for a codec other than latin1.")
    ledger.allow_bytes(len(args[0]))
    return _latin1(args[0])
