"""The pickle instructions that ganzoo reads, and why it reads no others."""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ganzoo.interchange.ledger import Ledger, Refused

PROTOCOLS = range(2, 6)
_LONGEST_LINE = 200
_LONGEST_INTEGER = 16
_SHORT = 4096

_BARE = (
    *(pickle.MARK, pickle.STOP, pickle.POP, pickle.POP_MARK, pickle.DUP),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.MEMOIZE),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.STACK_GLOBAL, pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD, pickle.BINPERSID),
)
_FIXED = {
    pickle.PROTO: "<B",
    pickle.FRAME: "<Q",
    pickle.BININT: "<i",
    pickle.BININT1: "<B",
    pickle.BININT2: "<H",
    pickle.BINFLOAT: ">d",
    pickle.BINGET: "<B",
    pickle.LONG_BINGET: "<I",
    pickle.BINPUT: "<B",
    pickle.LONG_BINPUT: "<I",
}
_COUNTED = {
    pickle.LONG1: "<B",
    pickle.BINSTRING: "<I",
    pickle.SHORT_BINSTRING: "<B",
    pickle.BINUNICODE: "<I",
    pickle.SHORT_BINUNICODE: "<B",
    pickle.BINUNICODE8: "<Q",
    pickle.BINBYTES: "<I",
    pickle.SHORT_BINBYTES: "<B",
    pickle.BINBYTES8: "<Q",
    pickle.BYTEARRAY8: "<Q",
}
_TEXT = (pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8)
_OLD_TEXT = (pickle.BINSTRING, pickle.SHORT_BINSTRING)

_EXTENSION = "reaches for a class through the extension registry, which ganzoo does not have."
_INSTANCE = "makes an object by calling its class, and ganzoo never runs code from a file."
_BUFFER = "keeps its arrays in buffers outside of the file."
_OLD = "is a pickle of protocol 0 or 1; ganzoo reads protocols 2 to 5."
_REFUSED = {
    **dict.fromkeys((pickle.EXT1, pickle.EXT2, pickle.EXT4), _EXTENSION),
    **dict.fromkeys((pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX), _INSTANCE),
    **dict.fromkeys((pickle.NEXT_BUFFER, pickle.READONLY_BUFFER), _BUFFER),
    **dict.fromkeys((pickle.INT, pickle.LONG, pickle.FLOAT, pickle.STRING, pickle.UNICODE), _OLD),
    **dict.fromkeys((pickle.LIST, pickle.DICT, pickle.GET, pickle.PUT), _OLD),
    pickle.PERSID: "names a persistent id as text, which no torch file does.",
    pickle.LONG4: "holds an integer that is longer than any size or count.",
}


def starts_a_pickle(data: memoryview) -> bool:
    """Whether the first bytes are those of a binary pickle."""
    return len(data) >= 2 and data[0] == pickle.PROTO[0] and data[1] in PROTOCOLS


def instructions(
    data: memoryview, position: int, ledger: Ledger
) -> Iterator[tuple[bytes, Any, int]]:
    """The instructions of one pickle up to its STOP.

    Yields:
        The opcode, its decoded argument (None without one), and where the next one starts. Bytes
        longer than ``Limits.loose_bytes`` are views of ``data``, not copies; so are the strings of
        Python 2, whose arrays look like text.

    Raises:
        Refused: the pickle ends too early, or an instruction is not one of those above.
    """
    if not starts_a_pickle(data[position:]):
        raise Refused("holds no pickle of protocols 2 to 5 where one has to stand; it is damaged.")
    start = position
    while True:
        ledger.count_operations()
        code = bytes(_take(data, position, 1))
        read = _READERS.get(code)
        if read is None or (code == pickle.PROTO and position != start):
            raise Refused(_REFUSED.get(code, f"holds bytes that are no pickle ({code!r})."))
        argument, position = read(data, position + 1, code, ledger)
        yield code, argument, position
        if code == pickle.STOP:
            return


def _take(data: memoryview, position: int, count: int) -> memoryview:
    if count > len(data) - position:
        raise Refused(
            f"ends in the middle of its data (byte {len(data):,}); it is incomplete, so download or"
            " copy it again."
        )
    return data[position : position + count]


def _bare(data: memoryview, position: int, code: bytes, ledger: Ledger) -> tuple[Any, int]:
    return None, position


def _fixed(data: memoryview, position: int, code: bytes, ledger: Ledger) -> tuple[Any, int]:
    layout = _LAYOUTS[code]
    (value,) = layout.unpack(_take(data, position, layout.size))
    position += layout.size
    if code == pickle.FRAME:
        _take(data, position, value)
    return value, position


def _counted(data: memoryview, position: int, code: bytes, ledger: Ledger) -> tuple[Any, int]:
    count, position = _fixed(data, position, code, ledger)
    content = _take(data, position, count)
    return _decoded(code, content, ledger), position + count


def _decoded(code: bytes, content: memoryview, ledger: Ledger) -> Any:
    if code == pickle.LONG1:
        if len(content) > _LONGEST_INTEGER:
            raise Refused(_REFUSED[pickle.LONG4])
        return int.from_bytes(content, "little", signed=True)
    if code in _TEXT:
        if len(content) > ledger.limits.text_bytes:
            raise Refused(
                f"holds a text of {len(content):,} bytes; ganzoo reads at most"
                f" {ledger.limits.text_bytes:,}."
            )
        try:
            text = str(content, "utf-8")
        except UnicodeDecodeError as error:
            raise Refused("holds a text that is no UTF-8; it is damaged.") from error
        if len(content) > _SHORT:
            ledger.allow_bytes(sys.getsizeof(text))  # up to four times what it has in the file
        return text
    if len(content) > ledger.limits.loose_bytes:
        return content
    return str(content, "latin-1") if code in _OLD_TEXT else bytes(content)


def _names(data: memoryview, position: int, code: bytes, ledger: Ledger) -> tuple[Any, int]:
    """Module and name, each a line of its own."""
    near = bytes(data[position : position + 2 * _LONGEST_LINE])
    lines = near.split(b"\n", 2)
    if len(lines) < 3:
        _take(data, position, 2 * _LONGEST_LINE)
        raise Refused("names a global that is longer than any name; it is damaged.")
    module, name, _ = lines
    if not (module + name).isascii():
        raise Refused("names a global that is no name; it is damaged.")
    return (module.decode("ascii"), name.decode("ascii")), position + len(module) + len(name) + 2


_LAYOUTS = {code: struct.Struct(layout) for code, layout in {**_FIXED, **_COUNTED}.items()}
_READERS: dict[bytes, Callable[[memoryview, int, bytes, Ledger], tuple[Any, int]]] = {
    **dict.fromkeys(_BARE, _bare),
    **dict.fromkeys(_FIXED, _fixed),
    **dict.fromkeys(_COUNTED, _counted),
    pickle.GLOBAL: _names,
}
