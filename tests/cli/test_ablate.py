"""``ganzoo ablate`` in real processes: killed, failing, gone on with, and reported."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from ganzoo.ablation.words import figure
from ganzoo.assembly.load import load

METRIC = "ganzoo/frechet:frechet_distance"
GRID = """\
ganzoo: 1
extends: toy.yaml
about: A toy grid.
data: {use: ganzoo/digits, resolution: 8}
training: {batch: 8, images: 16}
watch: {every_images: 16}
grid: {task.discriminator.head.group: [3, 4, 8]}
"""
WORDS = ("--device", "cpu", "--samples", "40")
PATIENCE = 120  # seconds for a process to come as far as it should; machines stall


@pytest.fixture
def blocks(toy: Path) -> Path:
    path = toy.with_name("blocks.yaml")
    path.write_text(GRID, encoding="utf-8")
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "report.csv").read_text("utf-8").splitlines()))


def record(folder: Path) -> dict[str, dict]:
    with contextlib.suppress(OSError):
        return json.loads((folder / "ablation.json").read_text("utf-8"))["runs"]
    return {}


def test_a_failing_point_is_isolated_and_the_report_is_true(ganzoo, in_process, blocks, tmp_path):
    out = tmp_path / "ablations" / "blocks"
    words = ("ablate", "blocks.yaml", "--points", "0-1", *WORDS)
    result = ganzoo(*words, "--jobs", "2")
    assert result.code == 6, result.err
    assert "Traceback" not in result.err
    assert result.out.strip() == "ablations/blocks/report.html"
    assert "FAILED (exit 2): " in result.err
    assert "1 of 2 runs are not finished and evaluated" in result.err.splitlines()[-1]

    failed, row = rows(out)
    assert (failed["status"], failed[METRIC], row["status"]) == ("failed", "", "finished")
    text = (out / "report.md").read_text("utf-8")
    assert "group" in text.split("not finished")[-1]
    value = float(row[METRIC])
    assert figure(value) in text

    # the numbers of the report are those of the run
    run = load(out / row["run"])
    for name in ("generator", "discriminator"):
        counted = sum(p.numel() for p in run.networks[name].parameters())
        assert int(row[f"{name}_parameters"]) == counted
        assert int(row[f"{name}_multiply_adds"]) > counted
    assert int(row["peak_memory"]) > 50 * 2**20
    assert float(row["steps_per_second"]) > 0
    assert (out / "runs" / "1-0" / "strip.png").is_file()

    # evaluated anew, it is the same; and what failed is not tried again unasked
    (out / "runs" / "1-0" / "evaluation.json").unlink()
    again = in_process(*words)
    assert again.code == 6
    assert "failed before (exit 2); --retry tries again" in again.err
    assert float(rows(out)[1][METRIC]) == pytest.approx(value, rel=1e-4)
    assert {run["attempts"] for run in record(out).values()} == {1}


def checkpoints(out: Path, key: str) -> list[int]:
    return sorted(int(path.stem) for path in out.glob(f"runs/{key}/*/checkpoints/*.pt"))


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_runner_and_run_go_on_where_they_were(ganzoo, python, blocks, tmp_path):
    out = tmp_path / "out"
    words = [
        *("ablate", "blocks.yaml", "training.images=480", "--points", "1-2", "--seeds", "5"),
        *("--jobs", "2", "--out", "out", *WORDS),
    ]
    runner = python("-m", "ganzoo", *words)
    wait_for(lambda: checkpoints(out, "1-5") and checkpoints(out, "2-5"), runner)
    os.kill(record(out)["2-5"]["pid"], signal.SIGKILL)
    wait_for(lambda: record(out)["2-5"]["status"] == "stopped", runner)
    runner.kill()
    runner.communicate()
    child = record(out)["1-5"]
    assert child["status"] == "running"

    result = ganzoo(*words)
    assert result.code == 0, result.err
    assert [row["status"] for row in rows(out)] == ["finished", "finished"]
    for key in ("1-5", "2-5"):
        (run,) = (path.parent for path in out.glob(f"runs/{key}/*/recipe.yaml"))
        assert checkpoints(out, key)[-1] == 480
        assert load(run).recipe.training.seed == 5
        log = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
        images = [row["images"] for row in log]
        assert images == sorted(set(images))
        assert all(row["images"] == 8 * row["step"] for row in log)
        assert "Resuming" in (run.parent / "log.txt").read_text("utf-8")
        assert record(out)[key]["attempts"] == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--points", "0-7"], "blocks has no point 3; it has the points 0-2"),
        (["--metric", "frechett"], "Did you mean"),
        (["--extractor", "ganzoo/seeded"], "seeded-convolutions"),
        (["--jobs", "0"], "'0' is no number of jobs"),
        (["--report-only"], "holds no ablation yet"),
        (["--seeds", "one"], "'one' is no number and no range"),
        (["training.bach=4"], "Did you mean"),
        (["--device", "cpu,toaster"], "--device 'toaster' is no device"),
    ],
    ids=["point", "metric", "extractor", "jobs", "report", "seeds", "override", "device"],
)
def test_a_bad_option_is_one_message_before_anything_is_trained(
    in_process, blocks, words, expected
):
    result = in_process("ablate", "blocks.yaml", *words)
    assert result.code == 2
    assert expected in result.err
    assert "Traceback" not in result.err
    assert not result.out
    assert not (blocks.parent / "ablations").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "nowhere"], "nowhere does not exist: give a folder of pictures or a .zip"),
        (["--out", "toy.yaml"], "toy.yaml: cannot be written"),
        (["--out", "letters"], "letters: this folder holds something else"),
    ],
    ids=["data", "file", "stranger"],
)
def test_a_place_that_cannot_be_is_one_message_and_nothing_is_left_there(
    in_process, blocks, words, expected
):
    (blocks.parent / "letters").mkdir()
    (blocks.parent / "letters" / "one.txt").write_text("dear")
    before = sorted(blocks.parent.rglob("*"))
    result = in_process("ablate", "blocks.yaml", "--points", "1", *words, "--device", "cpu")
    assert result.code == 5
    assert expected in result.one_message
    assert sorted(blocks.parent.rglob("*")) == before


def pictures(folder: Path, classes: str, brightness: int) -> Path:
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            picture = Image.new("L", (8, 8), brightness + 20 * place + number)
            picture.save(folder / name / f"{number}.png")
    return folder


def test_a_run_is_evaluated_anew_against_other_pictures_and_never_against_other_classes(
    in_process, blocks, tmp_path
):
    first = pictures(tmp_path / "first", "ab", 20)
    words = ("ablate", "blocks.yaml", "--points", "1", "--out", "out", *WORDS)
    result = in_process(*words, "--data", first)
    assert result.code == 0, result.err
    (row,) = rows(tmp_path / "out")

    same = in_process(*words, "--data", first, "--report-only")
    assert "Evaluating" not in same.err
    assert rows(tmp_path / "out") == [row]

    other = in_process(*words, "--data", pictures(tmp_path / "other", "ab", 200), "--report-only")
    assert "Evaluating" in other.err
    assert float(rows(tmp_path / "out")[0][METRIC]) != float(row[METRIC])

    wrong = in_process(*words, "--data", pictures(tmp_path / "wrong", "abc", 20), "--report-only")
    assert wrong.code == 6
    assert "Traceback" not in wrong.err
    assert rows(tmp_path / "out")[0]["status"] == "not evaluated"
    text = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "sees 2 classes, the data has 3; give the --data it was trained on" in text
