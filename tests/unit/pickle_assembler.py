"""Pickles, torch files and zip archives put together by hand, so that they may be wrong."""

from __future__ import annotations

import io
import pickle as p
import struct
import zipfile

MAGIC = 0x1950A86A20F9469CFC6C
FLOATS = b"ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


def pickled(*parts: bytes, protocol: int = 4) -> bytes:
    return p.PROTO + bytes([protocol]) + b"".join(parts) + p.STOP


def text(value: str) -> bytes:
    content = value.encode()
    return p.BINUNICODE + struct.pack("<I", len(content)) + content


def blob(content: bytes) -> bytes:
    return p.BINBYTES + struct.pack("<I", len(content)) + content


def number(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return p.BININT + struct.pack("<i", value)
    content = value.to_bytes(10, "little", signed=True)
    return p.LONG1 + bytes([len(content)]) + content


def tuple_of(*parts: bytes) -> bytes:
    return p.MARK + b"".join(parts) + p.TUPLE


def list_of(*parts: bytes) -> bytes:
    return p.EMPTY_LIST + p.MARK + b"".join(parts) + p.APPENDS


def dict_of(**parts: bytes) -> bytes:
    return p.EMPTY_DICT + b"".join(text(key) + part + p.SETITEM for key, part in parts.items())


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def named_on_stack(module: str, name: str) -> bytes:
    return text(module) + text(name) + p.STACK_GLOBAL


def call(function: bytes, *args: bytes) -> bytes:
    return function + tuple_of(*args) + p.REDUCE


def storage(key: str = "0", count: int = 4, kind: bytes = FLOATS) -> bytes:
    parts = (text("storage"), kind, text(key), text("cpu"), number(count))
    return tuple_of(*parts) + p.BINPERSID


def tensor(
    stored: bytes, offset: int = 0, size: tuple = (4,), stride: tuple = (1,), hooks: bytes = b"}"
) -> bytes:
    sizes = tuple_of(*map(number, size))
    return call(
        REBUILD, stored, number(offset), sizes, tuple_of(*map(number, stride)), p.NEWFALSE, hooks
    )


def numpy_type(code: str) -> bytes:
    return call(named("numpy", "dtype"), text(code), p.NEWFALSE, p.NEWTRUE)


def numpy_array(code: str, shape: tuple, content: bytes) -> bytes:
    function = named("numpy.core.multiarray", "_reconstruct")
    empty = call(function, named("numpy", "ndarray"), tuple_of(number(0)), blob(b"b"))
    shapes = tuple_of(*map(number, shape))
    state = tuple_of(number(1), shapes, numpy_type(code), p.NEWFALSE, blob(content))
    return empty + state + p.BUILD


def archive(
    pickle: bytes, *, data: bytes = bytes(16), root: str = "archive", **more: bytes
) -> bytes:
    """A torch file since 1.6, with the storage ``0`` and more members."""
    members = {f"{root}/data.pkl": pickle, f"{root}/data/0": data, f"{root}/version": b"3\n"}
    return zipped({**members, **more})


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in members.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            file.writestr(info, content)
    return out.getvalue()


def legacy(pickle: bytes, *, facts: bytes | None = None, count: int = 4, data: bytes = bytes(16)):
    """A torch file before 1.6, with the storage ``0``."""
    facts = facts or pickled(dict_of(little_endian=p.NEWTRUE), protocol=2)
    head = pickled(number(MAGIC), protocol=2) + pickled(number(1001), protocol=2) + facts
    return head + pickle + pickled(list_of(text("0"))) + struct.pack("<q", count) + data


def nested(content: bytes) -> bytes:
    """The storage of a tensor inside an ordinary pickle."""
    return call(named("torch.storage", "_load_from_bytes"), blob(content))


def network(cls: bytes, **components: bytes) -> bytes:
    """A network of TensorFlow as its pickles hold it, with one variable."""
    weight = tuple_of(text("4x4/Conv/weight"), numpy_array("<f4", (2, 1), struct.pack("<2f", 1, 2)))
    state = dict_of(
        name=text("G"),
        version=number(4),
        build_module_src=text("raise SystemExit"),
        variables=list_of(weight),
        components=dict_of(**components),
    )
    return cls + b")\x81" + state + b"b"
