"""Seconds of calls: side by side in one run, as medians, on the clock of their device."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ganzoo.training.waiting import synchronize

SHORTEST_SAMPLE = 2e-3  # seconds on a CPU; shorter ones measure the clock
MOST_REPEATS = 50
LEAST_ROUNDS = 3
MOST_ROUNDS = 200
AHEAD_CYCLES = 10_000_000  # about 5 ms of a GPU's clock

Call = Callable[[], object]


def interleaved(
    calls: Mapping[str, Call], device: torch.device, *, seconds: float
) -> dict[str, float]:
    """Median seconds of each call, all of them measured in turn, so that a drift meets all alike.

    A CPU's sample is as many repetitions as ``perf_counter`` can tell apart. A GPU's lies between
    two events behind a wait that lets the host queue the launches first: the time of the device,
    not that of Python, which `ganzoo bench step` shows.

    Args:
        seconds: to spend on all calls together, in equal parts, warm-up apart; every call has at
            least ``LEAST_ROUNDS`` samples.
    """
    part = seconds / max(1, len(calls))
    plans = {name: _plan(call, device, part) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    sample = _cuda_sample if device.type == "cuda" else _host_sample
    for number in range(max((plan.rounds for plan in plans.values()), default=0)):
        for name, call in calls.items():
            if number < plans[name].rounds:
                samples[name].append(sample(call, plans[name].repeats, device))
    return {name: statistics.median(found) for name, found in samples.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How often a call is repeated in a sample, and how many samples it has."""

    repeats: int
    rounds: int


def _plan(call: Call, device: torch.device, seconds: float) -> _Plan:
    once = _host_sample(call, 1, device)  # compiles, tunes and allocates
    if once < seconds:
        call()
        once = _host_sample(call, 1, device)
    once = max(once, 1e-9)
    repeats = max(1, min(MOST_REPEATS, math.ceil(SHORTEST_SAMPLE / once)))
    rounds = int(seconds / (once * repeats))
    return _Plan(repeats=repeats, rounds=max(LEAST_ROUNDS, min(MOST_ROUNDS, rounds)))


def _host_sample(call: Call, repeats: int, device: torch.device) -> float:
    synchronize(device)
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    synchronize(device)
    return (time.perf_counter() - start) / repeats


def _cuda_sample(call: Call, repeats: int, device: torch.device) -> float:
    first: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    last: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    with torch.cuda.device(device):
        torch.cuda._sleep(AHEAD_CYCLES)  # type: ignore[no-untyped-call]
        first.record()
        for _ in range(repeats):
            call()
        last.record()
        last.synchronize()
    return float(first.elapsed_time(last)) / 1e3 / repeats
