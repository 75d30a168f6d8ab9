"""The globals a weight file may name, and what ganzoo puts in their place.

Nothing is looked up in a module: a name is a key of this table or it is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ganzoo.interchange import foreign_arrays, foreign_tensors
from ganzoo.interchange.ledger import Ledger, Refused
from ganzoo.interchange.recorded import Recorded

_Make = Callable[[Ledger, tuple[Any, ...]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Global:
    """What stands for a global of a file.

    Args:
        name: in full, ``"numpy.ndarray"``.
        call: what a call of it makes, if it may be called.
        new: what an empty object of it is, if it is a class that may have objects.
        dtype: of the numbers in it, if it is a type of storage.
    """

    name: str
    call: _Make | None = None
    new: _Make | None = None
    dtype: torch.dtype | None = None


# Objects of these are kept as Recorded, state and all.
_RECORDED_CLASSES = (
    ("dnnlib.tflib.network", "Network"),
    ("tfutil", "Network"),
    ("argparse", "Namespace"),
)
_RECORDED_CALLS = (("torch_utils.persistence", "_reconstruct_persistent_obj"),)

# Named in a sentence of their own, because their remedy is not "another file".
_KNOWN_STRANGERS = {
    ("network", "Network"): (
        "is a network of the Theano era (network.Network), which ganzoo cannot read; convert it"
        " with the tools it came from, or take a later release of the weights."
    ),
    ("torch.storage", "_load_from_bytes"): (
        "holds an archive inside an archive; a torch file has its storages beside its pickle."
    ),
}


def refusal(module: str, name: str) -> str:
    """Why a global that is not in the table is refused."""
    full = f"{module}.{name}"
    shown = full if len(full) <= 100 else full[:97] + "..."
    return _KNOWN_STRANGERS.get(
        (module, name),
        f"names the global {shown!r}, which is neither a tensor, an array nor a plain container;"
        " ganzoo never runs code from a file.",
    )


def _nothing(ledger: Ledger, args: tuple[Any, ...]) -> Any:
    raise Refused("describes an empty container in a form that ganzoo does not know.")


def _empty_bytes(ledger: Ledger, args: tuple[Any, ...]) -> bytes:
    return b"" if not args else _nothing(ledger, args)


def _items(ledger: Ledger, args: tuple[Any, ...]) -> list[Any]:
    if not args:
        return []
    if len(args) > 1 or type(args[0]) not in (list, tuple):
        raise Refused("fills a container in a form that ganzoo does not know.")
    ledger.count_operations(len(args[0]))
    return list(args[0])


def _ordered(ledger: Ledger, args: tuple[Any, ...]) -> OrderedDict[Any, Any]:
    pairs = _items(ledger, args)
    if any(type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs):
        raise Refused("fills a container in a form that ganzoo does not know.")
    return OrderedDict((key(k), value) for k, value in pairs)


def _set(ledger: Ledger, args: tuple[Any, ...]) -> set[Any]:
    return {key(item) for item in _items(ledger, args)}


def _frozenset(ledger: Ledger, args: tuple[Any, ...]) -> frozenset[Any]:
    return frozenset(_set(ledger, args))


def _dict(ledger: Ledger, args: tuple[Any, ...]) -> dict[Any, Any]:
    return {} if not args else _nothing(ledger, args)


def _size(ledger: Ledger, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_items(ledger, args))


def _device(ledger: Ledger, args: tuple[Any, ...]) -> str:
    if not 1 <= len(args) <= 2 or type(args[0]) is not str:
        raise Refused("names a device in a form that ganzoo does not know.")
    return args[0]


def key(value: Any) -> Any:
    """A key of a dict or an element of a set, if it can be hashed quickly.

    Raises:
        Refused: it is anything but a string, bytes, a number, None, or a short flat tuple of these.
    """
    if type(value) in _SCALARS:
        return value
    if (
        type(value) is tuple
        and len(value) <= _LONGEST_KEY
        and all(type(part) in _SCALARS for part in value)
    ):
        return value
    raise Refused("uses something other than text and numbers as a key of a dict or a set.")


_LONGEST_KEY = 16
_SCALARS = (str, bytes, int, float, bool, type(None))


def _table() -> dict[tuple[str, str], Global]:
    calls: dict[tuple[str, str], _Make] = {
        ("_codecs", "encode"): foreign_arrays.encoded,
        ("collections", "OrderedDict"): _ordered,
        ("numpy", "dtype"): foreign_arrays.pending_type,
        ("torch", "Size"): _size,
        ("torch", "device"): _device,
        ("torch._utils", "_rebuild_parameter"): foreign_tensors.rebuilt_parameter,
        ("torch._utils", "_rebuild_tensor"): foreign_tensors.rebuilt_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): foreign_tensors.rebuilt_tensor,
    }
    for module in ("builtins", "__builtin__"):
        calls[module, "bytes"] = _empty_bytes
        calls[module, "frozenset"] = _frozenset
        calls[module, "set"] = _set
    for module in ("numpy.core", "numpy._core"):
        calls[f"{module}.multiarray", "_reconstruct"] = foreign_arrays.pending_array
        calls[f"{module}.multiarray", "scalar"] = foreign_arrays.number
        calls[f"{module}.numeric", "_frombuffer"] = foreign_arrays.array_from_buffer
    table = {place: Global(name=".".join(place), call=call) for place, call in calls.items()}
    table["numpy", "ndarray"] = Global(name="numpy.ndarray")
    for module in ("dnnlib", "dnnlib.util"):
        table[module, "EasyDict"] = Global(name=f"{module}.EasyDict", call=_dict, new=_dict)
    for name, dtype in foreign_tensors.DTYPES.items():
        table["torch", name] = Global(name=f"torch.{name}", dtype=dtype)
    for place in _RECORDED_CLASSES:
        table[place] = Global(name=".".join(place), new=_recorder(".".join(place)))
    for place in _RECORDED_CALLS:
        table[place] = Global(name=".".join(place), call=_recorder(".".join(place)))
    return table


def _recorder(name: str) -> _Make:
    return lambda ledger, args: Recorded(class_name=name, args=args)


KNOWN = _table()

# A dtype as a value is its name; it makes nothing.
DTYPE_NAMES = frozenset(
    str(dtype).removeprefix("torch.") for dtype in foreign_tensors.DTYPES.values()
)
