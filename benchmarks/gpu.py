"""Everything a GPU has to show, in one command: tests, kernels, training steps, memory, start-up.

``python -m benchmarks.gpu`` runs the tests of ``tests/gpu`` and all benchmarks inside eight
minutes, what no longer fits is skipped and named, and writes ``gpu-<date>.json`` and
``gpu-<date>.md`` under ``benchmarks/results/``, or where ``--out`` says. ``--adopt`` also writes
the operations and types whose kernels gain over torch into ``gains.json``, after which ``auto``
takes them. Without a CUDA device it says so and ends with 2.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.deadline import Deadline, Outcome
from benchmarks.gpu_report import markdown
from benchmarks.kernel_gains import gains_of
from benchmarks.machine import machine
from benchmarks.pictures import write_pictures
from ganzoo.backends.cupy_kernels.gains import FILE, Gains, write_gains

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MINUTES = 8.0
SIZES = ("8,128,256,256", "8,256,256,256", "8,512,16,16")  # the last: no kernel may lose there
COMPILED_SIZE = SIZES[0]
LAYOUTS = "channels_last,contiguous"  # a kernel that is adopted is taken for both
TESTS = {  # files, and the most seconds for them
    "parity and launch": (("test_gpu_parity.py", "test_gpu_launch.py"), 150),
    "processes": (("test_gpu_processes.py",), 120),
}
WORKERS = "0,2,4,8"
PICTURES_TAKE = 20  # seconds, those of all resolutions
CUTS = (None, 16, 8, 4)  # of a batch of 32, until it fits the memory
STEPS = {
    "config F 1024 bfloat16": ("stylegan2-f", 1024, ("training.precision.dtype=bfloat16",)),
    "config E 256 bfloat16": ("stylegan2-e", 256, ("training.precision.dtype=bfloat16",)),
    "config E 256 float32": ("stylegan2-e", 256, ()),
}
NO_DEVICE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run all that fits the time, and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the two files")
    parser.add_argument("--adopt", action="store_true", help="write gains.json of what gains")
    args = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print(
            "benchmarks.gpu measures CUDA devices, and torch finds none here; `ganzoo doctor` says"
            " why. Nothing was measured.",
            file=sys.stderr,
        )
        return NO_DEVICE
    words = [f"--out {args.out}"] if args.out != RESULTS else []
    command = " ".join(["python -m benchmarks.gpu", *words, *(["--adopt"] if args.adopt else [])])
    found = {"command": command, **machine(), **_device()}
    with tempfile.TemporaryDirectory() as folder:
        shown = {sys.executable: "python", folder: "TEMPORARY", str(ROOT): "."}
        deadline = Deadline(seconds=60 * MINUTES, folder=ROOT, shown=shown)
        found |= measure(deadline, Path(folder))
    gains = gains_of(found["operations"].get("comparisons", []))
    found["gains"] = gains
    if args.adopt:
        found["adopted"] = _adopt(found, gains)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    args.out.mkdir(parents=True, exist_ok=True)
    for ending, text in (("json", json.dumps(found, indent=2) + "\n"), ("md", markdown(found))):
        path = args.out / f"gpu-{date}.{ending}"
        path.write_text(text, encoding="utf-8")
        print(path)
    return 0


def measure(deadline: Deadline, folder: Path) -> dict[str, Any]:
    """The sections of the report.

    Args:
        folder: for pictures and compiled kernels, empty.
    """
    python = [sys.executable, "-m"]
    bench = [*python, "ganzoo", "bench"]
    found: dict[str, Any] = {}
    cold = {"CUPY_CACHE_DIR": str(folder / "kernels")}
    first = [*python, "benchmarks.first_call"]
    found["first_call"] = {
        name: _told(deadline.run(first, needs=20, most=90, env=cold))
        for name in ("first process", "later process")
    }
    found["tests"] = {"parity and launch": _tests(deadline, "parity and launch")}
    sizes = [word for size in SIZES for word in ("--size", size)]
    ops = [*bench, "ops", *sizes, "--dtype", "float32,bfloat16", "--layout", LAYOUTS]
    ops += ["--device", "cuda", "--no-compile", "--seconds", "0.25", "--json"]
    found["operations"] = _told(deadline.run(ops, needs=45, most=150))
    found["steps"], found["data"] = {}, {}
    for name, (recipe, resolution, overrides) in STEPS.items():
        pictures = folder / str(resolution)
        if deadline.left > PICTURES_TAKE:
            write_pictures(pictures, resolution)
        words = [*bench, "step", recipe, *overrides, "--data", str(pictures)]
        words += ["--workers", "8", "--device", "cuda", "--json"]
        found["steps"][name] = _step(deadline, words)
    for resolution in dict.fromkeys(resolution for _, resolution, _ in STEPS.values()):
        words = [*bench, "data", "--data", str(folder / str(resolution)), "--workers", WORKERS]
        words += ["--seconds", "2", "--json"]
        found["data"][f"{resolution} x {resolution}"] = _told(
            deadline.run(words, needs=20, most=40)
        )
    found["tests"]["processes"] = _tests(deadline, "processes")
    ops = [*bench, "ops", "--size", COMPILED_SIZE, "--dtype", "bfloat16", "--device", "cuda"]
    ops += ["--compile", "--seconds", "0.3", "--json"]
    found["compiled"] = _told(deadline.run(ops, needs=60))
    return found


def _step(deadline: Deadline, words: list[str]) -> dict[str, Any]:
    """One recipe, its batch cut until it fits the memory."""
    for cut in CUTS:
        more = [] if cut is None else [f"training.micro_batch={cut}"]
        outcome = deadline.run([*words, *more], needs=40, most=150)
        too_big = outcome.state == "failed" and "memory" in outcome.text
        if not too_big:
            break
    return {**_told(outcome), "micro_batch": cut}


def _told(outcome: Outcome) -> dict[str, Any]:
    """What a command found, or how it went instead."""
    result = outcome.json()
    about = {"ran": outcome.command, "state": outcome.state, "took_seconds": outcome.seconds}
    return {**about, **result} if isinstance(result, dict) else {**about, "said": outcome.text}


def _tests(deadline: Deadline, name: str) -> dict[str, Any]:
    """Some of the tests; their names are told as they come, for the case that one never ends."""
    files, most = TESTS[name]
    words = [sys.executable, "-m", "pytest", "-m", "gpu", *(f"tests/gpu/{file}" for file in files)]
    words += ["-v", "-p", "no:cacheprovider"]
    outcome = deadline.run(words, needs=20, most=most)
    lines = outcome.text.strip().splitlines() or [""]
    return {
        "ran": outcome.command,
        "state": outcome.state,
        "took_seconds": outcome.seconds,
        "summary": lines[-1],
        **({} if outcome.state == "done" else {"said": outcome.text}),
    }


def _device() -> dict[str, Any]:
    card = torch.cuda.get_device_properties(0)
    return {
        "device": card.name,
        "capability": f"{card.major}.{card.minor}",
        "memory_bytes": card.total_memory,
        "driver": _driver(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "torch": torch.__version__,
        "cupy": _cupy(),
    }


def _driver() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(query, check=False, capture_output=True, text=True)
    return done.stdout.strip().partition("\n")[0] or None


def _cupy() -> str | None:
    for name in ("cupy-cuda13x", "cupy-cuda12x", "cupy"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return None


def _adopt(found: dict[str, Any], gains: dict[str, dict[str, float]]) -> str:
    """Write the file of gains, unless nothing was measured that it could say."""
    comparisons = found["operations"].get("comparisons", [])
    if not any("cupy" in each["implementations"] for each in comparisons):
        return "nothing, for no kernel was measured"
    names = ("device", "driver", "torch", "cupy")
    on = ", ".join(f"{name} {found[name]}" if name != "device" else found[name] for name in names)
    write_gains(FILE, Gains(measured_on=on, gains=gains))
    return ", ".join(f"{op} {', '.join(types)}" for op, types in gains.items()) or "none gains"


if __name__ == "__main__":
    sys.exit(main())
