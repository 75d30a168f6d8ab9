"""What ``GANZOO_OPS`` demands is looked at before a run is built, and recorded with it."""

from __future__ import annotations

import pytest
import torch

from ganzoo.assembly.run_folder import operations_of, provenance_of
from ganzoo.backends.cupy_kernels.engine import using
from ganzoo.backends.cupy_kernels.gains import OPS
from ganzoo.errors import BackendError, UsageError
from ganzoo.ops.demand import check_demand
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.training.prepared import prepare

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)


class Engine:
    def launch(self, kernel, grid, block, arguments):
        raise AssertionError("looking at a demand launches nothing")


@pytest.fixture(scope="module")
def registry():
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


def quickstart(registry, *overrides):
    return load_recipe("ganzoo.recipes:quickstart.yaml", overrides, registry=registry).recipe


@pytest.fixture
def said(monkeypatch):
    return lambda word: monkeypatch.setenv("GANZOO_OPS", word)


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.delenv("GANZOO_OPS", raising=False)


@pytest.mark.parametrize("word", ["", "auto", "reference"])
def test_an_environment_that_demands_no_kernel_passes(said, word):
    said(word)
    check_demand(CPU)


def test_kernels_demanded_of_a_cpu_are_refused_with_a_remedy_for_who_typed_a_command(said):
    said("cupy")
    with pytest.raises(BackendError) as caught:
        check_demand(CPU)
    assert str(caught.value) == (
        "GANZOO_OPS=cupy demands kernels, and none can run on cpu: kernels run on CUDA devices, "
        "not on cpu. Unset GANZOO_OPS"
    )


def test_kernels_demanded_of_a_gpu_are_refused_with_what_it_lacks(said):
    if torch.version.cuda is not None:
        pytest.skip("this torch is built for CUDA")
    said("cupy")
    with pytest.raises(BackendError, match=r"CUDA build of torch, or unset GANZOO_OPS$"):
        check_demand(GPU)


def test_kernels_demanded_where_an_engine_runs_them_pass(said):
    said("cupy")
    with using(Engine()):
        check_demand(CPU)


@pytest.mark.parametrize(("word", "error"), [("cupy", BackendError), ("cuda", UsageError)])
def test_a_run_is_refused_before_its_data_is_opened(registry, said, tmp_path, word, error):
    said(word)
    recipe = quickstart(registry, "data.use=ganzoo/image-folder")
    with pytest.raises(error, match="GANZOO_OPS"):
        prepare(recipe, registry, device=CPU, data=tmp_path / "nowhere")


def test_a_run_records_what_runs_each_operation(registry):
    recorded = provenance_of(quickstart(registry), registry, device=CPU)
    assert recorded["device"] == "cpu"
    assert recorded["operations"]["GANZOO_OPS"] is None
    assert recorded["operations"]["chosen"] == {op: {"float32": "torch"} for op in OPS}


def test_a_run_records_each_type_that_its_features_have(registry):
    recipe = quickstart(registry, "training.precision.dtype=bfloat16")
    chosen = operations_of(recipe, CPU)["chosen"]
    assert chosen["adain"] == {"float32": "torch", "bfloat16": "torch"}


def test_a_run_records_that_definitions_were_forced(registry, said):
    said("reference")
    recorded = operations_of(quickstart(registry), CPU)
    assert recorded["GANZOO_OPS"] == "reference"
    assert recorded["chosen"]["upfirdn2d"] == {"float32": "reference"}


def test_a_run_records_that_kernels_were_taken(registry, said):
    said("cupy")
    with using(Engine()):
        recorded = operations_of(quickstart(registry), GPU)
    assert recorded["chosen"] == {op: {"float32": "cupy"} for op in OPS}
