"""Runs the members of an ablation as processes, a few at a time, until none is left to do."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ganzoo.ablation.child import Child, Ending
from ganzoo.ablation.folder import (
    LOG,
    USAGE,
    home_of,
    last_words,
    run_of,
    saved_images,
    shown_images,
)
from ganzoo.ablation.plan import Member, Plan
from ganzoo.ablation.record import Record
from ganzoo.ablation.words import duration

POLL = 0.1  # seconds between looks at the processes
PROGRESS = 1.0  # seconds between looks at their logs
INTERRUPTED = 130  # the exit code of a command that was asked to stop
LAST_WAIT = 600.0  # seconds that runs have to save when everything is to stop

Command = Callable[[Member, Path | None, Path, str], list[str]]
"""Member, run folder to resume or None, its home, device: the words of a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """How this machine is to run an ablation.

    Args:
        jobs: processes at a time.
        devices: handed out in turn.
        retry: whether runs that failed are tried again.
        lock: descriptor of the folder's lock, which processes inherit.
        report: is told of every change.
        progress: whether to show a bar.
    """

    jobs: int = 1
    devices: tuple[str, ...] = ("auto",)
    retry: bool = False
    lock: int | None = None
    report: Callable[[str], None] = field(default=lambda line: None)
    progress: bool = True


@dataclass(slots=True, kw_only=True)
class _Running:
    member: Member
    child: Child
    slot: int


class Runner:
    """Works through a plan.

    A run counts as finished when its process says so, or when its newest checkpoint has its
    budget. One that failed stays failed, the others go on; one that was killed or stopped is
    taken up again by the next ``ganzoo ablate``.
    """

    def __init__(
        self, folder: Path, plan: Plan, record: Record, command: Command, options: RunnerOptions
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._record = record
        self._command = command
        self._options = options
        self._running: list[_Running] = []
        self._shown: dict[Member, int] = {}
        self._looked = 0.0
        self._bar: tqdm[Any] | None = None

    def run(self) -> None:
        """Start, watch and note until every run has ended.

        Raises:
            KeyboardInterrupt: somebody asked for the end; every run was stopped and has saved.
        """
        waiting = self._to_do()
        for member in self._plan.members():
            self._shown[member] = self._images(member)
        with self._progress():
            try:
                while waiting or self._running:
                    while waiting and len(self._running) < self._options.jobs:
                        self._start(waiting.pop(0))
                    time.sleep(POLL)
                    self._look()
            except KeyboardInterrupt:
                self._stop()
                raise
            finally:
                for running in self._running:
                    running.child.kill()

    def _to_do(self) -> list[Member]:
        todo = []
        for member in self._plan.members():
            before = self._record.of(member)
            budget = self._plan.point(member.point).images
            run = run_of(self._folder, member)
            saved = 0 if run is None else saved_images(run)
            done = before.status == "finished" and before.images >= budget and run is not None
            if done or saved >= budget:
                most = max(before.images, saved)
                self._record.change(member, status="finished", images=most, reason="")
            elif before.status == "failed" and not self._options.retry:
                self._say(member, f"failed before (exit {before.exit_code}); --retry tries again")
            else:
                todo.append(member)
        finished = len(list(self._plan.members())) - len(todo)
        if finished and todo:
            self._options.report(f"{finished} runs are settled already, {len(todo)} to do.")
        return todo

    def _start(self, member: Member) -> None:
        taken = {running.slot for running in self._running}
        slot = next(number for number in range(self._options.jobs) if number not in taken)
        device = self._options.devices[slot % len(self._options.devices)]
        home = home_of(self._folder, member)
        resume = run_of(self._folder, member)
        (home / USAGE).unlink(missing_ok=True)
        child = Child(
            self._command(member, resume, home, device),
            log=home / LOG,
            environment=self._environment(),
            lock=self._options.lock,
        )
        attempts = self._record.of(member).attempts + 1
        self._record.change(member, status="running", attempts=attempts, pid=child.pid, reason="")
        self._running.append(_Running(member=member, child=child, slot=slot))
        self._say(
            member,
            "started" if resume is None else f"goes on at {saved_images(resume):,} images",
        )

    def _environment(self) -> dict[str, str]:
        threads = max(1, (os.cpu_count() or 1) // self._options.jobs)
        return {"OMP_NUM_THREADS": str(threads), **os.environ}

    def _look(self) -> None:
        for running in list(self._running):
            member = running.member
            ending = running.child.ended()
            if ending is not None:
                self._running.remove(running)
                self._note(member, ending)
                self._shown[member] = self._images(member)
        if time.monotonic() - self._looked > PROGRESS:
            self._looked = time.monotonic()
            for running in self._running:
                self._shown[running.member] = self._images(running.member)
        self._show()

    def _note(self, member: Member, ending: Ending) -> None:
        before = self._record.of(member)
        home = home_of(self._folder, member)
        budget = self._plan.point(member.point).images
        measured: dict[str, Any] = {
            "pid": None,
            "exit_code": ending.exit_code,
            "seconds": before.seconds + ending.seconds,
            "peak_memory": _most(before.peak_memory, ending.peak_memory),
            "peak_device_memory": _most(before.peak_device_memory, _device_memory(home)),
        }
        if ending.exit_code == 0:
            self._record.change(member, status="finished", images=budget, **measured)
            self._say(member, f"finished in {duration(ending.seconds)}")
        elif ending.exit_code == INTERRUPTED or ending.exit_code < 0:
            words = last_words(home)
            self._record.change(member, status="stopped", reason=words, **measured)
            how = f" by signal {-ending.exit_code}" if ending.exit_code < 0 else ""
            self._say(member, f"was stopped{how}; the next `ganzoo ablate` goes on with it")
        else:
            words = last_words(home)
            self._record.change(member, status="failed", reason=words, **measured)
            last = words.splitlines()[-1] if words else "it said nothing"
            self._say(member, f"FAILED (exit {ending.exit_code}): {last}\n  See {home / LOG}")

    def _stop(self) -> None:
        self._options.report(f"Stopping {len(self._running)} runs; they save first ...")
        for running in self._running:
            running.child.stop()
        until = time.monotonic() + LAST_WAIT
        while self._running and time.monotonic() < until:
            time.sleep(POLL)
            self._look()

    def _images(self, member: Member) -> int:
        budget = self._plan.point(member.point).images
        if self._record.of(member).status == "finished":
            return budget
        return min(budget, shown_images(home_of(self._folder, member)))

    @contextlib.contextmanager
    def _progress(self) -> Iterator[None]:
        with tqdm(
            total=self._plan.images(),
            initial=sum(self._shown.values()),
            unit="img",
            unit_scale=True,
            smoothing=0.05,
            dynamic_ncols=True,
            disable=not self._options.progress,
        ) as self._bar:
            yield

    def _show(self) -> None:
        if self._bar is None:
            return
        states = [self._record.of(member).status for member in self._plan.members()]
        done, failed = states.count("finished"), states.count("failed")
        self._bar.set_postfix_str(
            f"{done} of {len(states)} done, {len(self._running)} running"
            + (f", {failed} FAILED" if failed else ""),
            refresh=False,
        )
        more = sum(self._shown.values()) - self._bar.n
        if more:
            self._bar.update(more)

    def _say(self, member: Member, text: str) -> None:
        label = self._plan.point(member.point).label
        self._options.report(f"point {member.point} ({label}), seed {member.seed}: {text}")


def _most(*amounts: int | None) -> int | None:
    return max((amount for amount in amounts if amount is not None), default=None)


def _device_memory(home: Path) -> int | None:
    try:
        found = json.loads((home / USAGE).read_text(encoding="utf-8"))["peak_device_memory"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return int(found) if isinstance(found, int) else None
