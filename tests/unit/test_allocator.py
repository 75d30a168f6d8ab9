"""Freed memory is kept for the next step, in processes that ask for it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import resource
import sys
import torch
from ganzoo.training.allocator import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
for step in range(16):
    if step == 8:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(size << 18) for size in (48, 3, 40, 1, 64)]
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults_of_the_last_steps(how):
    command = [sys.executable, "-c", CODE, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_steps_that_take_the_same_memory_again_cost_no_page_faults():
    assert faults_of_the_last_steps("kept") < faults_of_the_last_steps("mapped anew") / 4
