"""Weight files of strangers are read as plain data, and hostile ones are refused with a reason."""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import struct
import subprocess
import sys
import types
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile_files import HOSTILE, SUBJECTS, wide
from nothing_runs import nothing_runs
from pickle_assembler import (
    archive,
    dict_of,
    named,
    network,
    number,
    numpy_array,
    pickled,
    storage,
    tensor,
    text,
    tuple_of,
)
from wrong_files import WRONG

from ganzoo.errors import DataError
from ganzoo.interchange.foreign import Foreign, Limits, Recorded, read_foreign
from ganzoo.interchange.foreign_tensors import DTYPES

ROWS = [pytest.param(row, id=f"{row.subject}: {row.what}") for row in HOSTILE]
LIVE = [pytest.param(row, id=f"{row.subject}: {row.what}") for row in HOSTILE if row.live]


def read(tmp_path: Path, content: bytes, limits: Limits | None = None) -> Foreign:
    path = tmp_path / "weights"
    path.write_bytes(content)
    return read_foreign(path, limits)


def refusal(tmp_path: Path, content: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content, limits)
    return str(caught.value)


@pytest.mark.parametrize("row", ROWS)
def test_a_hostile_file_is_refused_with_its_reason_and_nothing_of_it_runs(row, tmp_path):
    sentinel = tmp_path / "it-ran"
    path = tmp_path / "weights"
    path.write_bytes(row.content(str(sentinel)))
    with pytest.raises(DataError) as caught, nothing_runs():
        read_foreign(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: the file ")
    assert row.answer in message
    assert message.endswith(".")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 300
    assert caught.value.path == path
    assert not sentinel.exists()


@pytest.mark.parametrize("row", LIVE)
def test_what_is_called_live_does_run_under_the_unpickler_of_python(row, tmp_path):
    sentinel = tmp_path / "it-ran"
    with contextlib.suppress(Exception):  # many fail, but after they did what they came for
        made = pickle.loads(row.content(str(sentinel)))
        if hasattr(made, "wait"):
            made.wait()
    assert sentinel.exists()


def test_every_class_of_hostile_files_is_there():
    count = Counter(row.subject for row in HOSTILE)
    assert set(count) == set(SUBJECTS)
    assert min(count.values()) >= 4
    assert len({row.content("x") for row in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("name", WRONG)
def test_another_kind_of_file_is_called_what_it_is(name, tmp_path):
    content, expected = WRONG[name]
    assert expected in refusal(tmp_path, content)


def test_a_folder_a_missing_file_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder, a device or a pipe"):
        read_foreign(tmp_path)
    with pytest.raises(DataError, match="cannot be read: No such file or directory"):
        read_foreign(tmp_path / "absent.pkl")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataError, match="is a folder, a device or a pipe"):
            read_foreign(tmp_path / "pipe")


def test_a_module_that_a_file_names_is_never_imported(tmp_path, monkeypatch):
    sentinel = tmp_path / "imported"
    source = f"import os\nos.mkdir({str(sentinel)!r})\nclass Network: pass\n"
    (tmp_path / "tfutil.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    content = pickled(named("tfutil", "Network"), b")\x81", dict_of(name=text("G")), b"b")
    with nothing_runs():
        found = read(tmp_path, content)
    assert found.value.class_name == "tfutil.Network"
    assert not sentinel.exists()
    assert "tfutil" not in sys.modules
    monkeypatch.setitem(sys.modules, "tfutil", None)  # a later import would find our file
    assert found.value.state == {"name": "G"}


NARROW = """
import resource, sys
from pathlib import Path
from ganzoo.errors import DataError
from ganzoo.interchange.foreign import read_foreign
(held,) = [line for line in open("/proc/self/status") if line.startswith("VmSize:")]
resource.setrlimit(resource.RLIMIT_AS, ((int(held.split()[1]) << 10) + (1 << 29),) * 2)
try:
    read_foreign(Path(sys.argv[1]))
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for its memory")
def test_a_file_that_is_larger_than_the_memory_is_refused(tmp_path):
    path = tmp_path / "weights"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    command = [sys.executable, "-c", NARROW, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}: the file needs more memory than there is.\n"


def example() -> dict:
    generator = torch.Generator().manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    tensors = {
        str(dtype): torch.randn(3, 4, generator=generator).mul(50).abs().to(dtype)
        for dtype in DTYPES.values()
    }
    arrays = {
        code: np.arange(6).reshape(2, 3).astype(code)
        for code in ("?", "u1", "i2", "<i4", ">i4", "u8", "f2", ">f4", "<f8")
    }
    return {
        "g_ema": module.state_dict(),
        "args": argparse.Namespace(size=8, mixing=0.9, channels=[1, 2]),
        "tensors": tensors,
        "arrays": arrays,
        "turned": torch.arange(12.0).view(3, 4).t(),
        "part": torch.arange(12.0).view(3, 4)[1:, ::2],
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "large": torch.randn(300, 300, generator=generator),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "large array": np.arange(90_000.0).reshape(300, 300),
        "no dimension": np.array(3.5),
        "number": np.float64(1.4142),
        "size": torch.Size([1, 2]),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "plain": [
            None,
            True,
            -7,
            1 << 40,
            1.5,
            "ä",
            b"",
            b"\xff",
            (),
            (1, (2,)),
            {3},
            frozenset([4]),
        ],
        7: OrderedDict(a=1),
    }


def assert_same(ours, theirs):
    if isinstance(theirs, torch.Tensor):
        assert type(ours) is torch.Tensor
        assert ours.dtype == theirs.dtype
        assert ours.is_contiguous()
        assert not ours.requires_grad
        assert torch.equal(ours, theirs)
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype.newbyteorder("=")
        assert ours.flags.c_contiguous
        assert ours.flags.writeable
        assert np.array_equal(ours, theirs)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in theirs:
            assert_same(ours[name], theirs[name])
    elif isinstance(theirs, argparse.Namespace):
        assert (ours.class_name, ours.args, ours.state) == ("argparse.Namespace", (), vars(theirs))
    elif isinstance(theirs, (torch.dtype, torch.device)):
        assert ours == str(theirs)
    else:
        assert ours == theirs


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("container", ["pickle", "torch-zip", "torch-legacy"])
def test_what_was_saved_is_read_bit_for_bit(container, protocol, tmp_path):
    path = tmp_path / "weights"
    value = example()
    if container == "pickle":
        path.write_bytes(pickle.dumps(value, protocol))
    else:
        torch.save(
            value,
            path,
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=container == "torch-zip",
        )
    with nothing_runs():
        found = read_foreign(path)
    assert found.container == container
    assert_same(found.value, value)
    assert "torch._utils._rebuild_tensor_v2" in found.classes
    assert list(found.classes) == sorted(set(found.classes))


def test_tensors_of_one_storage_come_out_apart(tmp_path):
    both = torch.arange(6.0)
    torch.save({"all": both, "again": both.view(2, 3), "part": both[2:4]}, tmp_path / "weights")
    value = read_foreign(tmp_path / "weights").value
    value["all"].zero_()
    assert value["again"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert value["part"].tolist() == [2, 3]


def test_an_array_that_is_named_twice_is_read_once(tmp_path):
    array = np.arange(3.0)
    first, again = read(tmp_path, pickle.dumps([array, array], 4)).value
    assert first is again
    assert first.tolist() == [0, 1, 2]


def test_a_bool_of_any_other_byte_is_true_and_stored_as_one(tmp_path):
    stored = storage(kind=named("torch", "BoolStorage"))
    values = tuple_of(tensor(stored), numpy_array("b1", (4,), b"\2\0\xff\1"))
    ours, theirs = read(tmp_path, archive(pickled(values), data=b"\2\0\xff\1")).value
    assert ours.view(torch.uint8).tolist() == [1, 0, 1, 1]
    assert theirs.view("u1").tolist() == [1, 0, 1, 1]


def test_what_torch_hangs_on_a_state_dict_is_dropped(tmp_path):
    torch.save(torch.nn.BatchNorm2d(2).state_dict(), tmp_path / "weights")
    value = read_foreign(tmp_path / "weights").value
    assert type(value) is OrderedDict
    assert not hasattr(value, "_metadata")


def test_a_persistent_module_is_recorded_with_its_source_and_not_executed(tmp_path, monkeypatch):
    def _reconstruct_persistent_obj(meta):
        raise AssertionError("a persistent object was reconstructed")

    persistence = types.ModuleType("torch_utils.persistence")
    persistence._reconstruct_persistent_obj = _reconstruct_persistent_obj
    _reconstruct_persistent_obj.__module__ = persistence.__name__
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    monkeypatch.setitem(sys.modules, "torch_utils", types.ModuleType("torch_utils"))
    monkeypatch.setitem(sys.modules, persistence.__name__, persistence)
    weight = torch.nn.Parameter(torch.arange(4.0))
    sentinel = tmp_path / "it-ran"
    meta = {
        "type": "class",
        "version": 6,
        "module_src": f"import os\nos.mkdir({str(sentinel)!r})\n",
        "class_name": "Generator",
        "state": {"_parameters": OrderedDict(weight=weight), "gain": np.float64(2.0)},
    }

    class Persistent:
        def __reduce__(self):
            return _reconstruct_persistent_obj, (meta,)

    content = pickle.dumps({"G_ema": Persistent(), "augment_pipe": None}, 4)
    with nothing_runs():
        found = read(tmp_path, content)
    recorded = found.value["G_ema"]
    assert type(recorded) is Recorded
    assert recorded.class_name == "torch_utils.persistence._reconstruct_persistent_obj"
    assert recorded.state is None
    (ours,) = recorded.args
    assert_same(ours, meta)
    assert "torch.storage._load_from_bytes" in found.classes
    assert not sentinel.exists()


def test_a_tensorflow_network_is_recorded_with_its_components(tmp_path):
    cls = named("dnnlib.tflib.network", "Network")
    content = pickled(tuple_of(b"N", b"N", network(cls, mapping=network(cls))))
    found = read(tmp_path, content)
    outer = found.value[2]
    inner = outer.state["components"]["mapping"]
    assert outer.class_name == inner.class_name == "dnnlib.tflib.network.Network"
    ((name, array),) = inner.state["variables"]
    assert name == "4x4/Conv/weight"
    assert array.tolist() == [[1], [2]]
    assert "dnnlib.tflib.network.Network" in found.classes


def test_the_strings_of_python_2_are_text_and_the_bytes_of_arrays(tmp_path):
    def old(content: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(content)) + content

    numbers = np.arange(50_000, dtype="<f8")
    array = numpy_array("<f8", (50_000,), numbers.tobytes())
    content = pickled(
        b"}", old("é".encode("latin-1")), array.replace(b"B", b"T", 2), b"s", protocol=2
    )
    ((name, found),) = read(tmp_path, content).value.items()
    assert name == "é"
    assert np.array_equal(found, numbers)


@pytest.mark.parametrize("empty_state", [b"", b"}b"])
@pytest.mark.parametrize("module", ["dnnlib", "dnnlib.util"])
def test_an_easy_dict_is_a_dict(module, empty_state, tmp_path):
    item = (text("size"), number(8), b"s")
    content = pickled(named(module, "EasyDict"), b")\x81", *item, empty_state)
    value = read(tmp_path, content).value
    assert value == {"size": 8}
    assert type(value) is dict


TENSORS = pickle.dumps({"weight": torch.zeros(200), "bias": [[["text of some length"]]]}, 4)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(file_bytes=100), "ganzoo reads at most 100"),
        (Limits(operations=20), "more than 20 pickle instructions"),
        (Limits(stack=2), "more than 2 values waiting"),
        (Limits(depth=3), "more than 3 deep"),
        (Limits(nodes=4), "unfolds into more than 4 values"),
        (Limits(text_bytes=18), "at most 18"),
        (Limits(loose_bytes=2), "ganzoo keeps at most 2"),
    ],
)
def test_a_limit_is_kept_and_named(limits, expected, tmp_path):
    content = TENSORS if limits.loose_bytes > 2 else pickle.dumps(b"abc", 4)
    assert expected in refusal(tmp_path, content, limits)


def test_a_zip_directory_of_64_bits_is_read(tmp_path):
    assert read(tmp_path, wide()).value is None


def test_the_limits_of_members_and_of_aliases_are_kept(tmp_path):
    both = torch.zeros(1 << 20)
    torch.save([both, both.view(2, -1)], tmp_path / "twice")
    assert len(read_foreign(tmp_path / "twice").value) == 2
    with pytest.raises(DataError, match="more than 1 times what the file holds"):
        read_foreign(tmp_path / "twice", Limits(expansion=1))
    with pytest.raises(DataError, match="ganzoo reads at most 2"):
        read_foreign(tmp_path / "twice", Limits(members=2))
    torch.save([both, both.clone()], tmp_path / "old", _use_new_zipfile_serialization=False)
    with pytest.raises(DataError, match="2 storages; ganzoo reads at most 1"):
        read_foreign(tmp_path / "old", Limits(members=1))
