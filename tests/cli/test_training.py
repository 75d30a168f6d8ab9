from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data.sampler import IndexStream

DIGITS_LINE = "on the embedded digits (1,618 handwritten digits that ship with scikit-learn)."


def pictures(folder: Path, count: int = 4, size: int = 16) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    for index in range(count):
        pixels = random.randint(0, 256, (size, size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def test_a_run_prints_its_folder_and_nothing_else_on_stdout(trained):
    assert trained.result.out.count("\n") == 1
    assert trained.run.is_dir()
    assert (trained.run / "recipe.yaml").is_file()


def test_a_run_says_what_it_will_do_and_how_long_it_takes(trained):
    assert "generator: " in trained.result.err
    assert "parameters" in trained.result.err
    assert "Device: cpu" in trained.result.err
    assert "Forecast: " in trained.result.err


def test_a_run_leaves_log_grids_and_a_checkpoint(trained):
    rows = (trained.run / "stats.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["images"] == 24
    assert [path.name for path in sorted((trained.run / "grids").glob("fakes-*.png"))]
    assert (trained.run / "checkpoints" / "000000024.pt").is_file()


def test_without_data_the_embedded_digits_are_used_in_one_loud_line(ganzoo, toy):
    text = toy.read_text(encoding="utf-8")
    toy.write_text(text.replace("use: ganzoo/shapes", "mirror: true, use: null"), encoding="utf-8")
    result = ganzoo("run", "toy.yaml", "--images", "8", "--device", "cpu", "--out", "here")
    assert result.code == 0, result.err
    assert f"No --data given: training toy {DIGITS_LINE}" in result.err
    run = ganzoo.folder / result.out.strip()
    assert run.parent == ganzoo.folder / "here"
    text = (run / "recipe.yaml").read_text()
    assert "ganzoo/digits" in text
    assert "mirror: false" in text


def test_given_pictures_take_the_place_of_embedded_ones(in_process, toy, tmp_path):
    folder = pictures(tmp_path / "pictures")
    result = in_process("run", "toy.yaml", "--images", "8", "--device", "cpu", "--data", folder)
    assert result.code == 0, result.err
    assert "ganzoo/image-folder, 4 images of 16 x 16 x 3" in result.err


def test_the_environment_fills_an_empty_slot_and_changes_no_other(
    in_process, toy, tmp_path, monkeypatch
):
    monkeypatch.setenv("GANZOO_DATA", str(pictures(tmp_path / "pictures")))
    words = ["run", "toy.yaml", "--images", "8", "--device", "cpu"]
    assert "Data: ganzoo/shapes" in in_process(*words).err
    text = toy.read_text(encoding="utf-8")
    toy.write_text(text.replace("use: ganzoo/shapes", "use: null"), encoding="utf-8")
    result = in_process(*words)
    assert result.code == 0, result.err
    assert "ganzoo/image-folder, 4 images of 16 x 16 x 3" in result.err
    assert "embedded digits" not in result.err


def test_a_run_goes_on_where_it_stopped(in_process, trained, tmp_path):
    shutil.copytree(trained.run, tmp_path / "runs" / trained.run.name)
    result = in_process("run", f"runs/{trained.run.name}", "--images", "32", "--device", "cpu")
    assert result.code == 0, result.err
    assert "at 24 images" in result.err
    run = tmp_path / result.out.strip()
    assert (run / "checkpoints" / "000000032.pt").is_file()


def test_a_resumed_run_ends_as_the_uninterrupted_one_bit_for_bit(ganzoo, trained, tmp_path):
    # in a process like the first one's: another number of threads sums in another order
    run = tmp_path / "runs" / trained.run.name
    shutil.copytree(trained.run, run)
    (run / "checkpoints" / "000000024.pt").unlink()
    result = ganzoo("run", f"runs/{trained.run.name}", "--device", "cpu")
    assert "at 16 images" in result.err
    assert result.code == 0, result.err
    ours, theirs = (
        torch.load(folder / "checkpoints" / "000000024.pt", weights_only=True)
        for folder in (run, trained.run)
    )
    for room in ("networks", "averages"):
        for name, state in theirs[room].items():
            for key, tensor in state.items():
                assert torch.equal(ours[room][name][key], tensor), (room, name, key)


def test_resuming_the_newest_finds_the_last_run_of_the_recipe(in_process, toy, trained, tmp_path):
    shutil.copytree(trained.run, tmp_path / "runs" / trained.run.name)
    failed = shutil.copytree(trained.run, tmp_path / "runs" / f"9{trained.run.name}")
    shutil.rmtree(failed / "checkpoints")  # newer, but it ended before its first one
    words = ["run", "toy.yaml", "--images", "32", "--device", "cpu", "--resume", "newest"]
    result = in_process(*words)
    assert result.code == 0, result.err
    assert trained.run.name in result.out


def test_resume_without_any_run_says_so(in_process, toy):
    result = in_process("run", "toy.yaml", "--resume", "newest")
    assert result.code == 2
    assert "holds no run of 'toy'" in result.one_message


def test_a_checkpoint_of_another_recipe_is_refused(in_process, toy, trained):
    words = ["run", "toy.yaml", "training.batch=4", "--device", "cpu", "--resume"]
    result = in_process(*words, trained.run)
    assert result.code == 5
    assert "another recipe" in result.one_message


def test_a_half_written_checkpoint_is_one_message(in_process, trained, tmp_path):
    whole = trained.run / "checkpoints" / "000000024.pt"
    half = tmp_path / "half.pt"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = in_process("sample", "half.pt")
    assert result.code == 5
    assert "half.pt" in result.one_message


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: None, "does not exist"),
        (lambda folder: folder.mkdir(), "holds no pictures"),
        (lambda folder: (pictures(folder) / "bad.png").write_bytes(b"no picture"), "bad.png"),
    ],
    ids=["missing", "empty", "broken"],
)
def test_unusable_data_is_one_message_and_no_run(in_process, toy, tmp_path, make, expected):
    make(tmp_path / "pictures")
    result = in_process("run", "toy.yaml", "--data", "pictures", "--device", "cpu")
    assert result.code == 5
    assert expected in result.err
    assert "Traceback" not in result.err
    assert not list((tmp_path / "runs").glob("*"))


def test_a_resolution_that_does_not_fit_the_base_grid_is_refused(in_process, toy):
    result = in_process("run", "toy.yaml", "data.resolution=20", "--device", "cpu")
    assert result.code == 2
    assert "20" in result.one_message
    assert "resolution" in result.err


def test_a_loss_that_is_not_finite_is_named(ganzoo, toy):
    result = ganzoo(
        "run", "toy.yaml", "training.optimizer.lr=1.0e+30", "--images", "80", "--device", "cpu"
    )
    assert result.code == 6
    assert "Traceback" not in result.err
    last = result.err.splitlines()[-1]
    assert "of phase '" in last
    assert "at step" in last
    assert "Checkpoints written so far are kept" in last
    assert not result.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--device", "tpu9"], "--device 'tpu9'"),
        (["--images", "none"], "'none' is no number of images"),
        (["--images", "0"], "'0' is no number of images"),
        (["--max-minutes", "-1"], "'-1' is no number of minutes"),
    ],
    ids=["device", "images", "no images", "minutes"],
)
def test_a_bad_option_is_one_message(in_process, toy, words, expected):
    result = in_process("run", "toy.yaml", *words)
    assert result.code == 2
    assert expected in result.one_message


def test_run_without_a_recipe_says_how(ganzoo):
    result = ganzoo("run")
    assert result.code == 2
    assert "ganzoo run quickstart" in result.one_message


def test_a_picture_that_breaks_off_loses_nothing(in_process, toy, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    random = np.random.RandomState(0)
    for index in range(300):
        pixels = random.randint(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{index:03d}.png")
    in_the_grid_of_reals = set(np.random.RandomState(0).permutation(300)[:100])
    third_batch = IndexStream(300, seed=0).take(16, 8)
    broken = pictures / f"{next(i for i in third_batch if i not in in_the_grid_of_reals):03d}.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])  # its header can still be read
    words = ["--data", "pictures", "--device", "cpu"]
    result = in_process("run", "toy.yaml", "watch.every_images=1000", *words)
    assert result.code == 5
    assert broken.name in result.err
    assert "Traceback" not in result.err
    (run,) = (tmp_path / "runs").iterdir()
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000016.pt"]
    assert f"Go on with: ganzoo run runs/{run.name} --data pictures" in result.err

    broken.write_bytes(whole)
    again = in_process("run", f"runs/{run.name}", *words)
    assert again.code == 0, again.err
    assert "The pictures have changed" in again.err
    assert (run / "checkpoints" / "000000024.pt").is_file()


def test_options_of_the_data_that_data_chooses_are_understood(in_process, toy, tmp_path):
    (tmp_path / "none").mkdir()
    result = in_process("run", "toy.yaml", "--data", "none", "data.broken=skip", "--device", "cpu")
    assert result.code == 5
    assert "none" in result.one_message


def test_a_batch_that_the_head_cannot_group_is_one_message(in_process, toy):
    words = ["task.discriminator.head.group=3", "--device", "cpu", "--out", "odd"]
    result = in_process("run", "toy.yaml", *words)
    assert result.code == 2
    assert "training.batch" in result.err.splitlines()[-1]
    assert "mistake in ganzoo" not in result.err


PICKY = '''\
"""The logistic loss, until the third step."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ganzoo.errors import BadValue

__all__ = ["PickyLoss"]


class PickyLoss:
    """Refuses to go on."""

    compares_pairs = False

    def __init__(self, site: None = None) -> None:
        self.asked = 0

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """[N] -> [N]."""
        self.asked += 1
        if self.asked > 2:
            raise BadValue("this is as far as it goes")
        return F.softplus(-fake)

    def discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        """[N], [N] -> [N]."""
        return F.softplus(fake) + F.softplus(-real)
'''


def test_a_component_that_refuses_in_the_middle_loses_no_step(in_process, toy, tmp_path):
    package = tmp_path / "picky"
    (package / "loss").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from ganzoo import components_in, hookimpl\n\n\n"
        "@hookimpl\ndef ganzoo_components():\n    return components_in(__package__)\n"
    )
    (package / "loss" / "picky.py").write_text(PICKY)
    words = ["-p", "mine=./picky", "run", "toy.yaml", "task.loss=mine/picky", "--device", "cpu"]
    result = in_process(*words)
    assert result.code == 2
    assert "this is as far as it goes" in result.err
    assert "Saved. Go on with: ganzoo run" in result.err
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "checkpoints" / "000000016.pt").is_file()
