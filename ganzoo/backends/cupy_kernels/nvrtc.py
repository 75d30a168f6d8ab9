"""NVRTC through ctypes: kernels compiled for an architecture that need not be in the machine.

CuPy asks the GPU what to compile for, so without one it compiles nothing. NVRTC itself does not
mind: it tells whether a kernel compiles, and how many registers it takes, on any machine that has
its library.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ganzoo.backends.cupy_kernels.readiness import header_folder, package_folders, toolkit_folders
from ganzoo.errors import BackendError

LIBRARIES = (
    "nvidia/cu[0-9]*/lib/libnvrtc.so.[0-9]*",
    "nvidia/cuda_nvrtc/lib/libnvrtc.so.[0-9]*",
    "nvidia/cu[0-9]*/bin/**/nvrtc64_[0-9]*_0.dll",
    "nvidia/cuda_nvrtc/bin/nvrtc64_[0-9]*_0.dll",
)
"""Where wheels have it, CUDA 13 and later first."""

# As CuPy compiles: functions without a keyword run on the device, denormal float32 become zero.
CUPY_OPTIONS = ("--device-as-default-execution-space", "-ftz=true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A module for one architecture."""

    cubin: bytes
    log: str  # what the compiler and the assembler said


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a kernel takes of a multiprocessor."""

    registers: int  # of a thread
    spilled: int  # bytes of a thread that found no register, stores and loads together
    shared: int  # bytes of a block


class Nvrtc:
    """The compiler in a library.

    Raises:
        BackendError: the library cannot be loaded.
    """

    def __init__(self, library: Path) -> None:
        try:
            # NVRTC looks for its other half by bare name when it compiles, and takes a loaded one.
            for pattern in ("libnvrtc-builtins.so.*", "nvrtc-builtins64_*.dll"):
                for other in library.parent.glob(pattern):
                    ctypes.CDLL(str(other))
            self._library = ctypes.CDLL(str(library))
        except OSError as error:
            raise BackendError(
                f"{library} cannot be loaded: {error}. Install nvidia-cuda-nvrtc again"
            ) from error
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._do("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.path = library
        self.version = (major.value, minor.value)

    def compile(self, text: str, *, architecture: str, options: Sequence[str] = ()) -> Compiled:
        """Compile CUDA C++ text to machine code.

        Args:
            text: a whole module.
            architecture: as ``sm_90``.
            options: beside those that CuPy always gives.

        Raises:
            BackendError: the text does not compile, or the CUDA headers are not found.
        """
        headers = header_folder(self.version[0])
        if headers is None:
            raise BackendError(
                f"the headers of CUDA {self.version[0]} are not found. Install nvidia-cuda-runtime "
                "of the version of nvidia-cuda-nvrtc"
            )
        given = (f"-arch={architecture}", f"-I{headers}", *CUPY_OPTIONS, *options)
        encoded = (ctypes.c_char_p * len(given))(*(each.encode() for each in given))
        program = ctypes.c_void_p()
        self._do(
            "nvrtcCreateProgram",
            ctypes.byref(program),
            ctypes.c_char_p(text.encode()),
            ctypes.c_char_p(b"module.cu"),
            0,
            None,
            None,
        )
        try:
            status = self._library.nvrtcCompileProgram(program, len(given), encoded)
            log = self._bytes(program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
            if status:
                raise BackendError(f"it does not compile for {architecture}:\n{log}")
            return Compiled(cubin=self._bytes(program, "CUBIN"), log=log)
        finally:
            self._do("nvrtcDestroyProgram", ctypes.byref(program))

    def _bytes(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._do(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        room = ctypes.create_string_buffer(size.value)
        self._do(f"nvrtcGet{what}", program, room)
        return room.raw

    def _do(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            explain = self._library.nvrtcGetErrorString
            explain.restype = ctypes.c_char_p
            raise BackendError(f"{function} failed: {explain(status).decode()}")


@cache
def nvrtc_here() -> Nvrtc | None:
    """The compiler of a wheel or of a CUDA toolkit; None where there is none.

    Raises:
        BackendError: there is one, and it cannot be loaded.
    """
    found = nvrtc_library()
    return None if found is None else Nvrtc(found)


def nvrtc_library() -> Path | None:
    """The compiler's library file, or None."""
    for pattern in LIBRARIES:
        for root in package_folders():
            for path in sorted(root.glob(pattern)):
                return path
    for root in toolkit_folders():
        for path in sorted(root.glob("lib*/libnvrtc.so.[0-9]*")):
            return path
    return None


def usage_by_kernel(log: str) -> dict[str, Usage]:
    """What the assembler's report (option ``--ptxas-options=-v``) says of each entry function."""
    found = {}
    for entry in log.split("Compiling entry function '")[1:]:
        name, _, rest = entry.partition("'")
        registers = re.search(r"Used (\d+) registers", rest)
        spilled = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", rest)
        shared = re.search(r"(\d+) bytes smem", rest)
        if registers is None:
            continue
        found[name] = Usage(
            registers=int(registers[1]),
            spilled=int(spilled[1]) + int(spilled[2]) if spilled else 0,
            shared=int(shared[1]) if shared else 0,
        )
    return found
