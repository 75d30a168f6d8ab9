"""How kernels get launched: what stands in, what is passed, and what is said when it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ganzoo.backends.cupy_kernels import cache_folder as caching
from ganzoo.backends.cupy_kernels import engine as engines
from ganzoo.backends.cupy_kernels import readiness
from ganzoo.backends.cupy_kernels.arguments import as_scalars, checked_grid, device_of
from ganzoo.backends.cupy_kernels.cache_folder import cache_folder, is_writable, writable_cache
from ganzoo.backends.cupy_kernels.cupy_engine import CupyEngine, loaded, stream_maker, told_of
from ganzoo.backends.cupy_kernels.engine import engine_of, stand_in, using, why_not, why_not_ready
from ganzoo.backends.cupy_kernels.readiness import Facts, header_folder, verdict
from ganzoo.backends.cupy_kernels.table import Kernel
from ganzoo.errors import BackendError

CPU = torch.device("cpu")
KERNEL = Kernel(
    source="scale",
    dtype=torch.bfloat16,
    name="scale_bf16",
    body="scale<__nv_bfloat16>",
    parameters=(
        ("const T*", "x"),
        ("const A*", "f"),
        ("T*", "out"),
        ("long long", "n"),
        ("int", "c"),
        ("float", "slope"),
        ("double", "gain"),
    ),
    barriers=False,
    max_threads=128,
)


class Recorder:
    def __init__(self):
        self.launched = []

    def launch(self, kernel, grid, block, arguments):
        self.launched.append(kernel.name)


def test_an_engine_stands_in_until_its_block_ends():
    first, second = Recorder(), Recorder()
    with using(first):
        with using(second):
            assert engine_of(torch.zeros(1)) is stand_in() is second
        assert stand_in() is first
    assert stand_in() is None


def test_an_engine_leaves_its_place_after_an_error():
    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError), using(Recorder()):
        fail()
    assert stand_in() is None


def test_a_cpu_has_no_engine_and_says_why():
    assert why_not(CPU) == "kernels run on CUDA devices, not on cpu. Move the tensors to a GPU"
    with pytest.raises(BackendError, match="no kernel can run on cpu: kernels run on CUDA"):
        engine_of(torch.zeros(1))


def test_everything_is_ready_where_an_engine_stands_in():
    with using(Recorder()):
        assert why_not(CPU) is None
        assert why_not_ready("upfirdn2d", torch.float16, CPU) is None


def test_a_torch_without_cuda_says_so():
    if torch.version.cuda is not None:
        pytest.skip("this torch is built for CUDA")
    assert why_not(torch.device("cuda", 0)) == (
        "kernels are CUDA, and this torch is not built for it. Install a CUDA build of torch"
    )


# what a machine must have

FINE = {
    "torch_cuda": (13, 0),
    "cupy": ("cupy-cuda13x",),
    "cupy_cuda": (13, 2),
    "driver": (13, 0),
    "nvrtc": (13, 0),
}


def test_a_machine_that_has_everything_runs_kernels():
    assert verdict(Facts(**FINE)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cupy": ()}, "CuPy is not installed. pip install 'ganzoo[cuda13]'"),
        (
            {"cupy": (), "torch_cuda": (12, 8)},
            "CuPy is not installed. pip install 'ganzoo[cuda12]'",
        ),
        (
            {"cupy": ("cupy-cuda12x", "cupy-cuda13x")},
            "cupy-cuda12x and cupy-cuda13x are installed and overwrite one another. pip uninstall "
            "-y cupy-cuda12x cupy-cuda13x, then pip install 'ganzoo[cuda13]'",
        ),
        (
            {"cupy": ("cupy-cuda12x",), "cupy_cuda": None},
            "cupy-cuda12x is made for CUDA 12 and torch for CUDA 13.0. pip uninstall -y "
            "cupy-cuda12x, then pip install 'ganzoo[cuda13]'",
        ),
        (
            {"cupy": ("cupy",), "cupy_cuda": (12, 9)},
            "cupy is made for CUDA 12 and torch for CUDA 13.0. pip uninstall -y cupy, then "
            "pip install 'ganzoo[cuda13]'",
        ),
        (
            {"import_error": "libcuda.so.1: no such file", "cupy_cuda": None},
            "CuPy cannot be imported: libcuda.so.1: no such file. pip uninstall -y cupy-cuda13x, "
            "then pip install 'ganzoo[cuda13]'",
        ),
        (
            {"driver": (12, 4)},
            "the driver is too old: it serves CUDA 12.4, and cupy-cuda13x needs CUDA 13. Update "
            "the NVIDIA driver, or install torch and CuPy for an older CUDA",
        ),
        (
            {"driver": None},
            "the driver is too old: it serves no CUDA at all, and cupy-cuda13x needs CUDA 13. "
            "Update the NVIDIA driver, or install torch and CuPy for an older CUDA",
        ),
        (
            {"capability": (7, 0)},
            "this GPU has compute capability 7.0, and the compiler of CUDA 13 serves 7.5 and "
            "newer. Install torch and CuPy for an older CUDA",
        ),
        (
            {"nvrtc": None},
            "the run-time compiler NVRTC is not found. pip install 'nvidia-cuda-nvrtc==13.*'",
        ),
        (
            {"headers": False},
            "the CUDA header cuda_fp16.h is not found. pip install 'nvidia-cuda-runtime==13.*'",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_a_machine_lacks_is_named_with_a_remedy(change, said):
    assert verdict(Facts(**FINE | change)) == said


def test_packages_of_cuda_12_are_named_as_they_are():
    twelve = {"torch_cuda": (12, 8), "cupy": ("cupy-cuda12x",), "cupy_cuda": (12, 9)}
    lacking = Facts(**FINE | twelve | {"nvrtc": None})
    assert verdict(lacking).endswith("pip install 'nvidia-cuda-nvrtc-cu12==12.*'")


def test_a_newer_cupy_of_the_same_cuda_serves_an_older_driver():
    assert verdict(Facts(**FINE | {"cupy_cuda": (13, 9), "driver": (13, 0)})) is None


def test_headers_are_taken_of_the_version_that_compiles(tmp_path, monkeypatch):
    for folder in ("nvidia/cu13/include", "nvidia/cuda_runtime/include"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "cuda_fp16.h").touch()
    monkeypatch.setattr(readiness, "package_folders", lambda: [tmp_path])
    header_folder.cache_clear()
    assert header_folder(13) == tmp_path / "nvidia/cu13/include"
    assert header_folder(12) == tmp_path / "nvidia/cuda_runtime/include"
    header_folder.cache_clear()


# what is passed


def test_arguments_arrive_in_the_types_of_their_parameters():
    x, f = torch.ones(3, dtype=torch.bfloat16), torch.ones(4)
    scalars = as_scalars(KERNEL, (x, f, None, 3, 2, 0.2, 1))
    assert [type(each) for each in scalars] == [
        np.uint64,
        np.uint64,
        np.uint64,
        np.int64,
        np.int32,
        np.float32,
        np.float64,
    ]
    assert scalars[0] == x.data_ptr()
    assert scalars[2] == 0
    assert scalars[6] == 1


@pytest.mark.parametrize(
    ("place", "argument", "complaint"),
    [
        (3, 2**63, r"n is 9223372036854775808, more than long long holds"),
        (4, 2**31, r"c is 2147483648, more than int holds. Take a smaller batch"),
        (4, 0.5, r"c is 0.5; expected a number \(int\)"),
        (6, None, r"gain is None; expected a number \(double\)"),
        (0, 7, r"x is 7; expected a tensor or None"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused(place, argument, complaint):
    arguments = [torch.ones(1), None, None, 1, 1, 1.0, 1.0]
    arguments[place] = argument
    with pytest.raises(BackendError, match=f"scale_bf16: {complaint}"):
        as_scalars(KERNEL, arguments)


def test_a_missing_argument_is_refused():
    with pytest.raises(BackendError, match="scale_bf16 got 1 arguments; expected 7"):
        as_scalars(KERNEL, (torch.ones(1),))


def test_tensors_on_several_devices_are_refused():
    arguments = (torch.ones(1), torch.ones(1, device="meta"), None)
    with pytest.raises(BackendError, match=r"x is on cpu and f is on meta. Move all of them to"):
        device_of(KERNEL, arguments)


def test_the_device_is_that_of_the_tensors():
    assert device_of(KERNEL, (None, torch.ones(1), torch.ones(1), 3)) == CPU


@pytest.mark.parametrize("grid", [(0, 1, 1), (2**31, 1, 1), (1, 65536, 1), (1, 1, 65536)])
def test_a_grid_that_no_device_takes_is_refused(grid):
    with pytest.raises(BackendError, match="blocks; expected 1 to"):
        checked_grid(KERNEL, grid, 1)


@pytest.mark.parametrize("block", [0, 129])
def test_a_block_that_the_kernel_does_not_take_is_refused(block):
    with pytest.raises(BackendError, match="threads a block; expected 1 to 128"):
        checked_grid(KERNEL, (1, 1, 1), block)


def test_the_largest_grid_is_taken():
    checked_grid(KERNEL, (2**31 - 1, 65535, 65535), 128)


# what compiles and loads


class Refused(Exception):
    pass


class DriverRefused(RuntimeError):
    pass


class RuntimeRefused(RuntimeError):
    pass


class CompilerRefused(RuntimeError):
    pass


class CuPy:
    """As much of CuPy as loading a module meets; each error is met once, in this order."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.options = []
        self.cuda = SimpleNamespace(
            compiler=SimpleNamespace(CompileException=Refused),
            driver=SimpleNamespace(CUDADriverError=DriverRefused),
            runtime=SimpleNamespace(CUDARuntimeError=RuntimeRefused),
            nvrtc=SimpleNamespace(NVRTCError=CompilerRefused),
            Device=self.device,
        )
        self.no_device = None

    def RawModule(self, *, code, backend, options):  # noqa: N802  (CuPy's name)
        self.options.append(options)
        return SimpleNamespace(code=code, compile=self.compile)

    def compile(self):
        if self.errors:
            raise self.errors.pop(0)

    def device(self, index):
        if self.no_device is not None:
            raise self.no_device
        return nullcontext()


def load(cupy):
    return loaded(cupy, "text", ("-std=c++17",), "scale for bfloat16")


def test_a_module_is_loaded_as_it_is():
    cupy = CuPy()
    assert load(cupy).code == "text"
    assert cupy.options == [("-std=c++17",)]


def test_a_module_that_does_not_compile_says_the_first_error():
    log = "header.h(3): warning: odd\nscale.cu(9): error: no such thing\nscale.cu(12): error: x\n"
    with pytest.raises(BackendError) as caught:
        load(CuPy(Refused(log)))
    assert str(caught.value).startswith(
        "the kernels of scale for bfloat16 do not compile: scale.cu(9): error: no such thing. "
    )
    assert "GANZOO_OPS=reference" in str(caught.value)


def test_a_cache_entry_that_cannot_be_loaded_is_replaced():
    cupy = CuPy(DriverRefused("CUDA_ERROR_INVALID_IMAGE"))
    assert load(cupy).code == "text"
    first, second = cupy.options
    assert set(second) > set(first)  # other options are another entry of the cache


def test_a_driver_that_loads_nothing_is_an_error_with_a_remedy():
    error = DriverRefused("CUDA_ERROR_NO_BINARY_FOR_GPU")
    with pytest.raises(BackendError, match=r"NO_BINARY_FOR_GPU. Update the NVIDIA driver"):
        load(CuPy(error, error))


@pytest.mark.parametrize(
    "error",
    [
        DriverRefused("CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        RuntimeRefused("cudaErrorMemoryAllocation: out of memory"),
    ],
)
def test_a_gpu_without_memory_is_out_of_memory(error):
    with pytest.raises(torch.OutOfMemoryError, match="load the kernels of scale for bfloat16"):
        load(CuPy(error))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            RuntimeRefused("cudaErrorInsufficientDriver: too old"),
            "the driver cannot load the kernels of scale for bfloat16: cudaErrorInsufficientDriver",
        ),
        (
            CompilerRefused("NVRTC_ERROR_PROGRAM_CREATION_FAILURE (2)"),
            "the compiler NVRTC cannot take the kernels of scale for bfloat16: NVRTC_ERROR_PROGRAM",
        ),
    ],
)
def test_a_runtime_or_a_compiler_that_refuses_is_an_error_with_a_remedy(error, said):
    with pytest.raises(BackendError, match=said) as caught:
        load(CuPy(error))
    assert "GANZOO_OPS=reference" in str(caught.value)


def test_an_error_of_ours_is_told_as_it_is():
    ours = BackendError("said already")
    with pytest.raises(BackendError) as caught, told_of(CuPy(), "scale"):
        raise ours
    assert caught.value is ours


@pytest.fixture
def on_cuda(monkeypatch):
    """A CuPy on a machine that seems to have a GPU, where every module is asked for anew."""
    cupy = CuPy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(torch.cuda, "device", lambda index: nullcontext())
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(engines, "why_not_here", lambda device: None)
    monkeypatch.setattr(engines, "_short_of_memory", {})
    caches = (engines._why_not_compiled, engines._cupy_engine)
    for each in caches:
        each.cache_clear()
    yield cupy
    for each in caches:
        each.cache_clear()


GPU = torch.device("cuda", 0)
FULL = DriverRefused("CUDA_ERROR_OUT_OF_MEMORY: out of memory")


def test_a_device_without_a_context_is_an_error_with_a_remedy(on_cuda):
    on_cuda.no_device = RuntimeRefused("cudaErrorDevicesUnavailable: busy")
    with pytest.raises(BackendError, match=r"kernels of bias_act for float32: cudaErrorDevicesUn"):
        CupyEngine().module("bias_act", torch.float32, 0)
    assert "cudaErrorDevicesUnavailable" in why_not_ready("bias_act", torch.float32, GPU)


def test_kernels_without_memory_are_not_ready_and_say_so(on_cuda):
    on_cuda.errors = [FULL]
    assert why_not_ready("bias_act", torch.float32, GPU) == (
        "no GPU memory is left to load the kernels of bias_act for float32. Take a smaller batch"
    )


def test_only_who_demands_kernels_tries_again_for_memory(on_cuda):
    on_cuda.errors = [FULL]
    first = why_not_ready("bias_act", torch.float32, GPU)
    assert why_not_ready("bias_act", torch.float32, GPU) == first
    assert why_not_ready("bias_act", torch.float32, GPU, True) is None


# where it runs


class Older:
    """A stream of CuPy 13 by its address."""

    def __init__(self, pointer):
        self.pointer = pointer


class Newer:
    """A stream of CuPy 14 by the protocol."""

    @classmethod
    def from_external(cls, stream):
        version, pointer = stream.__cuda_stream__()
        assert version == 0
        made = cls()
        made.pointer = pointer
        return made


def deprecated(pointer):
    raise AssertionError(f"the deprecated class is called for {pointer}")


def test_streams_are_handed_over_by_the_protocol_where_cupy_knows_it():
    cupy = SimpleNamespace(cuda=SimpleNamespace(Stream=Newer, ExternalStream=deprecated))
    stream = stream_maker(cupy)(2**40)
    assert (type(stream), stream.pointer) == (Newer, 2**40)


def test_streams_are_handed_over_by_address_to_an_older_cupy():
    cupy = SimpleNamespace(cuda=SimpleNamespace(Stream=object, ExternalStream=Older))
    stream = stream_maker(cupy)(2**40)
    assert (type(stream), stream.pointer) == (Older, 2**40)


def test_a_cache_that_becomes_unwritable_is_warned_of_and_done_without(monkeypatch):
    monkeypatch.setenv("CUPY_CACHE_IN_MEMORY", "0")
    cupy = CuPy(PermissionError("[Errno 13] Permission denied: 'kernel_cache'"))
    with pytest.warns(RuntimeWarning, match="the kernel cache cannot be used"):
        assert load(cupy).code == "text"
    assert os.environ["CUPY_CACHE_IN_MEMORY"] == "1"


# where it is kept


def test_the_cache_is_where_cupy_has_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CUPY_CACHE_DIR", raising=False)
    assert cache_folder() == tmp_path / ".cupy" / "kernel_cache"
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "kept"))
    assert cache_folder() == tmp_path / "kept"


def test_a_folder_that_can_be_made_is_writable_and_is_not_made(tmp_path):
    assert is_writable(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_a_folder_under_a_file_is_not_writable(tmp_path):
    (tmp_path / "file").touch()
    assert not is_writable(tmp_path / "file" / "kept")


def test_an_unwritable_cache_is_exchanged_for_a_temporary_one(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "file" / "kept"))
    with pytest.warns(RuntimeWarning, match="kept cannot be written, so kernels are compiled anew"):
        folder = writable_cache()
    assert is_writable(folder)
    assert cache_folder() == folder  # what CuPy will read
    caching._kept_while_running().cleanup()
    caching._kept_while_running.cache_clear()


def test_a_writable_cache_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    assert writable_cache() == tmp_path


def test_ops_import_no_cupy():
    code = "import sys, ganzoo.ops, ganzoo.nn; print('cupy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
