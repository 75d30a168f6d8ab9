from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganzoo.training.bench.timing import LEAST_ROUNDS, interleaved

CPU = torch.device("cpu")
BYTES = 2**26
PEAKS = f"""
import json
import torch
from ganzoo.training.bench.memory import PeakMemory

memory = PeakMemory(torch.device("cpu"))
before = memory.bytes()
tensor = torch.ones({BYTES} // 4)
del tensor
during = memory.bytes() - before
later = PeakMemory(torch.device("cpu")).bytes()
print(json.dumps({{"during": during, "later": later}}))
"""


def test_calls_are_sampled_in_turn():
    called: list[str] = []
    times = interleaved(
        {"first": lambda: called.append("first"), "second": lambda: called.append("second")},
        CPU,
        seconds=0.0,
    )
    assert set(times) == {"first", "second"}
    assert min(times.values()) > 0
    turns = [name for name, before in zip(called, [None, *called]) if name != before]
    warm_up = ["first", "second"]
    assert turns == [*warm_up, *["first", "second"] * LEAST_ROUNDS]


def test_a_call_that_takes_longer_says_so():
    short, long = torch.zeros(8), torch.zeros(1_000_000)
    times = interleaved({"short": lambda: short + 1, "long": lambda: long + 1}, CPU, seconds=0.02)
    assert times["long"] > times["short"]  # 100,000 times the work


@pytest.fixture(scope="module")
def peaks() -> dict[str, int]:
    """What a process of its own found: in this one, other tests may have kept freed memory."""
    done = subprocess.run([sys.executable, "-c", PEAKS], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_the_peak_holds_what_was_freed_again(peaks):
    assert peaks["during"] >= 0.9 * BYTES  # the rest: pages that others gave back


def test_a_later_beginning_does_not_count_an_earlier_peak(peaks):
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError as error:
        pytest.skip(f"this system cannot start the high-water mark anew: {error}")
    assert peaks["later"] < BYTES / 4
