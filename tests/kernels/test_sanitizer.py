"""Kernels under the address sanitizer touch no memory but that of their arguments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from emulator import COMPILER
from faults import BEYOND_THE_MEMORY, comparisons

HERE = Path(__file__).parent


def runtime() -> str:
    """The sanitizer's shared library; skips where the compiler has none."""
    if COMPILER is None:
        pytest.skip("no g++ here, which compiles the kernels for the emulator")
    command = [COMPILER, "-print-file-name=libasan.so"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip("g++ has no address sanitizer here")
    return found


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, str]:
    """What was written while each comparison ran, by its name or that of its mistake."""
    environment = os.environ | {
        "LD_PRELOAD": runtime(),
        # Python and torch keep memory to the end on purpose, and fibers leave their stacks.
        "ASAN_OPTIONS": "symbolize=0:detect_leaks=0:detect_stack_use_after_return=0",
        "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parents[1]))),
    }
    command = [sys.executable, str(HERE / "sanitized.py"), str(tmp_path_factory.mktemp("asan"))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    parts = [part.partition("\n") for part in done.stderr.split("run: ")[1:]]
    said = {name: text for name, _, text in parts}
    assert "over" in said, done.stderr[-3000:]
    return said


@pytest.mark.parametrize("name", [comparison.__name__ for comparison in comparisons()])
def test_the_sanitizer_has_nothing_to_say_of_a_comparison(name, said):
    assert "ERROR: AddressSanitizer" not in said[name]


@pytest.mark.parametrize("name", BEYOND_THE_MEMORY)
def test_the_sanitizer_notices_memory_that_is_not_the_kernels(name, said):
    assert "ERROR: AddressSanitizer: heap-buffer-overflow" in said[name]
