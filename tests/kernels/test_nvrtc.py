"""Every kernel compiled by NVRTC as for a GPU, on a machine that has none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from ganzoo.backends.cupy_kernels.cupy_engine import OPTIONS
from ganzoo.backends.cupy_kernels.nvrtc import nvrtc_here, nvrtc_library, usage_by_kernel
from ganzoo.backends.cupy_kernels.readiness import header_folder
from ganzoo.backends.cupy_kernels.table import (
    ELEMENT_NAMES,
    all_kernels,
    kernels_of,
    module_source,
    sources,
)
from ganzoo.errors import BackendError

# sm_75 shows that nothing newer is needed, for which code need not be good: a fifth of the time.
# benchmarks/nvrtc.py compiles it as it would run.
ARCHITECTURES = {"sm_75": ("--Ofast-compile=max",), "sm_90": ()}
MODULES = [(source, dtype) for source in sources() for dtype in ELEMENT_NAMES]


@pytest.fixture(scope="module")
def nvrtc():
    if nvrtc_library() is None:
        pytest.skip("no NVRTC here; pip install nvidia-cuda-nvrtc nvidia-cuda-runtime")
    compiler = nvrtc_here()
    if header_folder(compiler.version[0]) is None:
        pytest.skip(f"no headers of CUDA {compiler.version[0]}; pip install nvidia-cuda-runtime")
    return compiler


@pytest.fixture(scope="module")
def compiled(nvrtc):
    """What becomes of every module for every architecture; two are compiled at a time."""
    options = (*OPTIONS, "--ptxas-options=-v")
    texts = {module: module_source(*module) for module in MODULES}
    with ThreadPoolExecutor(2) as pool:
        yield {
            (*module, architecture): pool.submit(
                nvrtc.compile,
                texts[module],
                architecture=architecture,
                options=(*options, *more),
            )
            for architecture, more in ARCHITECTURES.items()
            for module in MODULES
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("source", "dtype"), MODULES, ids=lambda value: str(value).removeprefix("torch.")
)
def test_every_kernel_compiles(compiled, source, dtype, architecture):
    module = compiled[source, dtype, architecture].result()
    assert module.cubin.startswith(b"\x7fELF")
    used = usage_by_kernel(module.log)
    kernels = kernels_of(source, dtype)
    assert set(used) == {kernel.name for kernel in kernels}
    for kernel in kernels:
        # More would not launch: a multiprocessor has 65536 registers, a block 48 KiB.
        assert used[kernel.name].registers * kernel.max_threads <= 65536
        assert used[kernel.name].shared <= 48 * 1024


def test_no_two_kernels_share_a_name():
    names = [kernel.name for kernel in all_kernels()]
    assert len(names) == len(set(names))


def test_a_kernel_that_is_wrong_is_refused_with_its_line(nvrtc):
    text = module_source("bias_act", torch.float32) + "\n__global__ void f() { nothing(); }\n"
    with pytest.raises(BackendError, match=r'does not compile for sm_75:[^"]*"nothing" is undef'):
        nvrtc.compile(text, architecture="sm_75", options=OPTIONS)


def test_what_a_kernel_takes_is_read_from_the_log(nvrtc):
    text = """extern "C" __global__ void doubled(float* x)
    {
        __shared__ float held[64];
        held[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        x[threadIdx.x] = 2 * held[63 - threadIdx.x];
    }"""
    options = (*OPTIONS, "--ptxas-options=-v")
    log = nvrtc.compile(text, architecture="sm_90", options=options).log
    (used,) = usage_by_kernel(log).values()
    assert used.shared == 256
    assert used.spilled == 0
    assert used.registers > 0
