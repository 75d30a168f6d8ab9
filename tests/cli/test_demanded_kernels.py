"""``GANZOO_OPS`` as a user sets it in front of a command."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("said", "code", "remedy"),
    [("cupy", 4, "Unset GANZOO_OPS"), ("cuda", 2, "Correct it, or unset it")],
    ids=["kernels on a CPU", "a slip of the pen"],
)
def test_a_run_that_no_operation_could_serve_leaves_nothing_behind(ganzoo, toy, said, code, remedy):
    result = ganzoo("run", toy, "--device", "cpu", "--out", "made", env={"GANZOO_OPS": said})
    assert result.code == code
    assert result.one_message.endswith(remedy)
    assert not (ganzoo.folder / "made").exists()


def test_a_network_is_told_though_kernels_are_demanded(ganzoo, toy):
    result = ganzoo("inspect", toy, env={"GANZOO_OPS": "cupy"})
    assert result.code == 0, result.err
    assert "multiply-adds of fixed filters" in result.out


def test_a_run_records_what_ran_its_operations(trained):
    recorded = json.loads((trained.run / "provenance.json").read_text(encoding="utf-8"))
    assert recorded["device"] == "cpu"
    assert recorded["operations"]["chosen"]["layer_epilogue"] == {"float32": "torch"}
