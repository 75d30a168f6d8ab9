"""The runner with small processes in the place of trainings."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ganzoo.ablation.folder import home_of, locked
from ganzoo.ablation.plan import Member, plan_of
from ganzoo.ablation.record import open_record
from ganzoo.ablation.runner import Runner, RunnerOptions
from ganzoo.errors import DataError
from ganzoo.recipe.grid import load_grid
from ganzoo.registry.catalogue import Registry

GRID = """\
ganzoo: 1
extends: ganzoo.recipes:quickstart.yaml
about: Three batches.
training: {images: 640}
grid: {training.batch: [4, 8, 16]}
"""
# A training: it saves, as one does, and ends as its last word says.
TRAINING = """\
import os, pathlib, sys, time
home, what, device = sys.argv[1:]
run = pathlib.Path(home) / "run"
(run / "checkpoints").mkdir(parents=True, exist_ok=True)
(run / "recipe.yaml").write_text("")
with (run / "times.txt").open("a") as file:
    file.write(f"{device} {os.environ['OMP_NUM_THREADS']} {time.time()} ")
    if what == "waits":
        (run / "began").write_text("")
        sys.stdin.read()
        (run / "checkpoints" / "000000320.pt").write_text("")
        sys.exit(130)
    if what == "fails":
        print("it burst")
        sys.exit(6)
    block = bytearray(30 * 2**20)
    time.sleep(0.3 if what == "slow" else 0)
    (run / "checkpoints" / "000000640.pt").write_text("")
    file.write(f"{time.time()}\\n")
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX processes")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    registry = Registry()
    registry.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    (tmp_path / "batches.yaml").write_text(GRID, encoding="utf-8")
    grid = load_grid(tmp_path / "batches.yaml", registry=registry)
    return Desk(tmp_path / "out", plan_of(grid, points=None, seeds=None, images=None))


class Desk:
    def __init__(self, folder, plan):
        self.folder, self.plan = folder, plan
        self.what = {}
        self.resumed, self.told = [], []

    def command(self, member, resume, home, device):
        self.resumed.append((member.point, resume is not None))
        return [sys.executable, "-c", TRAINING, str(home), self.what.get(member.point, ""), device]

    def run(self, *, report=None, jobs=3, **options):
        self.record = open_record(self.folder, self.plan)
        chosen = RunnerOptions(
            jobs=jobs, report=report or self.told.append, progress=False, **options
        )
        Runner(self.folder, self.plan, self.record, self.command, chosen).run()

    def of(self, point):
        return self.record.of(Member(point, 0))

    def times(self, point):
        text = (home_of(self.folder, Member(point, 0)) / "run" / "times.txt").read_text()
        device, threads, began, ended = text.split()
        return device, int(threads), float(began), float(ended)


def test_every_run_is_done_and_its_memory_and_time_are_noted(desk):
    desk.run()
    for point in range(3):
        assert desk.of(point).status == "finished"
        assert desk.of(point).images == 640
        assert 0 < desk.of(point).seconds < 30
        assert desk.of(point).peak_memory > 30 * 2**20
        assert desk.of(point).pid is None


def test_no_more_run_at_a_time_than_there_are_jobs(desk):
    desk.what = dict.fromkeys(range(3), "slow")
    desk.run(jobs=2)
    spans = [desk.times(point)[2:] for point in range(3)]
    assert min(spans[0][1], spans[1][1]) > max(spans[0][0], spans[1][0])
    assert spans[2][0] > min(spans[0][1], spans[1][1])


def test_jobs_share_the_cores_and_take_devices_in_turn(desk):
    desk.run(jobs=3, devices=("cuda:0", "cuda:1"))
    found = [desk.times(point)[:2] for point in range(3)]
    threads = max(1, (os.cpu_count() or 1) // 3)
    assert found == [("cuda:0", threads), ("cuda:1", threads), ("cuda:0", threads)]


def test_a_number_of_threads_that_the_user_chose_stays(desk, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    desk.run(jobs=3)
    assert desk.times(0)[1] == 5


def test_one_that_fails_leaves_the_others_alone_and_its_words_behind(desk):
    desk.what[1] = "fails"
    desk.run()
    assert [desk.of(point).status for point in range(3)] == ["finished", "failed", "finished"]
    assert (desk.of(1).exit_code, desk.of(1).reason) == (6, "it burst")
    assert any("seed 0: FAILED (exit 6): it burst" in line for line in desk.told)


def test_what_is_finished_is_not_begun_again(desk):
    desk.run()
    desk.resumed.clear()
    desk.run()
    assert desk.resumed == []


def test_what_failed_is_tried_again_only_when_asked(desk):
    desk.what[1] = "fails"
    desk.run()
    desk.what.clear()
    desk.resumed.clear()
    desk.run()
    assert desk.resumed == []
    assert desk.of(1).status == "failed"
    desk.run(retry=True)
    assert desk.resumed == [(1, False)]
    assert desk.of(1).status == "finished"


def test_a_larger_budget_goes_on_with_what_was_finished(desk):
    desk.run()
    registry = Registry()
    registry.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    grid = load_grid(desk.folder.parent / "batches.yaml", registry=registry)
    desk.plan = plan_of(grid, points=(0,), seeds=None, images=1280)
    desk.resumed.clear()
    desk.run()
    assert desk.resumed == [(0, True)]


def test_a_smaller_budget_leaves_the_images_of_what_was_finished(desk):
    desk.run()
    smaller = tuple(replace(point, images=320) for point in desk.plan.points)
    desk.plan = replace(desk.plan, points=smaller)
    desk.resumed.clear()
    desk.run()
    assert desk.resumed == []
    assert [desk.of(point).images for point in range(3)] == [640] * 3


def test_stopping_lets_every_run_save_and_the_next_goes_on_there(desk):
    desk.what = {0: "waits", 1: "waits"}

    def interrupting(line):
        desk.told.append(line)
        if "point 1" in line and "started" in line:
            homes = [home_of(desk.folder, Member(point, 0)) for point in (0, 1)]
            until = time.monotonic() + 60
            while not all((home / "run" / "began").exists() for home in homes):
                assert time.monotonic() < until
                time.sleep(0.02)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.run(jobs=2, report=interrupting)
    assert [desk.of(point).status for point in range(3)] == ["stopped", "stopped", "waiting"]
    desk.what.clear()
    desk.resumed.clear()
    desk.run()
    assert desk.resumed == [(0, True), (1, True), (2, False)]
    assert [desk.of(point).status for point in range(3)] == ["finished"] * 3


def test_a_run_that_its_starter_left_behind_counts_as_what_it_saved(desk):
    record = open_record(desk.folder, desk.plan)
    record.change(Member(0, 0), status="running", attempts=1, pid=1)
    run = home_of(desk.folder, Member(0, 0)) / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "recipe.yaml").write_text("")
    (run / "checkpoints" / "000000640.pt").write_text("")
    desk.run()
    assert [point for point, _ in desk.resumed] == [1, 2]
    assert desk.of(0).status == "finished"


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path, inside):
    (tmp_path / "notes").write_text("mine")
    place = tmp_path / "notes" / inside
    with (
        pytest.raises(DataError, match=r"cannot be written: .*\. Choose another place with --out"),
        locked(place, print),
    ):
        pass
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_folder_stays_locked_until_the_last_heir_has_ended(tmp_path):
    with locked(tmp_path, print) as lock:
        heir = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
            pass_fds=(lock,),
        )
    told = []

    def release(line):
        told.append(line)
        heir.communicate()

    with locked(tmp_path, release):
        assert heir.poll() == 0
    assert len(told) == 1
    assert "at work or saving; waiting" in told[0]
