"""Growing networks by the command line: resumed in the middle of a fade, sampled, refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

TOY = """\
ganzoo: 1
extends: ganzoo.recipes:stylegan2-d.yaml
about: A toy that grows from 4 x 4 to 16 x 16 in 160 images.
task:
  generator: {channels_base: 64, channels_max: 8, latent_width: 8, mapping: {width: 8, depth: 1}}
  discriminator: {channels_base: 64, channels_max: 8}
  growth: {start: 4, hold_images: 40, fade_images: 40, batch: {4: 8, 8: 8, 16: 8}}
  regularizers: {r1: {every: 3}, path: {every: 2}}
data: {use: ganzoo/shapes, resolution: 16}
training: {images: 176, batch: 8}
watch: {every_images: 56, checkpoints: {keep: 9}}
"""
IN_A_FADE = 56  # 4 x 4 for 40 images, then 8 x 8 has faded in for 16 of 40


@pytest.fixture
def growing(tmp_path):
    path = tmp_path / "growing.yaml"
    path.write_text(TOY, encoding="utf-8")
    return path


def state_of(run, images):
    return torch.load(run / "checkpoints" / f"{images:09d}.pt", weights_only=True)


def test_a_run_that_stops_in_a_fade_ends_as_the_uninterrupted_one(ganzoo, growing, tmp_path):
    first = ganzoo("run", "growing.yaml", "--device", "cpu")
    assert first.code == 0, first.err
    assert "Now: 8 x 8 fading in, in batches of 8 images." in first.err
    run = tmp_path / first.out.strip()
    stopped = shutil.copytree(run, tmp_path / "runs" / "stopped")
    for later in sorted((stopped / "checkpoints").glob("*.pt"))[1:]:
        later.unlink()
    again = ganzoo("run", "runs/stopped", "--device", "cpu")
    assert f"at {IN_A_FADE} images" in again.err
    assert again.code == 0, again.err
    ours, theirs = state_of(stopped, 176), state_of(run, 176)
    assert ours["chapter"] == theirs["chapter"] == ["16 x 16"]
    for room in ("networks", "averages", "optimizers"):
        assert str(ours[room]) == str(theirs[room])
    for room in ("networks", "averages"):
        for name, state in theirs[room].items():
            for key, tensor in state.items():
                assert torch.equal(ours[room][name][key], tensor), (room, name, key)


def test_samples_of_a_run_that_still_grows_have_the_full_size(in_process, growing, tmp_path):
    result = in_process("run", "growing.yaml", "--images", "24", "--device", "cpu")
    assert result.code == 0, result.err
    run = tmp_path / result.out.strip()
    assert in_process("sample", str(run), "--seeds", "0-1").code == 0
    pixels = np.asarray(Image.open(run / "samples" / "seed0000.png"))
    assert pixels.shape[:2] == (16, 16)
    blocks = pixels.reshape(4, 4, 4, 4, -1)  # 4 x 4 networks: every 4 x 4 pixels are one
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_a_growth_longer_than_the_budget_is_refused_before_the_first_step(in_process, growing):
    result = in_process("run", "growing.yaml", "training.images=100", "--device", "cpu")
    assert result.code == 2
    assert "task.growth: the networks still grow when the budget of 100 images is spent" in (
        result.one_message
    )
    assert "Raise training.images to 160 or more, shorten the growth, or lower" in result.err


def test_stopping_early_is_no_shorter_budget(in_process, growing):
    result = in_process("run", "growing.yaml", "--images", "8", "--device", "cpu")
    assert result.code == 0, result.err
