"""What the doctor says of operations: which implementation runs where, and why."""

from __future__ import annotations

import json

import pytest
import torch

from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.backends.cupy_kernels.gains import OPS, Gains
from ganzoo.cli import operations
from ganzoo.cli.operations import operation_problems, standing
from ganzoo.ops import implementation

GPU = torch.device("cuda", 0)


class Engine:
    def launch(self, kernel, grid, block, arguments):
        raise AssertionError("the doctor launches nothing")


@pytest.fixture
def gains(monkeypatch):
    shown = Gains(measured_on="a GPU", gains={"adain": {"float32": 1.5, "bfloat16": 2.25}})
    for module in (operations, implementation):
        monkeypatch.setattr(module, "committed_gains", lambda: shown)


def told(in_process, *words):
    return json.loads(in_process("doctor", "--json", *words).out)


def test_every_operation_is_listed_with_what_runs(in_process):
    found = told(in_process)["operations"]
    assert found["GANZOO_OPS"] == "not set: the fastest that is known"
    for op in OPS:
        assert found[op].startswith(
            "cpu: torch, in an arrangement faster than the definition where"
        )


def test_what_kernels_need_is_listed(in_process):
    found = told(in_process)["kernels"]
    assert found["on cpu"].startswith("cannot run: kernels run on CUDA devices, not on cpu")
    assert found["cache folder"].endswith(("writable", "every process"))
    assert {"CuPy", "NVRTC", "CUDA headers", "gains measured on"} <= set(found)
    assert found["cpu bfloat16"].startswith(("fast", "slow"))


def test_the_forced_reference_is_told(in_process, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    found = told(in_process)["operations"]
    assert found["GANZOO_OPS"] == "reference"
    for op in OPS:
        assert found[op].startswith("cpu: reference, the plain definition, because GANZOO_OPS")


def test_a_wrong_environment_is_a_problem_with_a_remedy(in_process, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "cuda")
    result = in_process("doctor")
    assert result.code == 1
    assert (
        "GANZOO_OPS is 'cuda'; expected 'auto', 'reference' or 'cupy'.\n"
        "    Correct it, or unset it" in result.out
    )


def test_kernels_demanded_where_none_can_run_are_told(monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "cupy")
    assert standing("adain", torch.device("cpu")).startswith("nothing, adain with GANZOO_OPS=cupy")


def test_kernels_demanded_where_no_device_can_run_them_are_a_problem(in_process, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "cupy")
    monkeypatch.setattr(operations, "devices", lambda: [torch.device("cpu")])
    result = in_process("doctor")
    assert result.code == 1
    assert (
        "  GANZOO_OPS=cupy demands kernels, and none can run on cpu: kernels run on CUDA devices, "
        "not on cpu.\n    Unset GANZOO_OPS\n" in result.out
    )


def test_kernels_demanded_of_a_gpu_that_lacks_something_are_a_problem_with_its_remedy(monkeypatch):
    if torch.version.cuda is not None:
        pytest.skip("this torch is built for CUDA")
    monkeypatch.setenv("GANZOO_OPS", "cupy")
    monkeypatch.setattr(operations, "devices", lambda: [torch.device("cpu"), GPU])
    ((what, remedy),) = operation_problems()
    assert what.startswith("GANZOO_OPS=cupy demands kernels, and none can run on cuda:0: kernels")
    assert remedy == "Install a CUDA build of torch, or unset GANZOO_OPS"


def test_kernels_demanded_where_a_gpu_runs_them_are_no_problem(monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "cupy")
    monkeypatch.setattr(operations, "devices", lambda: [torch.device("cpu"), GPU])
    with using(Engine()):
        assert not list(operation_problems())


def test_a_kernel_without_a_gain_is_on_demand(monkeypatch, gains):
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    with using(Engine()):
        assert standing("bias_act", GPU) == (
            'torch; cupy only where it is asked for (impl="cupy"; not tried here): '
            "no committed GPU measurement shows a gain"
        )


def test_a_kernel_with_a_gain_is_told_with_it(monkeypatch, gains):
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    with using(Engine()):
        assert standing("adain", GPU) == (
            "cupy for float32 (1.50 times as fast as torch) and bfloat16 (2.25 times as fast as "
            "torch), torch for the other types"
        )


def test_a_kernel_that_cannot_run_is_told_with_the_reason(monkeypatch, gains):
    if torch.version.cuda is not None:
        pytest.skip("this torch is built for CUDA")
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    assert standing("adain", GPU).startswith("torch; cupy cannot run: kernels are CUDA")


def test_asking_the_doctor_uses_up_no_warning(monkeypatch, gains):
    if torch.version.cuda is not None:
        pytest.skip("this torch is built for CUDA")
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    monkeypatch.setattr(implementation, "_warned", set())
    standing("adain", GPU)
    with pytest.warns(RuntimeWarning, match="adain runs by torch on cuda:0"):
        implementation.choose_for("adain", torch.float32, GPU)


def test_a_gain_that_this_machine_cannot_have_is_a_problem(monkeypatch, gains):
    if torch.version.cuda is not None:
        pytest.skip("this torch is built for CUDA")
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    monkeypatch.setattr(operations, "devices", lambda: [torch.device("cpu"), GPU])
    ((what, remedy),) = operation_problems()
    assert what.startswith("No kernel can run on cuda:0: kernels are CUDA")
    assert remedy == "Install a CUDA build of torch"
