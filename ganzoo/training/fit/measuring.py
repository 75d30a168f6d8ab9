"""``python -m ganzoo.training.fit.measuring FOLDER``: the process that measures one share size.

It is a process of its own, so that its peak is that of nothing else, and so that it may run out of
memory or time. FOLDER holds ``request.json``; the answers are appended to ``answers.jsonl``, a line
each, as soon as they are known. Its standard input is a pipe: when that closes, it ends.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganzoo.assembly.weights import recipe_from_text
from ganzoo.errors import BadValue, GanzooError
from ganzoo.recipe.identity import recipe_hash
from ganzoo.registry.contracts import Pace, Stage
from ganzoo.registry.discovery import discover
from ganzoo.training.allocator import keep_freed_memory
from ganzoo.training.clock import Clock
from ganzoo.training.fit.measurement import Facts, Request
from ganzoo.training.fit.shares import divisors, share_sizes
from ganzoo.training.grids import Grids
from ganzoo.training.loop import Loop, Start
from ganzoo.training.memory import free_memory, is_out_of_memory, peak_memory, resident
from ganzoo.training.prepared import Prepared, prepare
from ganzoo.training.waiting import synchronize
from ganzoo.training.world import World

REQUEST = "request.json"
ANSWERS = "answers.jsonl"
PROBES = 1000  # places of the budget at which the size of the batch is looked at
LEAST_ROUNDS = 2  # the first one warms up
MOST_ROUNDS = 4

Tell = Callable[..., None]


def main(folder: Path) -> int:
    """Measure what the folder asks for, and return an exit code."""
    threading.Thread(target=_end_with_parent, name="ganzoo-measuring", daemon=True).start()
    request = Request(**json.loads((folder / REQUEST).read_text(encoding="utf-8")))
    with (folder / ANSWERS).open("a", encoding="utf-8") as answers:

        def tell(**answer: Any) -> None:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()

        try:
            measure(request, tell)
        except GanzooError as error:
            tell(event="refused", kind=type(error).__name__, text=str(error))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            tell(event="out of memory")
    return 0


def measure(request: Request, tell: Tell) -> None:
    """Build the recipe, run every phase a few times at full size, draw a part of a grid.

    Every answer goes to ``tell`` as soon as it is known.

    Raises:
        GanzooError: the recipe cannot be trained on this data or device.
        torch.OutOfMemoryError: memory ran out.
    """
    device = torch.device(request.device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.zeros((), device=device)  # makes the context, which is no affair of tensors
    free = free_memory(device)
    registry = discover()
    recipe = recipe_from_text(request.recipe, registry)
    data = None if request.data is None else Path(request.data)
    keep_freed_memory()
    bare = (resident() or peak_memory(device)) if device.type == "cpu" else 0
    tell(event="doing", what="building the networks")
    ready = prepare(recipe, registry, device=device, data=data, workers=request.workers)
    try:
        loop = _OneShare(ready, device, request.share)
        stage = next(iter(ready.task.stages()))
        at = ready.recipe.training.images
        facts = _facts(ready, loop, stage, device, free)
        started = (resident() or peak_memory(device)) if device.type == "cpu" else 0
        tell(event="facts", facts=asdict(facts), bare=bare, started=started)
        _steps(loop, at, request.seconds, tell)
        tell(event="peak", bytes=peak_memory(device))
        tell(event="doing", what="drawing a grid")
        _draw(ready, loop, at, request.share)
        tell(event="end", peak=peak_memory(device), checkpoint_bytes=_checkpoint_bytes(loop))
    finally:
        ready.close()


class _OneShare(Loop):
    """A loop whose every step is one share."""

    def __init__(self, ready: Prepared, device: torch.device, share: int) -> None:
        super().__init__(
            ready.task,
            replace(ready.recipe.training, micro_batch=None),
            ready.batches,
            device=device,
            world=World(),
            conditional=ready.conditional,
            budget=2 * ready.recipe.training.images + share,
        )
        self._share = share

    def pace(self, stage: Stage, images: int) -> Pace:
        """The pace of the recipe with the share for its batch."""
        return replace(super().pace(stage, images), batch=self._share)

    def whole(self, stage: Stage, images: int) -> Pace:
        """The pace of the recipe."""
        return super().pace(stage, images)


class _Stopwatch:
    """Times every phase of one step, then ends it."""

    def __init__(self, device: torch.device, tell: Tell) -> None:
        self._device = device
        self._tell = tell
        self._left: Iterator[str] = iter(())
        self._last = 0.0

    def before_stage(self, loop: Loop, stage: Stage, images: int) -> None:
        names = [phase.name for phase in stage.phases]
        self._left = iter([*names[1:], "the average"])
        self._tell(event="doing", what=f"phase {names[0]}")
        self._names = iter(names)
        self._lap()

    def after_phase(self, loop: Loop, clock: Clock) -> None:
        seconds = self._lap()
        self._tell(
            event="phase",
            name=next(self._names),
            seconds=seconds,
            peak=peak_memory(self._device),
        )
        self._tell(event="doing", what=f"phase {next(self._left)}")

    def after_step(self, loop: Loop, clock: Clock) -> bool:
        self._tell(event="step", rest=self._lap())
        return True

    def at_end(self, loop: Loop, clock: Clock) -> None:
        assert loop.optimizers is not None, "a step was made"
        loop.optimizers.thaw()  # the next round makes its own optimizers of what can train

    def _lap(self) -> float:
        synchronize(self._device)
        before, self._last = self._last, time.perf_counter()
        return self._last - before


def _steps(loop: Loop, at: int, seconds: float, tell: Tell) -> None:
    """Steps 0 of a stage, in which every phase is visited, lazy ones too."""
    stopwatch = _Stopwatch(loop.device, tell)
    began = time.monotonic()
    for round_number in range(MOST_ROUNDS):
        spent = time.monotonic() - began
        if round_number >= LEAST_ROUNDS and spent + spent / round_number > seconds:
            break
        loop.run(stopwatch, Start(images=at))


def _draw(ready: Prepared, loop: Loop, at: int, share: int) -> None:
    """A part of a grid, as many images as a run of this share generates in one go."""
    with tempfile.TemporaryDirectory() as folder:
        grids = Grids(
            Path(folder),
            ready.task,
            ready.dataset,
            conditional=ready.conditional,
            at_once=share,
        )
        grids.rows, grids.columns = 1, min(share, grids.rows * grids.columns)
        grids.fakes(loop.sampled_networks(), at)


def _facts(
    ready: Prepared, loop: _OneShare, stage: Stage, device: torch.device, free: int | None
) -> Facts:
    training = ready.recipe.training
    last = training.images
    paces = [loop.whole(stage, last * place // PROBES) for place in range(PROBES + 1)]
    batch = paces[-1].batch or training.batch
    height, width = ready.dataset.resolution
    grids = Grids(Path(), ready.task, ready.dataset, conditional=ready.conditional)
    pixels = ready.dataset.channels * height * width
    return Facts(
        recipe_hash=recipe_hash(ready.recipe),
        resolution=(height, width),
        channels=ready.dataset.channels,
        free=free,
        batch=batch,
        batches=tuple(sorted({pace.batch or training.batch for pace in paces})),
        grows=paces[0].chapter != paces[-1].chapter,
        phases=tuple((phase.name, phase.every) for phase in stage.phases),
        groups=tuple(sorted(set(_groups(ready.task.networks)))),
        accepted=tuple(d for d in divisors(batch) if _accepted(ready.task.networks, batch, d)),
        weights=_weights(ready, stage),
        # float32 on the device; where that is the CPU, the pixels of this batch and the next too
        held=pixels * (4 if device.type == "cuda" else 6),
        grid_bytes=grids.rows * grids.columns * pixels,
    )


def _groups(networks: Mapping[str, nn.Module]) -> Iterator[int]:
    """How many samples each part compares; one that does not say compares the whole batch."""
    for module in chain(*(network.modules() for network in networks.values())):
        if getattr(module, "mixes_batch", False) and getattr(module, "statistics", 1):
            group = getattr(module, "group", 0)
            yield group if isinstance(group, int) else 0


def _accepted(networks: Mapping[str, nn.Module], batch: int, share: int) -> bool:
    for network in networks.values():
        check = getattr(network, "check_batch", None)
        if check is None:
            continue
        try:
            for size in share_sizes(batch, share):
                check(size)
        except BadValue:
            return False
    return True


def _weights(ready: Prepared, stage: Stage) -> int:
    """Bytes of networks, averages, and the gradients and two moments of what trains."""
    total = 0
    trained = {name for phase in stage.phases for name in phase.trains}
    for name, network in ready.task.networks.items():
        own = sum(t.numel() * t.element_size() for t in network.state_dict().values())
        total += own * (2 if name in ready.task.averages else 1)
        if name in trained:
            total += 3 * sum(p.numel() * p.element_size() for p in network.parameters())
    return total


class _Count:
    """A file that keeps nothing but its length."""

    def __init__(self) -> None:
        self.length = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.length += size
        return size

    def flush(self) -> None:
        """Nothing waits."""


def _checkpoint_bytes(loop: Loop) -> int:
    """The size of what a checkpoint keeps of networks, averages and optimizers."""
    assert loop.optimizers is not None, "steps were made"
    count = _Count()
    content = {
        "networks": {name: n.state_dict() for name, n in loop.task.networks.items()},
        "averages": {name: a.network.state_dict() for name, a in loop.averages.items()},
        "state": loop.task.state.state_dict(),
        "optimizers": loop.optimizers.state_dict(),
    }
    torch.save(content, count)  # type: ignore[arg-type]
    return count.length


def _end_with_parent() -> None:
    try:
        while os.read(sys.stdin.fileno(), 1024):
            pass
    except (OSError, ValueError):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
