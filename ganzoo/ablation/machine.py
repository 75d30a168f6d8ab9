"""What an ablation was made on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from ganzoo import __version__


def processor() -> str:
    """Name of the processor, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def machine_words() -> str:
    """Processor, cores, and the CUDA devices that torch can use."""
    cores = os.cpu_count() or 1
    words = [f"{processor()}, {cores} cores"]
    if torch.cuda.is_available():
        words += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return "; ".join(words)


def version_words() -> str:
    """Versions of what a result depends on."""
    found = [f"ganzoo {__version__}", f"Python {platform.python_version()}"]
    for name in ("torch", "numpy"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} (not a distribution)")
    return ", ".join(found)
