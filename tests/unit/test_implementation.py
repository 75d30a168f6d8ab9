"""Which implementation of an operation is taken, and what is said where one cannot be."""

from __future__ import annotations

import json
import warnings

import pytest
import torch

from ganzoo.backends.cupy_kernels import gains as committed
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.backends.cupy_kernels.gains import OPS, Gains, read_gains, write_gains
from ganzoo.errors import BackendError, UsageError
from ganzoo.ops import implementation, setup_filter, upsample2d
from ganzoo.ops.implementation import choose, forced_by_environment

X = torch.zeros(1)


class Counting:
    """An engine that only knows how often it was called."""

    def __init__(self):
        self.launches = 0

    def launch(self, kernel, grid, block, arguments):
        self.launches += 1


class OutOfMemory:
    """Says that no memory is left for kernels, and counts how often it was asked."""

    asked = 0

    def __call__(self, *call):
        self.asked += 1
        return "no GPU memory is left"


class OnCuda:
    """A tensor's type and device, of a machine with a GPU."""

    device = torch.device("cuda", 0)

    def __init__(self, dtype=torch.float32):
        self.dtype = dtype


@pytest.fixture(autouse=True)
def nothing_forced(monkeypatch):
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    monkeypatch.setattr(implementation, "_warned", set())


@pytest.fixture
def gains(monkeypatch):
    """Gains of the kind a GPU would have shown."""
    shown = Gains(measured_on="a GPU", gains={"upfirdn2d": {"float32": 1.5, "float64": 0.5}})
    monkeypatch.setattr(implementation, "committed_gains", lambda: shown)
    return shown


def test_a_cpu_takes_the_fast_arrangement_in_torch():
    assert choose("upfirdn2d", X, "auto") == "torch"


def test_the_reference_is_taken_where_it_is_asked_for():
    assert choose("upfirdn2d", X, "reference") == "reference"


def test_an_unknown_wish_is_refused():
    with pytest.raises(ValueError, match="impl is 'fast'; expected 'auto', 'reference', 'cupy'"):
        choose("upfirdn2d", X, "fast")


def test_a_kernel_demanded_on_a_cpu_is_an_error_with_a_remedy():
    with pytest.raises(BackendError) as caught:
        choose("bias_act", X, "cupy")
    assert str(caught.value) == (
        'bias_act with impl="cupy" on cpu: kernels run on CUDA devices, not on cpu. '
        "Move the tensors to a GPU"
    )
    assert caught.value.exit_code == 4


def test_a_kernel_runs_on_a_cpu_where_an_engine_stands_in():
    with using(Counting()):
        assert choose("bias_act", X, "cupy") == "cupy"
    with pytest.raises(BackendError):
        choose("bias_act", X, "cupy")


def test_a_kernel_for_integers_is_an_error_that_names_the_types():
    with using(Counting()), pytest.raises(BackendError, match=r"float64, float32.*not for int64"):
        choose("bias_act", torch.zeros(1, dtype=torch.int64), "cupy")


@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_integers_are_refused_by_their_type(impl):
    """They would come out cut to whole numbers."""
    with pytest.raises(ValueError, match=r"upfirdn2d got a tensor of int64.*x\.float\(\)"):
        upsample2d(torch.ones(1, 2, 4, 4, dtype=torch.int64), setup_filter([1, 3, 3, 1]), impl=impl)


@pytest.mark.parametrize("impl", ["auto", "reference", "cupy"])
def test_the_environment_forces_the_reference_over_every_wish(monkeypatch, impl):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    with using(Counting()):
        assert choose("upfirdn2d", X, impl) == "reference"


def test_the_environment_demands_kernels_where_the_choice_was_open(monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "cupy")
    with using(Counting()):
        assert choose("upfirdn2d", X, "auto") == "cupy"
        assert choose("upfirdn2d", X, "reference") == "reference"
    with pytest.raises(BackendError, match="upfirdn2d with GANZOO_OPS=cupy on cpu: kernels run"):
        choose("upfirdn2d", X, "auto")


@pytest.mark.parametrize("said", ["", "auto"])
def test_an_environment_that_says_nothing_forces_nothing(monkeypatch, said):
    monkeypatch.setenv("GANZOO_OPS", said)
    assert forced_by_environment() == "auto"


def test_an_environment_that_says_something_else_is_refused(monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "cuda")
    with pytest.raises(UsageError, match="GANZOO_OPS is 'cuda'; expected 'auto', 'reference'"):
        choose("upfirdn2d", X, "auto")


def test_a_gain_that_was_measured_is_taken(gains):
    with using(Counting()):
        assert choose("upfirdn2d", OnCuda(), "auto") == "cupy"


@pytest.mark.parametrize(
    ("op", "dtype"),
    [("bias_act", torch.float32), ("upfirdn2d", torch.bfloat16), ("upfirdn2d", torch.float64)],
    ids=["another op", "another type", "a loss"],
)
def test_a_kernel_without_a_gain_is_not_taken_by_itself(gains, op, dtype):
    with using(Counting()):
        assert choose(op, OnCuda(dtype), "auto") == "torch"


def test_who_compares_kernels_with_torch_gets_torch_from_auto(gains):
    with using(Counting()):
        with implementation.kernels_on_demand_only():
            assert choose("upfirdn2d", OnCuda(), "auto") == "torch"
            assert choose("upfirdn2d", OnCuda(), "cupy") == "cupy"
        assert choose("upfirdn2d", OnCuda(), "auto") == "cupy"


def test_a_gain_that_cannot_be_had_is_warned_of_once_an_op(gains):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        choices = [choose("upfirdn2d", OnCuda(), "auto") for _ in range(3)]
    assert choices == ["torch"] * 3
    (only,) = caught
    assert str(only.message).startswith("upfirdn2d runs by torch on cuda:0, slower than by its")
    assert str(only.message).endswith("Install a CUDA build of torch")


def test_a_gain_without_memory_for_its_kernel_is_warned_of_once(gains, monkeypatch):
    monkeypatch.setattr(implementation, "why_not_ready", OutOfMemory())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [choose("upfirdn2d", OnCuda(), "auto") for _ in range(3)] == ["torch"] * 3
    (only,) = caught
    assert "no GPU memory is left" in str(only.message)
    with pytest.raises(BackendError, match='upfirdn2d with impl="cupy" on cuda:0: no GPU memory'):
        choose("upfirdn2d", OnCuda(), "cupy")


def test_compiled_code_chooses_without_breaking_its_graph():
    @torch.compile(backend="eager", fullgraph=True)
    def doubled_by_kernels(x, impl):
        return x * {"torch": 1, "reference": 1, "cupy": 2}[choose("bias_act", x, impl)]

    x = torch.ones(3)
    assert doubled_by_kernels(x, "auto").equal(x)
    with using(Counting()):
        assert doubled_by_kernels(x, "cupy").equal(2 * x)


def test_the_committed_gains_are_readable_and_name_their_gpu():
    gains = read_gains(committed.FILE)
    assert set(gains.gains) <= set(OPS)
    assert gains.measured_on or not gains.gains


def test_gains_are_read_as_they_were_written(tmp_path):
    written = Gains(measured_on="NVIDIA H200", gains={"adain": {"bfloat16": 2.5}})
    write_gains(tmp_path / "gains.json", written)
    read = read_gains(tmp_path / "gains.json")
    assert read.measured_on == "NVIDIA H200"
    assert {op: dict(types) for op, types in read.gains.items()} == {"adain": {"bfloat16": 2.5}}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "it cannot be read"),
        ("[]", "expected an object with measured_on and gains"),
        ({"measured_on": None, "gains": []}, r"gains is \[\]; expected an object"),
        ({"measured_on": None, "gains": {"adain": {"float32": 2}}}, "measured_on is None"),
        ({"measured_on": "a", "gains": {"blur": {}}}, "no operation is named 'blur'"),
        ({"measured_on": "a", "gains": {"adain": 2}}, "gains.adain is 2"),
        ({"measured_on": "a", "gains": {"adain": {"int8": 2}}}, "gains.adain names 'int8'"),
        ({"measured_on": "a", "gains": {"adain": {"float32": "2"}}}, "expected a ratio over 0"),
        ({"measured_on": "a", "gains": {"adain": {"float32": True}}}, "expected a ratio over 0"),
    ],
)
def test_a_damaged_file_of_gains_is_refused(tmp_path, content, complaint):
    path = tmp_path / "gains.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    with pytest.raises(BackendError, match=complaint):
        read_gains(path)


def test_a_missing_file_of_gains_is_refused(tmp_path):
    with pytest.raises(BackendError, match="it cannot be read"):
        read_gains(tmp_path / "gains.json")
