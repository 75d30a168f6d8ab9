"""An engine for machines without a GPU: kernels compiled by g++ and run on CPU tensors.

The text that is compiled is the one NVRTC gets (`module_source`), behind ``emulation.h``, which
supplies the device language. The kernels' table yields the entry points, so nothing is listed
twice.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.backends.cupy_kernels.arguments import Argument, as_scalars, checked_grid
from ganzoo.backends.cupy_kernels.table import (
    Kernel,
    accumulating_type,
    declared_type,
    kernels_of,
    module_source,
)

COMPILER = shutil.which("g++")
# Warnings are for the kernels' own compiler; strict aliasing knows nothing of packs. -O1 because
# most of the time of a test goes into compiling.
FLAGS = ("-std=c++17", "-O1", "-march=native", "-fno-strict-aliasing", "-shared", "-fPIC", "-w")
SANITIZED = ("-fsanitize=address", "-O0")


class EmulationError(Exception):
    """A kernel did what a GPU would answer with an error, or with nonsense."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake planted in a module's text; ``right`` must occur in it exactly once."""

    source: str
    right: str
    wrong: str

    def plant(self, source: str, text: str) -> str:
        """The text of a module, with the mistake where it is of the fault's source."""
        if source != self.source:
            return text
        found = text.count(self.right)
        assert found == 1, f"{self.right!r} occurs {found} times in the module {source!r}"
        return text.replace(self.right, self.wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """Launches kernels on the CPU; put it in place with ``engine.using``.

    Outputs are filled with NaN before a launch, and memory of a block before each block.
    """

    folder: Path  # where libraries go; one for a whole session, so that each is built once
    block: int | None = None  # threads of a block, in place of what the host function asks for
    reverse: bool = False  # run the threads of a block in the reverse order
    fault: Fault | None = None
    flags: tuple[str, ...] = ()
    libraries: dict[tuple[str, torch.dtype], ctypes.CDLL] = field(default_factory=dict, repr=False)

    def with_(self, **changes: object) -> Emulator:
        """The same emulator but for some options; libraries are shared where they may be."""
        same = not {"fault", "flags"} & set(changes)
        return replace(self, libraries=self.libraries if same else {}, **changes)

    def launch(
        self,
        kernel: Kernel,
        grid: tuple[int, int, int],
        block: int,
        arguments: Sequence[Argument],
    ) -> None:
        """Run a kernel to its end.

        Raises:
            EmulationError: the kernel met a barrier or touched memory as it must not.
        """
        checked_grid(kernel, grid, block)
        values = [value.reshape(1) for value in as_scalars(kernel, arguments)]
        poison_outputs(kernel, arguments)
        addresses = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        run = getattr(self.library(kernel), f"emulate_{kernel.name}")
        run.restype = ctypes.c_char_p
        threads = min(self.block or block, kernel.max_threads)
        complaint = run(
            addresses, (ctypes.c_uint * 3)(*grid), threads, kernel.barriers, self.reverse
        )
        if complaint is not None:
            raise EmulationError(f"{kernel.name}: {complaint.decode()}")

    def library(self, kernel: Kernel) -> ctypes.CDLL:
        """The library of the kernel's module, built when first asked for."""
        key = (kernel.source, kernel.dtype)
        if key not in self.libraries:
            self.libraries[key] = ctypes.CDLL(str(self.build(*key)))
        return self.libraries[key]

    def build(self, source: str, dtype: torch.dtype) -> Path:
        """Compile a module into the folder, unless the very same is there already."""
        text = module_source(source, dtype)
        if self.fault is not None:
            text = self.fault.plant(source, text)
        text = "\n".join((text, *map(entry_point, kernels_of(source, dtype))))
        digest = hashlib.sha256(repr((text, self.flags)).encode()).hexdigest()[:16]
        library = self.folder / f"{source}-{digest}.so"
        if not library.exists():
            code = library.with_suffix(".cpp")
            code.write_text(f"#define GANZOO_EMULATION 1\n{text}", encoding="utf-8")
            here = f"-I{Path(__file__).parent}"
            command = [COMPILER, *FLAGS, *self.flags, here, str(code), "-o", str(library)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"g++ refuses {code}:\n{done.stderr[:4000]}"
        return library


def entry_point(kernel: Kernel) -> str:
    """What ctypes calls: unpacks the arguments as a driver does, and runs the whole grid."""
    unpacked = ", ".join(
        f"*({declared_type(kernel, kind)}*)a[{place}]"
        for place, (kind, _) in enumerate(kernel.parameters)
    )
    name = kernel.name
    return f"""
static void unpack_{name}(void** a) {{ {name}({unpacked}); }}
extern "C" const char* emulate_{name}(
    void** a, const unsigned* grid, unsigned block, int barriers, int reverse)
{{ return emulation::launch(unpack_{name}, a, grid, block, barriers, reverse); }}
"""


def poison_outputs(kernel: Kernel, arguments: Sequence[Argument]) -> None:
    """Fill what the kernel is to write with NaN, and check the types of what it is given."""
    types = {"T": kernel.dtype, "A": accumulating_type(kernel.dtype)}
    for (kind, name), argument in zip(kernel.parameters, arguments, strict=True):
        if not isinstance(argument, Tensor):
            continue
        expected = types.get(kind.removesuffix("*").removeprefix("const "), argument.dtype)
        assert argument.dtype is expected, f"{kernel.name}: {name} is of {argument.dtype}"
        if not kind.startswith("const "):
            argument.fill_(torch.nan)
