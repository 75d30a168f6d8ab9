"""Kernels launch where torch is: on its stream, its device and its memory, and wait for nothing."""

from __future__ import annotations

import pytest
import torch
from bodies import NAMES, Problem, check_result_and_gradients, given, step

pytestmark = pytest.mark.gpu

SIZE = (2, 16, 32, 32)
CALLS = 1000
A_WHILE = 100_000_000  # clock cycles: some 50 ms


@pytest.fixture
def one(request, device) -> Problem:
    return given(request.param, SIZE, torch.float32, torch.channels_last, device)


each_operation = pytest.mark.parametrize("one", NAMES, indirect=True)


def equal(found, expected) -> bool:
    """Bit for bit: every reduction of a kernel is made in the same order every time."""
    return all(torch.equal(a, b) for a, b in zip(found, expected))


@each_operation
def test_the_same_call_gives_the_same_bits(one):
    assert equal(step(one), step(one))


@each_operation
def test_kernels_follow_the_current_stream(one, device):
    first = step(one)
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        torch.cuda._sleep(A_WHILE)
        with torch.no_grad():
            one.inputs[0].mul_(-1)  # not yet done where another stream is
        found = step(one)
    torch.cuda.synchronize(device)
    assert not equal(first, found)
    assert equal(found, step(one))


@each_operation
def test_a_cuda_graph_replays_forward_and_backward(one, device):
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(3):
            step(one)
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step(one)
    with torch.no_grad():
        for each in one.inputs:
            each.mul_(0.5).add_(0.25)
    graph.replay()
    torch.cuda.synchronize(device)
    assert equal(captured, step(one))


@each_operation
def test_nothing_waits_for_the_gpu(one):
    step(one)  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        step(one)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@each_operation
def test_a_thousand_calls_leave_memory_as_it_was(one, device):
    import cupy

    for _ in range(10):
        step(one)
    torch.cuda.synchronize(device)
    before, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    for _ in range(CALLS):
        step(one)
    torch.cuda.synchronize(device)
    assert torch.cuda.memory_allocated(device) == before
    assert torch.cuda.memory_reserved(device) == reserved
    assert cupy.get_default_memory_pool().total_bytes() == 0


@pytest.mark.parametrize("name", NAMES)
def test_kernels_run_on_the_device_of_their_tensors(name, device):
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device only")
    other = torch.device("cuda", (device.index + 1) % torch.cuda.device_count())
    check_result_and_gradients(name, SIZE, torch.float32, torch.channels_last, other)
    assert torch.cuda.current_device() == device.index
