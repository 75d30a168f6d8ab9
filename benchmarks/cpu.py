"""Training and drawing on the CPU: ganzoo against the conventional arrangement, in one run.

``python -m benchmarks.cpu`` starts a process for each arrangement and size, lets them take turns
phase by phase, one at a time, so that whatever else the machine does meets all of them, and
compares medians. ``conventional, kept`` is the same frozen arrangement in a process that
keeps freed memory as ``ganzoo run`` does, so that what the arithmetic gains can be told from what
the allocator does. An iteration is the generator's and the discriminator's step, a quarter of path
length and a sixteenth of R1, with optimizers and average. Peak memory is that of the process,
less what it had after the imports. Writes ``benchmarks/results/cpu-<date>.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[1]
EVERY = {
    "generator": 1,
    "generator/path": 4,
    "discriminator": 1,
    "discriminator/r1": 16,
    "average": 1,
}
DRAWING = "drawing"
DRAWN = 5  # batches in a turn, by the averaged generator
KEPT = "conventional, kept"
ARRANGEMENTS = ("conventional", KEPT, "float32", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Config F at a resolution, with the published widths but for these."""

    resolution: int
    base: int
    maximum: int
    batch: int


SIZES = {
    "32": Size(resolution=32, base=4096, maximum=128, batch=16),
    "64": Size(resolution=64, base=16384, maximum=512, batch=8),
}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="32,64")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-file", action="store_true")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        arrangement, size = arguments.work
        work(arrangement, SIZES[size])
        return
    sizes = {name: compare(name, arguments.rounds) for name in arguments.sizes.split(",")}
    result = {
        "command": f"python -m benchmarks.cpu --rounds {arguments.rounds}",
        **machine(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "sizes": sizes,
    }
    print(json.dumps(result, indent=2))
    if not arguments.no_file:
        date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        out = ROOT / "benchmarks" / "results" / f"cpu-{date}.json"
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def compare(size: str, rounds: int) -> dict[str, Any]:
    """All arrangements of one size, taking turns."""
    workers = {name: Worker(name, size) for name in ARRANGEMENTS}
    names = (*EVERY, DRAWING)
    seconds: dict[str, dict[str, list[float]]] = {
        arrangement: {name: [] for name in names} for arrangement in ARRANGEMENTS
    }
    for round_ in tqdm(range(rounds + 2), desc=f"{size} x {size}"):
        for name in names:
            for arrangement, worker in workers.items():
                took = worker.next(name)
                if round_ >= 2:  # the first two allocate and choose algorithms
                    seconds[arrangement][name].append(took)
    memory = {name: worker.end() for name, worker in workers.items()}
    found: dict[str, Any] = {}
    for arrangement in ARRANGEMENTS:
        medians = {name: statistics.median(seconds[arrangement][name]) for name in names}
        iteration = sum(medians[name] / every for name, every in EVERY.items())
        found[arrangement] = {
            "milliseconds": {name: round(1000 * value, 1) for name, value in medians.items()},
            "iteration_milliseconds": round(1000 * iteration, 1),
            "peak_mebibytes": round(memory[arrangement] / 2**20, 1),
        }
    first = found["conventional"]
    for arrangement in ARRANGEMENTS[1:]:
        mine = found[arrangement]
        if arrangement != KEPT:
            mine["iteration_speedup_of_the_arithmetic"] = round(
                found[KEPT]["iteration_milliseconds"] / mine["iteration_milliseconds"], 2
            )
        mine["iteration_speedup"] = round(
            first["iteration_milliseconds"] / mine["iteration_milliseconds"], 2
        )
        mine["phase_speedups"] = {
            name: round(first["milliseconds"][name] / mine["milliseconds"][name], 2)
            for name in names
        }
        mine["peak_memory_share"] = round(mine["peak_mebibytes"] / first["peak_mebibytes"], 2)
    return found


class Worker:
    """The process of one arrangement, which waits for its turn."""

    def __init__(self, arrangement: str, size: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.cpu", "--work", arrangement, size],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def next(self, expected: str) -> float:
        """Let it run its next phase; seconds."""
        name, took = self._ask("go").split()
        if name != expected:
            raise SystemExit(f"a worker ran {name} where {expected} was due")
        return float(took)

    def end(self) -> int:
        """Its peak memory in bytes; it is over then."""
        peak = int(self._ask("end"))
        self._process.wait()
        return peak

    def _ask(self, word: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("a worker died; its own words are above")
        return answer


class Turns:
    """A worker's side: waits to be told, runs, says how long it took."""

    def __init__(self) -> None:
        self._imported = resident("VmRSS")

    def wait(self) -> None:
        """Return when it is this worker's turn, or end the process."""
        if sys.stdin.readline().strip() != "go":
            print(resident("VmHWM") - self._imported, flush=True)
            raise SystemExit

    def say(self, name: str, took: float) -> None:
        """Tell what was done."""
        print(name, took, flush=True)

    def run(self, name: str, do: Callable[[], object]) -> None:
        """Wait, do, say."""
        self.wait()
        start = time.perf_counter()
        do()
        self.say(name, time.perf_counter() - start)


def resident(line: str) -> int:
    """Bytes of this process, as the system counts them: VmRSS now, VmHWM at most."""
    for text in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if text.startswith(f"{line}:"):
            return int(text.split()[1]) * 1024
    raise SystemExit(f"this system does not say {line}")


def work(arrangement: str, size: Size) -> None:
    """Be one arrangement."""
    if arrangement.startswith("conventional"):
        conventional(size, kept=arrangement == KEPT)
    else:
        ours(size, arrangement)


def conventional(size: Size, *, kept: bool) -> None:
    """The frozen arrangement, in float32; ``kept``: in a process that keeps freed memory."""
    from benchmarks.conventional.networks import Discriminator, Generator
    from benchmarks.conventional.steps import Training
    from ganzoo.training.allocator import keep_freed_memory

    turns = Turns()
    if kept:
        keep_freed_memory()
    torch.manual_seed(0)
    generator = Generator(
        size.resolution,
        base=size.base,
        maximum=size.maximum,
        latent_width=512,
        width=512,
        depth=8,
    )
    discriminator = Discriminator(size.resolution, base=size.base, maximum=size.maximum)
    training = Training(generator, discriminator)
    real = torch.rand(size.batch, 3, size.resolution, size.resolution) * 2 - 1
    phases = training.phases()

    @torch.no_grad()
    def draw() -> None:
        average = training.average
        for _ in range(DRAWN):
            z = torch.randn(size.batch, average.latent_width)
            average.synthesize(average.styles(z), average.fixed_noise())

    while True:
        for name in EVERY:
            turns.run(name, lambda name=name: phases[name][0](real))
        turns.run(DRAWING, draw)


def ours(size: Size, dtype: str) -> None:
    """The recipe stylegan2-f by ganzoo's own loop, every phase visited in every step."""
    from dataclasses import replace

    from ganzoo.recipe.load import load_recipe
    from ganzoo.registry.contracts import SampleRequest
    from ganzoo.registry.discovery import discover
    from ganzoo.training.allocator import keep_freed_memory
    from ganzoo.training.loop import Start
    from ganzoo.training.prepared import prepare

    turns = Turns()
    keep_freed_memory()  # as `ganzoo run` does
    registry = discover()
    loaded = load_recipe(
        ROOT / "recipes" / "stylegan2-f.yaml",
        [
            "data.use=ganzoo/shapes",
            f"data.resolution={size.resolution}",
            f"training.batch={size.batch}",
            f"training.precision.dtype={dtype}",
            *(
                f"task.{network}.{key}={value}"
                for network in ("generator", "discriminator")
                for key, value in (("channels_base", size.base), ("channels_max", size.maximum))
            ),
        ],
        registry=registry,
    )
    ready = prepare(loaded.recipe, registry, device=torch.device("cpu"))
    task = ready.task
    stages = task.stages

    def every_phase() -> Any:
        for stage in stages():
            yield replace(stage, phases=tuple(replace(p, every=1) for p in stage.phases))

    task.stages = every_phase  # type: ignore[method-assign]

    class Watcher:
        """Waits for its turn before every phase."""

        def before_stage(self, loop: Any, stage: Any, images: int) -> None:
            self.begin()

        def begin(self) -> None:
            self.names = iter(EVERY)
            turns.wait()
            self.start = time.perf_counter()

        def after_phase(self, loop: Any, clock: Any) -> None:
            turns.say(next(self.names), time.perf_counter() - self.start)
            turns.wait()
            self.start = time.perf_counter()

        def after_step(self, loop: Any, clock: Any) -> bool:
            turns.say(next(self.names), time.perf_counter() - self.start)
            turns.run(DRAWING, lambda: self.draw(loop))
            self.begin()
            return False

        @torch.no_grad()
        def draw(self, loop: Any) -> None:
            for first in range(0, DRAWN * size.batch, size.batch):
                seeds = tuple(range(first, first + size.batch))
                task.sample(loop.sampled_networks(), SampleRequest(seeds=seeds, noise="fixed"))

        def at_end(self, loop: Any, clock: Any) -> None:
            pass

    ready.loop.run(Watcher(), Start())


if __name__ == "__main__":
    main()
