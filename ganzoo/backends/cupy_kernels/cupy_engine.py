"""CuPy as the engine: modules compiled by NVRTC when first needed, launched on torch's stream.

CuPy keeps what it compiled on disk, by source, options, architecture and compiler version, checks
an entry's digest when it reads it, and compiles again where it is wrong. It does so only for
modules without name expressions, hence the C names of `Kernel`. It always compiles with
``-ftz=true``: float32 results below 1.2e-38 in magnitude become zero.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ganzoo.backends.cupy_kernels.arguments import (
    Argument,
    as_scalars,
    checked_grid,
    device_of,
)
from ganzoo.backends.cupy_kernels.cache_folder import VARIABLE
from ganzoo.backends.cupy_kernels.readiness import header_folder
from ganzoo.backends.cupy_kernels.table import Kernel, module_source
from ganzoo.errors import BackendError

OPTIONS = ("-std=c++17",)
"""Of the compiler. No fast mathematics: results must not differ more than rounding does."""


class CupyEngine:
    """Launches kernels on CUDA tensors by CuPy; it allocates and waits for nothing."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, int], Any] = {}
        self._modules: dict[tuple[str, torch.dtype, int], Any] = {}
        self._lock = threading.Lock()
        self._entering: Callable[[int], AbstractContextManager] | None = None

    def launch(
        self,
        kernel: Kernel,
        grid: tuple[int, int, int],
        block: int,
        arguments: Sequence[Argument],
    ) -> None:
        """Launch on the current stream of the device of the arguments.

        Raises:
            BackendError: tensors on several devices, arguments or a grid that do not fit, or a
                module that cannot be compiled or loaded.
            torch.OutOfMemoryError: no memory is left for the module.
        """
        import cupy

        checked_grid(kernel, grid, block)
        device = device_of(kernel, arguments)
        scalars = as_scalars(kernel, arguments)
        index = torch.cuda.current_device() if device.index is None else device.index
        function = self._functions.get((kernel.name, index))
        if function is None:
            module = self.module(kernel.source, kernel.dtype, index)
            function = module.get_function(kernel.name)
            self._functions[kernel.name, index] = function
        if self._entering is None:
            self._entering = stream_maker(cupy)
        pointer = torch.cuda.current_stream(index).cuda_stream
        # A stream is taken where its device is the current one.
        with torch.cuda.device(index), cupy.cuda.Device(index), self._entering(pointer):
            function(grid, (block, 1, 1), scalars)

    def module(self, source: str, dtype: torch.dtype, index: int) -> Any:
        """The module of a source and element type, compiled and loaded on a device.

        Raises:
            BackendError: it cannot be compiled or loaded.
            torch.OutOfMemoryError: no memory is left for it.
        """
        import cupy

        key = (source, dtype, index)
        with self._lock:
            if key not in self._modules:
                code = module_source(source, dtype)
                what = f"{source} for {str(dtype).removeprefix('torch.')}"
                with (
                    told_of(cupy, what),  # entering a device makes its context, which can fail
                    torch.cuda.device(index),
                    cupy.cuda.Device(index),
                ):
                    self._modules[key] = loaded(cupy, code, (*OPTIONS, *include_options()), what)
            return self._modules[key]


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A stream of torch's, in the protocol by which libraries hand streams to one another."""

    pointer: int

    def __cuda_stream__(self) -> tuple[int, int]:
        """The protocol's version, and where the stream is."""
        return 0, self.pointer


def stream_maker(cupy: Any) -> Callable[[int], AbstractContextManager]:
    """What makes of a stream's address something that CuPy can enter, and does not destroy.

    CuPy 14 takes streams by the protocol and deprecates ``ExternalStream``, which older ones have.
    """
    from_external = getattr(cupy.cuda.Stream, "from_external", None)
    if from_external is None:
        make: Callable[[int], AbstractContextManager] = cupy.cuda.ExternalStream
        return make
    return lambda pointer: from_external(Borrowed(pointer))


def include_options() -> tuple[str, ...]:
    """Where the compiler finds CUDA's headers, beside the places that CuPy knows."""
    folder = header_folder(int(str(torch.version.cuda).partition(".")[0]))
    return () if folder is None else (f"-I{folder}",)


def loaded(cupy: Any, code: str, options: tuple[str, ...], what: str) -> Any:
    """Compile a module, or take it from CuPy's cache, and load it on the current device.

    Args:
        cupy: CuPy.
        code: text of the module.
        options: of the compiler.
        what: what to call the module in messages.

    Raises:
        BackendError: it cannot be compiled or loaded.
        torch.OutOfMemoryError: no memory is left for it.
    """

    def load(options: tuple[str, ...]) -> Any:
        module = cupy.RawModule(code=code, backend="nvrtc", options=options)
        module.compile()
        return module

    with told_of(cupy, what):
        try:
            return load(options)
        except OSError as error:  # the folder could be written when CuPy was imported
            warnings.warn(
                f"the kernel cache cannot be used: {error}. Kernels are compiled anew in every "
                f"process. Let {VARIABLE} name a folder that can be written",
                RuntimeWarning,
                stacklevel=2,
            )
            os.environ["CUPY_CACHE_IN_MEMORY"] = "1"
            return load(options)
        except cupy.cuda.driver.CUDADriverError as error:
            if _is_of_memory(error):
                raise
            # The entry in the cache has the right digest and is refused all the same. Another name
            # for the same text makes an entry beside it, which later processes find.
            return load((*options, "-DGANZOO_CACHE_ENTRY=2"))


@contextmanager
def told_of(cupy: Any, what: str) -> Iterator[None]:
    """Say in our errors why the kernels of ``what`` cannot be had, where CuPy raises its own.

    Raises:
        BackendError: they cannot be compiled or loaded.
        torch.OutOfMemoryError: no memory is left for them, or for the context of the device.
    """
    cuda = cupy.cuda
    try:
        yield
    except cuda.compiler.CompileException as error:
        raise refused_by_compiler(what, str(error)) from error
    except cuda.nvrtc.NVRTCError as error:
        raise BackendError(
            f"the compiler NVRTC cannot take the kernels of {what}: {error}. Install "
            "nvidia-cuda-nvrtc anew, or go on without kernels by GANZOO_OPS=reference"
        ) from error
    except (cuda.driver.CUDADriverError, cuda.runtime.CUDARuntimeError) as error:
        if _is_of_memory(error):
            message = f"no GPU memory is left to load the kernels of {what}"
            raise torch.OutOfMemoryError(message) from error
        raise BackendError(
            f"the driver cannot load the kernels of {what}: {error}. Update the NVIDIA driver, "
            "or go on without kernels by GANZOO_OPS=reference"
        ) from error


def _is_of_memory(error: Exception) -> bool:
    """The driver says CUDA_ERROR_OUT_OF_MEMORY, the runtime cudaErrorMemoryAllocation."""
    return any(name in str(error) for name in ("OUT_OF_MEMORY", "cudaErrorMemoryAllocation"))


def refused_by_compiler(what: str, log: str) -> BackendError:
    """What the compiler complains of first, and what to do."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    first = next((line for line in lines if "error" in line), lines[0] if lines else "no reason")
    return BackendError(
        f"the kernels of {what} do not compile: {first}. The CUDA headers may not fit the "
        "compiler: install nvidia-cuda-runtime and nvidia-cuda-nvrtc of one version, or go on "
        "without kernels by GANZOO_OPS=reference"
    )
