"""Whether kernels can run on a device, and if not, why not and what to do.

What is found out about a machine is kept apart from what follows from it, so that every verdict
can be had without the machine.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import torch

from ganzoo.backends.cupy_kernels.cache_folder import writable_cache

HEADER = "cuda_fp16.h"
OLDEST_DEVICE = {12: (5, 0), 13: (7, 5)}
"""The oldest compute capability that the compiler of each CUDA version serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides whether kernels run on a CUDA device; versions as (major, minor)."""

    torch_cuda: tuple[int, int]  # what torch is built for
    cupy: tuple[str, ...]  # installed distributions of CuPy
    import_error: str | None = None  # why CuPy cannot be imported
    cupy_cuda: tuple[int, int] | None = None  # what CuPy is built for
    driver: tuple[int, int] | None = None  # the newest CUDA the driver serves; None: it is silent
    nvrtc: tuple[int, int] | None = None  # the compiler; None: not found
    headers: bool = True  # cuda_fp16.h and what stands beside it
    capability: tuple[int, int] = (9, 0)  # of the device


def verdict(facts: Facts) -> str | None:
    """Why kernels cannot run, with a remedy; None if they can."""
    major = facts.torch_cuda[0]
    install = f"pip install 'ganzoo[cuda{major}]'"
    if not facts.cupy:
        return f"CuPy is not installed. {install}"
    if len(facts.cupy) > 1:
        return (
            f"{' and '.join(facts.cupy)} are installed and overwrite one another. "
            f"pip uninstall -y {' '.join(facts.cupy)}, then {install}"
        )
    (name,) = facts.cupy
    replace = f"pip uninstall -y {name}, then {install}"
    built = _major_of(name) or (facts.cupy_cuda or (major, 0))[0]
    if built != major:
        return (
            f"{name} is made for CUDA {built} and torch for CUDA {_dotted(facts.torch_cuda)}. "
            f"{replace}"
        )
    if facts.import_error is not None:
        return f"CuPy cannot be imported: {facts.import_error}. {replace}"
    if facts.driver is None or facts.driver[0] < built:
        served = "no CUDA at all" if facts.driver is None else f"CUDA {_dotted(facts.driver)}"
        return (
            f"the driver is too old: it serves {served}, and {name} needs CUDA {built}. Update "
            "the NVIDIA driver, or install torch and CuPy for an older CUDA"
        )
    if facts.capability < OLDEST_DEVICE.get(built, (0, 0)):
        return (
            f"this GPU has compute capability {_dotted(facts.capability)}, and the compiler of "
            f"CUDA {built} serves {_dotted(OLDEST_DEVICE[built])} and newer. Install torch and "
            "CuPy for an older CUDA"
        )
    if facts.nvrtc is None:
        return f"the run-time compiler NVRTC is not found. {_wheel('nvrtc', built)}"
    if not facts.headers:
        return f"the CUDA header {HEADER} is not found. {_wheel('runtime', built)}"
    return None


def why_not_here(device: torch.device) -> str | None:
    """Why kernels cannot run on ``device``, with a remedy; None if they can."""
    if device.type != "cuda":
        return f"kernels run on CUDA devices, not on {device.type}. Move the tensors to a GPU"
    if torch.version.cuda is None:
        return "kernels are CUDA, and this torch is not built for it. Install a CUDA build of torch"
    return _why_not_cuda(torch.cuda.current_device() if device.index is None else device.index)


@cache
def _why_not_cuda(index: int) -> str | None:
    return verdict(facts_of(index))


def facts_of(index: int) -> Facts:
    """Ask the machine about its CUDA device of this number."""
    torch_cuda = _version(str(torch.version.cuda))
    installed = cupy_distributions()
    if len(installed) != 1 or _major_of(installed[0]) not in (None, torch_cuda[0]):
        return Facts(torch_cuda=torch_cuda, cupy=installed)  # an import could crash
    writable_cache()  # before the import: CuPy makes its cache folder then
    try:
        import cupy
    except (ImportError, OSError, RuntimeError) as error:
        said = [line for line in str(error).splitlines() if line.strip(" =")]
        return Facts(
            torch_cuda=torch_cuda,
            cupy=installed,
            import_error=said[-1].strip() if said else type(error).__name__,
        )
    built, driver = cupy.cuda.runtime.runtimeGetVersion(), cupy.cuda.runtime.driverGetVersion()
    facts = Facts(
        torch_cuda=torch_cuda,
        cupy=installed,
        cupy_cuda=_numbered(built),
        driver=_numbered(driver) if driver else None,
        nvrtc=nvrtc_version(),
        headers=header_folder(torch_cuda[0]) is not None,
    )
    if facts.driver is None or facts.driver[0] < torch_cuda[0]:
        return facts  # a device cannot be asked through it
    return replace(facts, capability=torch.cuda.get_device_capability(index))


def cupy_distributions() -> tuple[str, ...]:
    """The installed distributions of CuPy, of which there should be one."""
    names = {(each.metadata["Name"] or "").lower() for each in distributions()}
    return tuple(
        sorted(n for n in names if n == "cupy" or n.startswith(("cupy-cuda", "cupy-rocm")))
    )


def nvrtc_version() -> tuple[int, int] | None:
    """Version of the compiler that CuPy has found, or None."""
    try:
        from cupy.cuda import nvrtc

        major, minor = nvrtc.getVersion()
    except (ImportError, OSError, RuntimeError):
        return None
    return int(major), int(minor)


@cache
def header_folder(major: int) -> Path | None:
    """A folder with ``cuda_fp16.h`` of a CUDA version: of a wheel, else of a CUDA toolkit."""
    return next((each for each in _header_folders(major) if (each / HEADER).is_file()), None)


def _header_folders(major: int) -> Iterator[Path]:
    wheel = Path("nvidia", "cuda_runtime" if major < 13 else f"cu{major}", "include")
    yield from (root / wheel for root in package_folders())
    yield from (root / "include" for root in toolkit_folders())


def toolkit_folders() -> Sequence[Path]:
    """Where CUDA toolkits are installed, as the environment says and as is usual."""
    named = [os.environ[name] for name in ("CUDA_PATH", "CUDA_HOME") if os.environ.get(name)]
    return [*map(Path, named), Path(sys.prefix, "targets", "x86_64-linux"), Path("/usr/local/cuda")]


def package_folders() -> Sequence[Path]:
    """Where wheels are installed, torch's own folder first."""
    folders = [Path(torch.__file__).parents[1], *map(Path, site.getsitepackages())]
    return list(dict.fromkeys(folders))


def _major_of(name: str) -> int | None:
    """13 of cupy-cuda13x; None where the name does not say."""
    digits = name.removeprefix("cupy-cuda").removesuffix("x")
    return int(digits[:2]) if name.startswith("cupy-cuda") and digits[:2].isdigit() else None


def _wheel(what: str, major: int) -> str:
    suffix = "" if major >= 13 else f"-cu{major}"
    return f"pip install 'nvidia-cuda-{what}{suffix}=={major}.*'"


def _numbered(version: int) -> tuple[int, int]:
    return version // 1000, version % 1000 // 10


def _version(text: str) -> tuple[int, int]:
    major, _, rest = text.partition(".")
    return int(major), int(rest.partition(".")[0] or 0)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
