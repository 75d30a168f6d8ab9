"""The emulator itself: it computes as the types do, and complains where a GPU would fail."""

from __future__ import annotations

import pytest
import torch
from emulator import EmulationError, Emulator

from ganzoo.backends.cupy_kernels import table
from ganzoo.backends.cupy_kernels.table import Kernel

PARAMETERS = (("const T*", "x"), ("T*", "out"), ("int", "n"))
ADD_UP = """
template <class T> __device__ inline void add_up(const T* x, T* out, int n)
{
    BLOCK_SHARED(Acc<T>, room, [256]);
    Acc<T> sum = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        sum += up(x[i]);
    sum = block_sum(sum, room);
    if (threadIdx.x == 0)
        down(&out[blockIdx.x], sum);
}
"""
READ_TWICE = """
template <class T> __device__ inline void read_twice(const T* x, T* out, int n)
{
    BLOCK_SHARED(Acc<T>, room, [256]);
    if (blockIdx.x == 0)
        room[threadIdx.x] = up(x[threadIdx.x]);
    down(&out[blockIdx.x * blockDim.x + threadIdx.x], room[threadIdx.x]);
}
"""
SOME_WAIT = """
template <class T> __device__ inline void some_wait(const T* x, T* out, int n)
{
    if (threadIdx.x < 3)
        __syncthreads();
}
"""
LOAD_OFF = """
template <class T> __device__ inline void load_off(const T* x, T* out, int n)
{
    store_pack(out, load_pack(x + n));
}
"""
WRITE_SOME = """
template <class T> __device__ inline void write_some(const T* x, T* out, int n)
{
    if (threadIdx.x < n)
        out[threadIdx.x] = x[threadIdx.x];
}
"""
ROUND = """
template <class T> __device__ inline void round_all(const T* x, T* out, int n)
{
    for (int i = 0; i < n; i++)
        down(&out[i], up(x[i]) * (Acc<T>)1.01);
}
"""
DIVIDE = """
template <class T> __device__ inline void divide(const T* x, T* out, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            down(&out[i * n + j], (T)quotient((long long)x[i], (long long)x[j]));
}
"""


@pytest.fixture
def run(built, tmp_path, monkeypatch):
    """Compile a template of one's own and launch it on float32 or another type."""

    def run(text, x, size, *, grid=1, block=4, barriers=True, n=None, reverse=False):
        name = text.split("void ")[1].split("(")[0]
        (tmp_path / f"{name}.cu").write_text(text)
        (tmp_path / "device.cuh").write_text((table.FOLDER / "device.cuh").read_text())
        kernel = Kernel(
            source=name,
            dtype=x.dtype,
            name=f"{name}_kernel",
            body=f"{name}<{table.ELEMENT_NAMES[x.dtype]}>",
            parameters=PARAMETERS,
            barriers=barriers,
        )
        monkeypatch.setattr(table, "FOLDER", tmp_path)
        monkeypatch.setattr(table, "all_kernels", lambda: (kernel,))
        table.module_source.cache_clear()
        out = torch.empty(size, dtype=x.dtype)
        emulator = Emulator(folder=tmp_path, reverse=reverse)
        emulator.launch(kernel, (grid, 1, 1), block, (x, out, x.numel() if n is None else n))
        return out

    yield run
    table.module_source.cache_clear()


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 255, 256])
@pytest.mark.parametrize("reverse", [False, True])
def test_threads_of_a_block_add_up(run, block, reverse):
    x = torch.arange(100.0)
    assert run(ADD_UP, x, 1, block=block, reverse=reverse).tolist() == [4950.0]


def test_memory_of_a_block_is_poison_to_the_next_one(run):
    out = run(READ_TWICE, torch.arange(4.0), 8, grid=2, barriers=False)
    assert out[:4].tolist() == [0, 1, 2, 3]
    assert out[4:].isnan().all()


def test_a_barrier_that_some_threads_miss_is_noticed(run):
    with pytest.raises(EmulationError, match="a barrier that some threads of the block do not"):
        run(SOME_WAIT, torch.zeros(4), 4)


def test_a_barrier_of_a_kernel_said_to_have_none_is_noticed(run):
    with pytest.raises(EmulationError, match="said to have none in thread 0 of block 0, 0, 0"):
        run(SOME_WAIT, torch.zeros(4), 4, barriers=False)


def test_a_pack_off_its_place_is_noticed(run):
    x = torch.arange(8.0)
    assert torch.equal(run(LOAD_OFF, x, 4, n=4, block=1), x[4:])
    with pytest.raises(EmulationError, match="no multiple of 16"):
        run(LOAD_OFF, x, 4, n=1, block=1)


def test_what_a_kernel_does_not_write_is_nan(run):
    out = run(WRITE_SOME, torch.zeros(4), 4, n=2, barriers=False)
    assert out[:2].tolist() == [0, 0]
    assert out[2:].isnan().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_round_as_torch_rounds_them(run, dtype):
    finite = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(dtype)
    finite = finite[finite.isfinite()]
    out = run(ROUND, finite, finite.numel(), block=1, barriers=False)
    assert torch.equal(out, (finite.float() * torch.tensor(1.01)).to(dtype))


def test_places_beyond_32_bits_divide_exactly(run):
    whole = [1, 2, 3, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**40 + 7]
    x = torch.tensor(whole, dtype=torch.float64)  # holds whole numbers to 2**53
    out = run(DIVIDE, x, len(whole) ** 2, block=1, barriers=False)
    assert out.tolist() == [a // b for a in whole for b in whole]
