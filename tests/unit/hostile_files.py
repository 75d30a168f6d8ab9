"""Files that want something of their reader, one row each: class, what it does, bytes, the answer.

A file whose payload could run under Python's own unpickler says so with ``live``: there it makes
the folder whose name it is given, and nothing else. The file is long because the table is one: a
reader shall see every class beside the others.
"""

from __future__ import annotations

import pickle as p
import struct
import zipfile
from collections.abc import Callable
from typing import NamedTuple

from pickle_assembler import (
    archive,
    blob,
    call,
    dict_of,
    legacy,
    list_of,
    named,
    named_on_stack,
    nested,
    number,
    numpy_array,
    numpy_type,
    pickled,
    storage,
    tensor,
    text,
    tuple_of,
    zipped,
)

NEVER = "never runs code from a file"
OVERLAP = "overlap in memory"
ESCAPE = "could lead out of a folder"


class Hostile(NamedTuple):
    subject: str
    what: str
    content: Callable[[str], bytes]
    answer: str
    live: bool = False


def mkdir(place: str, module: str = "os") -> bytes:
    return call(named(module, "mkdir"), text(place))


def system(place: str, function: bytes) -> bytes:
    return call(function, text(f'mkdir "{place}"'))


def evaluated(place: str, name: str) -> bytes:
    return call(named("builtins", name), text(f"__import__('os').mkdir({place!r})"))


def plain(*parts: bytes, protocol: int = 4) -> Callable[[str], bytes]:
    return lambda place: pickled(*parts, protocol=protocol)


def torch_file(*parts: bytes, **more: bytes) -> Callable[[str], bytes]:
    return lambda place: archive(pickled(*parts), **more)


def popen(place: str) -> bytes:
    return call(named("subprocess", "Popen"), list_of(text("mkdir"), text(place)))


def newobj(place: str) -> bytes:
    return pickled(named("subprocess", "Popen"), tuple_of(text(place)), p.NEWOBJ)


def in_a_state_dict(place: str) -> bytes:
    return archive(pickled(dict_of(weight=tensor(storage()), bias=mkdir(place))))


def by_getattr(place: str) -> bytes:
    module = call(named("builtins", "__import__"), text("os"))
    function = call(named("builtins", "getattr"), module, text("mkdir"))
    return pickled(call(function, text(place)))


def by_globals(place: str) -> bytes:
    functions = named_on_stack("collections", "namedtuple.__globals__")
    getter = call(named("operator", "itemgetter"), text("_sys"))
    return pickled(call(getter, functions))


def instance(place: str) -> bytes:
    return pickled(p.MARK, text(place), b"ios\nmkdir\n")


def object_of(place: str) -> bytes:
    return pickled(p.MARK, named("os", "mkdir"), text(place), p.OBJ)


def with_keywords(place: str) -> bytes:
    arguments = dict_of(args=list_of(text("mkdir"), text(place)))
    return pickled(named("subprocess", "Popen"), p.EMPTY_TUPLE, arguments, p.NEWOBJ_EX)


def set_state(place: str) -> bytes:
    """Puts os.mkdir into a class as its __setstate__, then lets BUILD call it."""
    cls = named("argparse", "Namespace")
    patch = tuple_of(p.NONE, dict_of(__setstate__=named("os", "mkdir")))
    return pickled(cls, patch, p.BUILD, p.EMPTY_TUPLE, p.NEWOBJ, text(place), p.BUILD)


def member_in_member() -> bytes:
    """Two members that share the same bytes of the archive."""
    inner = zipped({"archive/data/1": bytes(16)})[: 30 + len("archive/data/1") + 16]
    whole = archive(pickled(p.NONE), data=inner, **{"archive/data/1": bytes(16)})
    entry = whole.rindex(b"PK\x01\x02")
    return whole[: entry + 42] + struct.pack("<I", whole.index(inner)) + whole[entry + 46 :]


def renamed_inside() -> bytes:
    """A member that has one name in the directory and another where it lies."""
    return archive(pickled(p.NONE)).replace(b"archive/data.pkl", b"archive/code.pkl", 1)


def many_members() -> bytes:
    whole = zipped({"archive/data.pkl": pickled(p.NONE)})
    return whole[:-14] + struct.pack("<2H", 65535, 65535) + whole[-10:]


def patched(record: bytes, place: int, content: bytes) -> Callable[[str], bytes]:
    """A good archive with a few bytes of the last such record replaced."""
    whole = bytearray(archive(pickled(p.NONE)))
    start = whole.rindex(record) + place
    whole[start : start + len(content)] = content
    return lambda to: bytes(whole)


def wide(header: int = 0, start: int | None = None) -> bytes:
    """An archive whose directory uses 64 bits for a member's place and for its own."""
    pickle = zipped({"archive/data.pkl": pickled(p.NONE)})
    first, last = pickle.index(ENTRY), pickle.rindex(END)
    entry = bytearray(pickle[first:last] + struct.pack("<2HQ", 1, 8, header))
    entry[30:32], entry[42:46] = b"\x0c\0", b"\xff" * 4
    place = first if start is None else start
    directory = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(entry), place)
    end = struct.pack("<4sIQI", b"PK\x06\x07", 0, first + len(entry), 1)
    short = struct.pack("<4s4H2IH", END, 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return pickle[:first] + entry + directory + end + short


def duplicate() -> bytes:
    members = {"archive/data.pkl": pickled(p.NONE), "archive/data.pk1": pickled(p.NONE)}
    return zipped(members).replace(b"data.pk1", b"data.pkl")


def member(name: str) -> Callable[[str], bytes]:
    return torch_file(p.NONE, **{name: b"x"})


MAKE_BYTES = nested(legacy(pickled(storage())))
VIEWS = (tensor(storage(count=1 << 20), 0, (1 << 20,)) for _ in range(8))
LAUGHS = p.EMPTY_TUPLE + (p.DUP + p.TUPLE2) * 60
ARRAY_OF_MEMO = call(
    named("numpy.core.numeric", "_frombuffer"),
    *(b"h\0", numpy_type("u1"), tuple_of(number(200_000)), text("C")),
)
BYTES_OF_MEMO = call(named("_codecs", "encode"), b"h\0", text("latin1"))
VIEW = tuple_of(
    *(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), number(4)),
    tuple_of(text("1"), number(0), number(4)),
)
DEEP = 100_000
ENTRY, END = b"PK\x01\x02", b"PK\x05\x06"

HOSTILE = (
    Hostile("reduce", "os.mkdir", lambda to: pickled(mkdir(to)), "'os.mkdir'", True),
    Hostile(
        "reduce",
        "os.system by STACK_GLOBAL",
        lambda to: pickled(system(to, named_on_stack("os", "system"))),
        "'os.system', which is neither a tensor, an array nor a plain container; ganzoo never",
        True,
    ),
    Hostile("reduce", "eval", lambda to: pickled(evaluated(to, "eval")), "'builtins.eval'", True),
    Hostile(
        "reduce",
        "Python 2's name of eval",
        lambda to: pickled(evaluated(to, "eval").replace(b"builtins", b"__builtin__"), protocol=2),
        "'__builtin__.eval'",
        True,
    ),
    Hostile("reduce", "Popen", lambda to: pickled(popen(to)), "'subprocess.Popen'", True),
    Hostile("reduce", "made and thrown away", lambda to: pickled(mkdir(to), b"0}"), NEVER, True),
    Hostile("reduce", "in a state dict", in_a_state_dict, "'os.mkdir'"),
    Hostile("reduce", "in a legacy file", lambda to: legacy(pickled(mkdir(to))), "'os.mkdir'"),
    Hostile(
        "reduce",
        "in the facts of a legacy file",
        lambda to: legacy(pickled(p.NONE), facts=pickled(mkdir(to))),
        "'os.mkdir'",
    ),
    Hostile(
        "reduce", "torch's own loader", plain(call(named("torch", "load"), text("x"))), "torch.load"
    ),
    Hostile(
        "reduce",
        "a runner inside numpy",
        plain(call(named("numpy.testing._private.utils", "runstring"), text("x"), p.EMPTY_DICT)),
        "numpy.testing._private.utils.runstring",
    ),
    Hostile("reduce", "calls a text", plain(call(text("os.mkdir"), text("x"))), NEVER),
    Hostile(
        "reduce",
        "calls a class",
        plain(call(named("argparse", "Namespace"))),
        "calls argparse.Name",
    ),
    Hostile(
        "reduce",
        "another codec",
        plain(call(named("_codecs", "encode"), text("x"), text("rot13"))),
        "codec other than latin1",
    ),
    Hostile("reduce", "INST", instance, "by calling its class", True),
    Hostile("reduce", "OBJ", object_of, "'os.mkdir'", True),
    Hostile("reduce", "NEWOBJ", newobj, "'subprocess.Popen'"),
    Hostile("reduce", "NEWOBJ_EX", with_keywords, "'subprocess.Popen'"),
    Hostile(
        "reduce",
        "OBJ of a known class",
        plain(p.MARK, named("argparse", "Namespace"), p.OBJ),
        "by calling its class",
    ),
    Hostile(
        "reduce",
        "NEWOBJ_EX of a known class",
        plain(named("argparse", "Namespace"), p.EMPTY_TUPLE, p.EMPTY_DICT, p.NEWOBJ_EX),
        "by calling its class",
    ),
    Hostile("set state", "a class patched by BUILD", set_state, "'os.mkdir'", True),
    Hostile(
        "set state",
        "a class",
        plain(named("argparse", "Namespace"), dict_of(__call__=p.NONE), p.BUILD),
        "gives a state to argparse.Namespace",
    ),
    Hostile(
        "set state",
        "slots",
        plain(
            *(named("argparse", "Namespace"), p.EMPTY_TUPLE, p.NEWOBJ),
            *(tuple_of(p.NONE, dict_of(x=p.NONE)), p.BUILD),
        ),
        "gives a state to something of type Recorded",
    ),
    Hostile(
        "set state",
        "a tensor",
        torch_file(tensor(storage()), dict_of(grad_fn=p.NONE), p.BUILD),
        "gives a state to something of type Tensor",
    ),
    Hostile(
        "set state",
        "hooks of a tensor",
        torch_file(tensor(storage(), hooks=dict_of(hook=text("x")))),
        "hooks or metadata",
    ),
    Hostile("attribute", "getattr", by_getattr, "'builtins.getattr'", True),
    Hostile(
        "attribute",
        "a dotted name",
        lambda to: pickled(system(to, named_on_stack("torch", "serialization.os.system"))),
        "'torch.serialization.os.system'",
        True,
    ),
    Hostile("attribute", "__globals__", by_globals, "'operator.itemgetter'"),
    Hostile(
        "attribute",
        "a dotted name behind a known one",
        plain(named_on_stack("collections", "OrderedDict.fromkeys")),
        "'collections.OrderedDict.fromkeys'",
    ),
    Hostile(
        "attribute",
        "a known name with its dots moved",
        plain(named_on_stack("torch", "_utils._rebuild_parameter")),
        "'torch._utils._rebuild_parameter'",
    ),
    Hostile("attribute", "a bare class", plain(named("numpy", "ndarray")), "refers to numpy.ndarr"),
    Hostile("persistent id", "in a plain pickle", plain(storage()), "only a torch file may"),
    Hostile("persistent id", "as text", plain(b"Pos.mkdir\n"), "persistent id as text"),
    Hostile(
        "persistent id",
        "no storage",
        torch_file(tuple_of(text("module"), named("torch", "Size")), p.BINPERSID),
        "no storage of a tensor",
    ),
    Hostile("persistent id", "no type", torch_file(storage(kind=text("x"))), "no storage of a"),
    Hostile("persistent id", "less than none", torch_file(storage(count=-1)), "no storage of a"),
    Hostile(
        "persistent id",
        "a view of a storage",
        torch_file(VIEW, p.BINPERSID),
        "no storage of a",
    ),
    Hostile("persistent id", "a path", torch_file(storage(key="../version")), "not in it"),
    Hostile("extension", "EXT1", plain(p.EXT1, b"\1"), "extension registry"),
    Hostile("extension", "EXT2", plain(p.EXT2, b"\1\1"), "extension registry"),
    Hostile("extension", "EXT4", plain(p.EXT4, b"\1\1\1\1"), "extension registry"),
    Hostile("extension", "a buffer outside", plain(p.NEXT_BUFFER, protocol=5), "outside of the f"),
    Hostile(
        "nested", "a gadget", lambda to: pickled(nested(legacy(pickled(mkdir(to))))), "'os.mkdir'"
    ),
    Hostile(
        "nested",
        "one archive again and again",
        plain(
            *(b"]", p.MEMOIZE, named("torch.storage", "_load_from_bytes"), p.MEMOIZE, p.POP),
            *(blob(legacy(pickled(storage(count=50_000)), count=50_000, data=bytes(200_000))),),
            *(p.MEMOIZE, p.POP, p.MARK, b"h\1h\2\x85R" * 1000, p.APPENDS),
        ),
        "more than 3 times what the file holds",
    ),
    Hostile("nested", "twice", plain(nested(legacy(pickled(MAKE_BYTES)))), "inside an archive"),
    Hostile("nested", "in a torch file", torch_file(MAKE_BYTES), "inside an archive"),
    Hostile("nested", "a zip", plain(nested(archive(pickled(storage())))), "form that ganzoo"),
    Hostile("nested", "a pickle", plain(nested(pickled(p.NONE))), "form that ganzoo"),
    Hostile(
        "nested", "a dict", plain(nested(legacy(pickled(dict_of(x=storage()))))), "something else"
    ),
    Hostile("nested", "a bare storage", plain(MAKE_BYTES), "bare storage"),
    Hostile("nested", "TorchScript", member("archive/code/__torch__.py"), "TorchScript program"),
    Hostile(
        "bomb",
        "deflated zeros",
        lambda to: zipped({"a/data.pkl": bytes(1 << 20)}, zipfile.ZIP_DEFLATED),
        "ganzoo unpacks nothing",
    ),
    Hostile(
        "bomb",
        "bzip2",
        lambda to: zipped({"a/data.pkl": bytes(1 << 20)}, zipfile.ZIP_BZIP2),
        "ganzoo unpacks nothing",
    ),
    Hostile("bomb", "members over one another", lambda to: member_in_member(), "one another"),
    Hostile("bomb", "more members than bytes", lambda to: many_members(), "65,535 members"),
    Hostile("bomb", "an encrypted member", patched(ENTRY, 8, b"\1"), "encrypted"),
    Hostile(
        "bomb", "a member larger than all", patched(ENTRY, 20, b"\0\0\0\x7f" * 2), "outside of"
    ),
    Hostile("bomb", "a member that grows", patched(ENTRY, 24, b"\0\0\0\x7f"), "damaged zip"),
    Hostile("bomb", "a member far away", patched(ENTRY, 42, b"\0\0\0\x7f"), "damaged zip"),
    Hostile("bomb", "a hidden member", patched(END, 8, b"\2\0\2\0"), "damaged zip"),
    Hostile("bomb", "a directory elsewhere", patched(END, 16, bytes(4)), "damaged zip"),
    Hostile("bomb", "a member at 2^64", lambda to: wide(header=(1 << 64) - 1), "damaged zip"),
    Hostile("bomb", "a directory at 2^64", lambda to: wide(start=(1 << 64) - 1), "damaged zip"),
    Hostile("bomb", "a comment", patched(END, 20, b"\1"), "damaged zip"),
    Hostile("bomb", "a billion laughs", plain(LAUGHS), "unfolds into more than 10,000,000"),
    Hostile("bomb", "a key of a billion parts", plain(b"}", LAUGHS, b"Ns"), "as a key of a dict"),
    Hostile(
        "bomb",
        "a list copied again and again",
        plain(
            *(b"](", b"N" * 1000, b"e", p.MEMOIZE, named("torch", "Size"), p.MEMOIZE, b"]("),
            *(b"h\1h\0\x85R" * 1000, b"e"),
        ),
        "1,000,000 pickle instr",
    ),
    Hostile(
        "bomb",
        "bytes made into arrays again and again",
        plain(blob(bytes(200_000)), p.MEMOIZE, p.POP, list_of(*[ARRAY_OF_MEMO] * 100)),
        "more than 3 times what the file holds",
    ),
    Hostile(
        "bomb",
        "a text encoded again and again",
        plain(text("x" * 200_000), p.MEMOIZE, p.POP, list_of(*[BYTES_OF_MEMO] * 100)),
        "more than 3 times what the file holds",
    ),
    Hostile(
        "bomb",
        "a text that is wider in memory",
        plain(text("\N{DRAGON}" + "x" * 2_000_000)),
        "more than 3 times what the file holds",
    ),
    Hostile("bomb", "a long key", plain(b"}", tuple_of(*[p.NONE] * 17), b"Ns"), "as a key of a"),
    Hostile("bomb", "endless instructions", plain(b"N0" * 500_001), "1,000,000 pickle instr"),
    Hostile("allocation", "an array", plain(numpy_array("f8", (1 << 30,), b"")), "8,589,934,592"),
    Hostile(
        "allocation",
        "an overflowing shape",
        plain(numpy_array("f8", (1 << 31,) * 5, b"")),
        "shape that is none",
    ),
    Hostile(
        "allocation", "an empty shape", plain(numpy_array("f8", (0, 1 << 62), b"")), "shape that is"
    ),
    Hostile("allocation", "objects", plain(numpy_array("O8", (1,), bytes(8))), "Python objects"),
    Hostile("allocation", "records", plain(numpy_array("V8", (1,), bytes(8))), "dtype 'V8'"),
    Hostile(
        "allocation",
        "a dtype with fields",
        plain(
            numpy_type("f8"),
            tuple_of(number(3), text("<"), p.NONE, tuple_of(text("x")), *[p.NONE] * 4),
            p.BUILD,
        ),
        "form that ganzoo does not know",
    ),
    Hostile(
        "allocation",
        "an array that never comes",
        plain(
            call(
                named("numpy.core.multiarray", "_reconstruct"),
                *(named("numpy", "ndarray"), tuple_of(number(0)), blob(b"b")),
            )
        ),
        "without its numbers",
    ),
    Hostile("allocation", "bytes", plain(p.BINBYTES8, struct.pack("<Q", 1 << 60)), "incomplete"),
    Hostile(
        "allocation", "a bytearray", plain(p.BYTEARRAY8, b"\xff" * 8, protocol=5), "incomplete"
    ),
    Hostile("allocation", "a text", plain(p.BINUNICODE8, struct.pack("<Q", 1 << 40)), "incomplete"),
    Hostile("allocation", "a frame", plain(p.FRAME, struct.pack("<Q", 1 << 62)), "incomplete"),
    Hostile("allocation", "an integer", plain(p.LONG4, struct.pack("<i", 1 << 30)), "an integer"),
    Hostile("allocation", "a long integer", plain(p.LONG1, b"\xff" * 256), "an integer"),
    Hostile(
        "allocation",
        "a place in the memo",
        plain(p.NONE, p.LONG_BINPUT, struct.pack("<I", 1 << 31)),
        "2,147,483,648, more values",
    ),
    Hostile("allocation", "raw bytes", plain(blob(bytes(300_000))), "300,000 raw bytes"),
    Hostile(
        "allocation", "a storage", torch_file(storage(count=1 << 36)), "906,944 bytes and has 16"
    ),
    Hostile(
        "allocation",
        "a legacy storage",
        lambda to: legacy(pickled(tensor(storage(count=1 << 36), 0, (1 << 36,)))),
        "declares a storage of 274,877,906,944 bytes",
    ),
    Hostile(
        "allocation",
        "a legacy storage cut short",
        lambda to: legacy(pickled(tensor(storage())), data=bytes(12)),
        "ends before them",
    ),
    Hostile("depth", "lists", plain(b"]" * DEEP, b"a" * (DEEP - 1)), "100 deep"),
    Hostile("depth", "tuples", plain(b")", p.TUPLE1 * DEEP), "100 deep"),
    Hostile(
        "depth",
        "a deep list inside another one",
        plain(b"](", b"]" * 60, b"a" * 59, p.MEMOIZE, b"]" * 60, b"h\0", b"a" * 60, b"h\0e"),
        "100 deep",
    ),
    Hostile("depth", "dicts", plain(b"}N" * 200, b"}", b"s" * 200), "100 deep"),
    Hostile(
        "depth",
        "recorded objects",
        plain(
            *(named("torch_utils.persistence", "_reconstruct_persistent_obj"), p.MEMOIZE),
            *(b"h\0" * 50_000, p.NONE, (p.TUPLE1 + p.REDUCE) * 50_001),
        ),
        "100 deep",
    ),
    Hostile("depth", "marks", plain(p.MARK * DEEP), "1,000 containers"),
    Hostile("depth", "a full stack", plain(p.NONE * (DEEP + 1)), "values waiting"),
    Hostile("depth", "a list in itself", plain(b"]", p.MEMOIZE, b"h\0a"), "holds itself"),
    Hostile("depth", "a dict in itself", plain(b"}", p.MEMOIZE, b"Nh\0s"), "holds itself"),
    Hostile("path", "a folder above", member("archive/data/../../../x"), ESCAPE),
    Hostile("path", "absolute", member("/archive/data/x"), ESCAPE),
    Hostile("path", "backslashes", member("archive\\..\\x"), ESCAPE),
    Hostile("path", "a drive", member("C:/x"), ESCAPE),
    Hostile("path", "a control character", member("archive/data/\x1b[2J"), ESCAPE),
    Hostile("path", "two of one name", lambda to: duplicate(), "two members"),
    Hostile("path", "another name inside", lambda to: renamed_inside(), "damaged zip"),
    Hostile("path", "a second root", member("other/data.pkl"), "not one of torch.save"),
    Hostile("path", "a stranger", member("archive/setup.py"), "torch.save does not write"),
    Hostile(
        "alias",
        "two types",
        torch_file(tuple_of(storage(), storage(kind=b"ctorch\nIntStorage\n"))),
        "with two types or two lengths",
    ),
    Hostile(
        "alias",
        "two lengths",
        torch_file(tuple_of(storage(), storage(count=3))),
        "with two types or two lengths",
    ),
    Hostile("alias", "a short storage", torch_file(tensor(storage(count=3))), "holds 16 bytes"),
    Hostile("alias", "behind the end", torch_file(tensor(storage(), 1)), "up to number 5"),
    Hostile("alias", "before the start", torch_file(tensor(storage(), -1)), "that are none"),
    Hostile(
        "alias", "a far stride", torch_file(tensor(storage(), 0, (2,), (4,))), "up to number 5"
    ),
    Hostile(
        "alias", "a negative stride", torch_file(tensor(storage(), 3, (4,), (-1,))), "are none"
    ),
    Hostile("alias", "no stride", torch_file(tensor(storage(), 0, (1 << 30,), (0,))), OVERLAP),
    Hostile(
        "alias", "rows in one another", torch_file(tensor(storage(), 0, (2, 2), (1, 1))), OVERLAP
    ),
    Hostile(
        "alias",
        "a huge size",
        torch_file(tensor(storage(), 0, (1 << 62,) * 3, (1,) * 3)),
        "that are none",
    ),
    Hostile(
        "alias",
        "one storage many times",
        torch_file(tuple_of(*VIEWS), data=bytes(4 << 20)),
        "more than 3 times what the file holds",
    ),
)

SUBJECTS = (
    *("reduce", "set state", "attribute", "persistent id", "extension", "nested", "bomb"),
    *("allocation", "depth", "path", "alias"),
)
