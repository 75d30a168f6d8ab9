"""The table of kernels: which there are, and the text that a compiler gets to see.

A ``.cu`` file holds templates. What is launched are ``extern "C"`` wrappers around their
instantiations, generated here: C names need no name expressions, which would switch off CuPy's
cache on disk, and a C++ compiler that stands in for NVRTC in tests finds them by the same names.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

FOLDER = Path(__file__).parent

ELEMENT_NAMES: Mapping[torch.dtype, str] = {
    torch.float64: "double",
    torch.float32: "float",
    torch.float16: "__half",
    torch.bfloat16: "__nv_bfloat16",
}
"""The element types kernels are made for, and what C calls them."""

SHORT_NAMES: Mapping[torch.dtype, str] = {
    torch.float64: "f64",
    torch.float32: "f32",
    torch.float16: "f16",
    torch.bfloat16: "bf16",
}
"""The element types in the names of kernels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One instantiation of a template, under a C name.

    In the types of ``parameters``, ``T`` stands for the element type and ``A`` for the type sums
    are made in. A pointer without ``const`` is an output: every element of it is written, and
    none is read before.
    """

    source: str  # the file without .cu
    dtype: torch.dtype
    name: str
    body: str  # the C++ function that the wrapper calls
    parameters: tuple[tuple[str, str], ...]  # C type and name
    barriers: bool  # its threads wait for one another
    max_threads: int = 256


def accumulating_type(dtype: torch.dtype) -> torch.dtype:
    """The type sums over elements of ``dtype`` are made in: float64 for itself, else float32."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def declared_type(kernel: Kernel, kind: str) -> str:
    """The C type of a parameter, with the element and the accumulating type filled in."""
    accumulator = ELEMENT_NAMES[accumulating_type(kernel.dtype)]
    kind = re.sub(r"\bA\b", accumulator, kind)
    return re.sub(r"\bT\b", ELEMENT_NAMES[kernel.dtype], kind)


@cache
def sources() -> tuple[str, ...]:
    """The names of all ``.cu`` files, without the ending."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.cu")))


@cache
def all_kernels() -> tuple[Kernel, ...]:
    """Every kernel of every source, from the ``KERNELS`` of the module beside it."""
    modules = [importlib.import_module(f"{__package__}.{source}") for source in sources()]
    return tuple(kernel for module in modules for kernel in module.KERNELS)


def kernels_of(source: str, dtype: torch.dtype) -> tuple[Kernel, ...]:
    """The kernels that are compiled together."""
    return tuple(k for k in all_kernels() if k.source == source and k.dtype is dtype)


@cache
def module_source(source: str, dtype: torch.dtype) -> str:
    """The whole text of one module: the device header, the templates, the wrappers.

    A header of this folder that a source includes is put in its place: NVRTC is given text only.
    """
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in ("device.cuh", f"{source}.cu")]
    texts[1] = re.sub(
        r'^#include "(\w+\.cuh)"$',
        lambda found: (FOLDER / found[1]).read_text(encoding="utf-8"),
        texts[1],
        flags=re.MULTILINE,
    )
    return "\n".join((*texts, *map(wrapper, kernels_of(source, dtype))))


def wrapper(kernel: Kernel) -> str:
    """The ``extern "C"`` function that is launched."""
    declared = []
    for kind, name in kernel.parameters:
        kind = declared_type(kernel, kind)
        declared.append(f"{kind} __restrict__ {name}" if kind.endswith("*") else f"{kind} {name}")
    names = ", ".join(name for _, name in kernel.parameters)
    return (
        f'extern "C" __global__ void __launch_bounds__({kernel.max_threads})\n'
        f"{kernel.name}({', '.join(declared)})\n{{ {kernel.body}({names}); }}\n"
    )
