"""Every kernel compiled by NVRTC for every GPU generation that CUDA 13 serves.

``python -m benchmarks.nvrtc`` needs no GPU: it takes NVRTC and the headers of the test extra, and
says how long a module takes, how many registers its kernels, and whether any of them spills.
Writes ``benchmarks/results/nvrtc-<date>.json``; exits with 1 if a kernel does not compile.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from ganzoo.backends.cupy_kernels.cupy_engine import OPTIONS
from ganzoo.backends.cupy_kernels.nvrtc import Nvrtc, nvrtc_here, usage_by_kernel
from ganzoo.backends.cupy_kernels.table import ELEMENT_NAMES, all_kernels, module_source, sources
from ganzoo.errors import BackendError

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100")


def main() -> int:
    """Compile, print, write."""
    from tqdm import tqdm

    compiler = nvrtc_here()
    if compiler is None:
        print("No NVRTC here: pip install nvidia-cuda-nvrtc nvidia-cuda-runtime", file=sys.stderr)
        return 2
    modules: list[dict[str, Any]] = []
    tasks = [(a, s, d) for a in ARCHITECTURES for s in sources() for d in ELEMENT_NAMES]
    for architecture, source, dtype in tqdm(tasks, unit="module"):
        modules.append(compiled(compiler, architecture, source, dtype))
    failed = [each for each in modules if "error" in each]
    spilling = sorted({name for each in modules for name in each.get("spilled_bytes", {})})
    result = {
        "command": "python -m benchmarks.nvrtc",
        **machine(),
        "nvrtc": ".".join(map(str, compiler.version)),
        "headers": version("nvidia-cuda-runtime"),
        "options": list(OPTIONS),
        "kernels": len(all_kernels()),
        "seconds": {
            architecture: round(
                sum(each["seconds"] for each in modules if each["architecture"] == architecture), 1
            )
            for architecture in ARCHITECTURES
        },
        "failed": [f"{each['module']} for {each['architecture']}" for each in failed],
        "spilling": spilling,
    }
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    out = ROOT / "benchmarks" / "results" / f"nvrtc-{date}.json"
    summary = json.dumps(result, indent=2)
    lines = ",\n".join(f"    {json.dumps(each)}" for each in modules)
    text = f'{summary.removesuffix("}").rstrip()},\n  "modules": [\n{lines}\n  ]\n}}\n'
    out.write_text(text, encoding="utf-8")
    print(summary)
    for each in failed:
        print(f"{each['module']}: {each['error']}", file=sys.stderr)
    return 1 if failed else 0


def compiled(compiler: Nvrtc, architecture: str, source: str, dtype: Any) -> dict[str, Any]:
    """What came of one module: seconds, size, the most registers, and what spills."""
    facts: dict[str, Any] = {
        "module": f"{source} {str(dtype).removeprefix('torch.')}",
        "architecture": architecture,
    }
    options = (*OPTIONS, "--ptxas-options=-v")
    start = time.perf_counter()
    try:
        made = compiler.compile(
            module_source(source, dtype), architecture=architecture, options=options
        )
    except BackendError as error:
        return {**facts, "seconds": time.perf_counter() - start, "error": str(error)}
    facts["seconds"] = round(time.perf_counter() - start, 2)
    used = usage_by_kernel(made.log)
    facts["kernels"] = len(used)
    facts["bytes"] = len(made.cubin)
    facts["most_registers"] = max((each.registers for each in used.values()), default=0)
    facts["most_shared_bytes"] = max((each.shared for each in used.values()), default=0)
    spilled = {name: each.spilled for name, each in used.items() if each.spilled}
    return {**facts, "spilled_bytes": spilled} if spilled else facts


if __name__ == "__main__":
    sys.exit(main())
