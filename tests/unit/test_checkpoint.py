"""Checkpoints: whole or not at all, tensors and plain data only."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from ganzoo.assembly import checkpoint
from ganzoo.assembly.checkpoint import newest_checkpoint, read_checkpoint, write_checkpoint
from ganzoo.errors import DataError


def content(value=1.0):
    return {
        "recipe": "ganzoo: 1\n",
        "hash": "0" * 12,
        "data": {},
        "clock": {"images": 0},
        "networks": {"g": {"w": torch.full((2,), value)}},
        "averages": {},
        "state": {},
    }


def test_what_is_written_is_read(tmp_path):
    write_checkpoint(tmp_path / "checkpoints" / "000000032.pt", content(3.0))
    path, found, note = newest_checkpoint(tmp_path)
    assert path.name == "000000032.pt"
    assert found["networks"]["g"]["w"].tolist() == [3.0, 3.0]
    assert note == ""


def test_a_half_written_checkpoint_is_passed_over_with_a_note(tmp_path):
    write_checkpoint(tmp_path / "checkpoints" / "000000032.pt", content(1.0))
    newer = tmp_path / "checkpoints" / "000000064.pt"
    write_checkpoint(newer, content(2.0))
    newer.write_bytes(newer.read_bytes()[:-200])
    path, _, note = newest_checkpoint(tmp_path)
    assert path.name == "000000032.pt"
    assert "damaged or half-written" in note
    assert "000000064.pt" in note


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Gadget:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    path = tmp_path / "evil.pt"
    torch.save({**content(), "ganzoo": 1, "extra": Gadget()}, path)
    with pytest.raises(DataError, match="never runs code"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(Gadget()))
    with pytest.raises(DataError, match=r"evil\.pt"):
        read_checkpoint(path)
    assert not marker.exists()


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "000000032.pt"
    write_checkpoint(path, content(1.0))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        write_checkpoint(path, content(2.0))
    assert os.listdir(tmp_path) == ["000000032.pt"]
    assert read_checkpoint(path)["networks"]["g"]["w"].tolist() == [1.0, 1.0]


def test_any_other_file_is_no_checkpoint(tmp_path):
    path = tmp_path / "notes.pt"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"notes\.pt"):
        read_checkpoint(path)
    torch.save({"weights": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="not a ganzoo checkpoint"):
        read_checkpoint(path)
    with pytest.raises(DataError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "missing.pt")


def test_a_newer_format_is_refused(tmp_path):
    path = tmp_path / "newer.pt"
    torch.save({**content(), "ganzoo": 99}, path)
    with pytest.raises(DataError, match="newer ganzoo"):
        read_checkpoint(path)
