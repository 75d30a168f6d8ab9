"""Weight files that are cut off, changed or made up: read or refused, and nothing else happens."""

from __future__ import annotations

import argparse
import contextlib
import io
import pickle
import random
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from nothing_runs import nothing_runs
from pickle_assembler import (
    archive,
    blob,
    call,
    dict_of,
    legacy,
    list_of,
    named,
    nested,
    network,
    number,
    numpy_array,
    pickled,
    storage,
    tensor,
    text,
    tuple_of,
    zipped,
)

from ganzoo.errors import DataError
from ganzoo.interchange.foreign import read_foreign
from ganzoo.interchange.known_globals import KNOWN


def valid_files() -> dict[str, bytes]:
    """A small file of each container, with everything a published one has."""
    parts = dict_of(
        weight=tensor(storage()),
        turned=tensor(storage(), 0, (2, 2), (1, 2)),
        array=numpy_array("<f4", (2, 2), bytes(16)),
        args=named("argparse", "Namespace") + b")\x81" + dict_of(size=number(8)) + b"b",
        set=b"\x8f(K\x01K\x02\x90",
    )
    inner = nested(legacy(pickled(storage())))
    return {
        "torch-zip": archive(pickled(parts)),
        "torch-legacy": legacy(pickled(parts)),
        "pickle": pickled(
            dict_of(weight=tensor(inner), network=network(named("tfutil", "Network")))
        ),
    }


def saved_files() -> dict[str, bytes]:
    """The same, written by Python and torch: with frames, memos and the values of both."""
    value = {
        "g_ema": OrderedDict(weight=torch.arange(12.0).view(3, 4).t(), bias=torch.ones(2).half()),
        "args": argparse.Namespace(size=8, mixing=0.9),
        "arrays": [np.arange(6.0).reshape(2, 3), np.float64(1.4), np.arange(3, dtype=">i2")],
        "plain": [None, True, -7, 1 << 40, "ä", b"\xff", (1, (2,)), {3}],
    }
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    inner = io.BytesIO()
    torch.save(value, inner)
    with zipfile.ZipFile(inner) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (pickled,) = [content for name, content in members.items() if name.endswith("data.pkl")]
    assert zipped(members).count(pickled) == 1
    return {
        "saved pickle 2": pickle.dumps(value, 2),
        "saved pickle 4": pickle.dumps(value, 4),
        "saved torch-legacy": file.getvalue(),
        "saved torch-zip": zipped(members),
    }


CHANGED = {**valid_files(), **saved_files()}


@pytest.mark.parametrize("container", list(valid_files()))
def test_a_file_cut_off_anywhere_is_refused(container, tmp_path):
    content = valid_files()[container]
    path = tmp_path / "weights"
    path.write_bytes(content)
    assert read_foreign(path).container == container
    with nothing_runs():
        for length in range(len(content)):
            path.write_bytes(content[:length])
            with pytest.raises(DataError) as caught:
                read_foreign(path)
            assert str(caught.value).isprintable()


@pytest.mark.parametrize("container", CHANGED)
def test_a_changed_file_is_read_or_refused_and_nothing_else_happens(container, tmp_path):
    content = CHANGED[container]
    draw = random.Random(0)
    path = tmp_path / "weights"
    read_or_refused: Counter[bool] = Counter()
    with nothing_runs():
        for _ in range(1200):
            changed = bytearray(content)
            for _ in range(draw.choice((1, 1, 2, 5))):
                place = draw.randrange(len(changed))
                match draw.randrange(4):
                    case 0:
                        changed[place] = draw.randrange(256)
                    case 1:
                        changed[place] ^= 1 << draw.randrange(8)
                    case 2:
                        del changed[place : place + draw.randrange(1, 9)]
                    case 3:
                        start = draw.randrange(len(content))
                        changed[place:place] = content[start : start + draw.randrange(1, 40)]
            path.write_bytes(changed)
            try:
                read_foreign(path)
                read_or_refused[True] += 1
            except DataError:
                read_or_refused[False] += 1
    assert read_or_refused[True]
    assert read_or_refused[False]


def test_random_instructions_are_read_or_refused_and_nothing_else_happens(tmp_path):
    codes = b"(.012N]ae}su\x8f\x90\x91)t\x85\x86\x87\x88\x89K\x01h\x00q\x00\x94RbQ\x81"
    pieces = [bytes([code]) for code in codes] + [
        *(text("storage"), text("cpu"), number(4), blob(b"1234"), b"G" + bytes(8)),
        *(
            named("torch", "FloatStorage"),
            named("collections", "OrderedDict"),
            named("torch", "Size"),
        ),
        *(named("torch._utils", "_rebuild_tensor_v2"), named("argparse", "Namespace")),
        *(named("numpy", "dtype"), named("numpy.core.multiarray", "scalar"), storage()),
        *(
            tensor(storage()),
            numpy_array("<f4", (1,), b"1234"),
            named("builtins", "set"),
            b")R",
            b")\x81",
        ),
    ]
    draw = random.Random(1)
    path = tmp_path / "weights"
    finished = 0
    with nothing_runs():
        for _ in range(3000):
            path.write_bytes(archive(pickled(*draw.choices(pieces, k=draw.randrange(1, 14)))))
            with contextlib.suppress(DataError):
                read_foreign(path)
                finished += 1
    assert finished


def strangers() -> list[bytes]:
    """Values that nobody expects where they stand: long arrays and tensors have no truth value."""
    array = numpy_array("<f4", (2,), bytes(8))
    return [
        *(array, tensor(storage()), storage(), tuple_of(array), tuple_of(tensor(storage()))),
        *(b"N", b"]", b"}", b")", text("x"), blob(b"x"), blob(bytes(300_000)), number(-1)),
        *(b"G" + bytes(8), b"\x88", number(1 << 70), text("\N{SNOWMAN}"), named("torch", "Size")),
        *(named("argparse", "Namespace") + b")\x81", tuple_of(number(-1)), list_of(list_of(b"N"))),
        *(call(named("numpy", "dtype"), text(code)) for code in ("<f4", "|b1", "=u8")),
    ]


ndarray, dtype = named("numpy", "ndarray"), call(named("numpy", "dtype"), text("<f4"))
one, nothing = tuple_of(number(1)), named("collections", "OrderedDict") + b")R"
STATE = (number(1), one, dtype, b"\x89", blob(b"1234"))
ORDER = (number(3), text("<"), b"N", b"N", b"N", number(-1), number(-1), number(0))
IDENTITY = (
    text("storage"),
    named("torch", "FloatStorage"),
    text("0"),
    text("cpu"),
    number(4),
    b"N",
)
CALLS = {
    "_codecs.encode": (text("x"), text("latin1")),
    "builtins.bytes": (),
    "builtins.set": (list_of(number(1)),),
    "collections.OrderedDict": (list_of(list_of(text("x"), number(1))),),
    "numpy.dtype": (text("f4"), b"\x89", b"\x88"),
    "numpy.core.multiarray._reconstruct": (ndarray, tuple_of(number(0)), blob(b"b")),
    "numpy.core.multiarray.scalar": (dtype, blob(b"1234")),
    "numpy.core.numeric._frombuffer": (blob(b"1234"), dtype, one, text("C")),
    "torch.Size": (list_of(number(1)),),
    "torch.device": (text("cuda"), number(0)),
    "torch._utils._rebuild_parameter": (tensor(storage()), b"\x89", nothing),
    "torch._utils._rebuild_tensor": (storage(), number(0), one, one),
    "torch._utils._rebuild_tensor_v2": (storage(), number(0), one, one, b"\x89", nothing, nothing),
    "torch_utils.persistence._reconstruct_persistent_obj": (b"}",),
}
EMPTY_ARRAY = call(
    named("numpy.core.multiarray", "_reconstruct"), *CALLS["numpy.core.multiarray._reconstruct"]
)
FORMS = {
    **{name: (named(*name.rsplit(".", 1)), args, b"R") for name, args in CALLS.items()},
    "persistent id": (b"", IDENTITY, b"Q"),
    "state of an array": (EMPTY_ARRAY, STATE, b"b"),
    "state of a dtype": (dtype, ORDER, b"b"),
}
UNFINISHED = {
    *("persistent id", "numpy.dtype", "state of a dtype", "numpy.core.multiarray._reconstruct"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_strange_argument_is_read_or_refused_and_nothing_else_happens(name, tmp_path):
    function, args, code = FORMS[name]
    path = tmp_path / "weights"

    def read(parts: tuple[bytes, ...]) -> None:
        path.write_bytes(archive(pickled(function, tuple_of(*parts), code)))
        read_foreign(path)

    with nothing_runs():
        if name not in UNFINISHED:
            read(args)
        for stranger in strangers():
            for place in range(len(args) + 1):
                with contextlib.suppress(DataError):
                    read((*args[:place], stranger, *args[place + 1 :]))
        for length in range(len(args)):
            with contextlib.suppress(DataError):
                read(args[:length])


def test_every_function_that_a_file_may_call_is_tried_with_strange_arguments():
    twins = {"__builtin__": "builtins", "numpy._core": "numpy.core"}
    names = {known.name for known in KNOWN.values() if known.call is not None and not known.new}
    for new, old in twins.items():
        names = {name.replace(f"{new}.", f"{old}.") for name in names}
    assert names - {"builtins.frozenset"} == set(CALLS)
