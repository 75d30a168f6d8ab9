"""Where a run begins: a changed recipe on resume, and new runs from stored weights."""

from __future__ import annotations

import shutil

import pytest
import torch


@pytest.fixture
def stored(trained, tmp_path):
    return shutil.copytree(trained.run, tmp_path / "runs" / trained.run.name)


def test_resuming_with_a_changed_recipe_says_what_changed_and_loses_nothing(
    in_process, toy, stored
):
    before = sorted(path.name for path in (stored / "checkpoints").iterdir())
    words = ["run", "toy.yaml", "task.regularizers.r1.weight=7", "task.style_mixing=0.5"]
    result = in_process(*words, "--resume", f"runs/{stored.name}", "--device", "cpu")
    assert result.code == 5
    message = result.one_message
    assert "of another recipe" in message
    assert "task.regularizers.r1.weight: 0.05 became 7.0" in message
    assert "task.style_mixing: 0.0 became 0.5" in message
    assert f"Start anew from its weights with: --init-from runs/{stored.name}" in message
    assert sorted(path.name for path in (stored / "checkpoints").iterdir()) == before


def test_a_new_run_starts_from_the_weights_of_another(in_process, toy, stored, tmp_path):
    words = ["run", "toy.yaml", "task.regularizers.r1.weight=7", "training.optimizer.lr=1e-30"]
    result = in_process(*words, "--init-from", f"runs/{stored.name}", "--device", "cpu")
    assert result.code == 0, result.err
    assert "Starting from the weights of" in result.err
    assert "trained on 24 images" in result.err
    run = tmp_path / result.out.strip()
    assert run != stored
    old, new = (
        torch.load(folder / "checkpoints" / "000000024.pt", weights_only=True)
        for folder in (stored, run)
    )
    assert new["clock"]["images"] == 24
    for room in ("networks", "averages"):
        weight = "stem.conv.conv.weight"
        torch.testing.assert_close(
            new[room]["generator"][weight], old[room]["generator"][weight], atol=1e-5, rtol=0
        )


def test_weights_that_do_not_fit_are_refused_by_name(in_process, toy, stored):
    words = ["run", "toy.yaml", "task.generator.channels_max=12", "--device", "cpu"]
    result = in_process(*words, "--init-from", f"runs/{stored.name}")
    assert result.code == 5
    assert "the weights of the generator do not fit" in result.err
    assert "task.generator.channels_max: 16 became 12" in result.err
    assert "stem.const is [16, 4, 4], not [12, 4, 4]" in result.err
    assert "Traceback" not in result.err
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]  # no empty run


def test_starting_and_resuming_at_once_is_refused(in_process, toy, stored):
    name = f"runs/{stored.name}"
    result = in_process("run", "toy.yaml", "--resume", name, "--init-from", name)
    assert result.code == 2
    assert "--init-from starts a new run, and --resume goes on with one" in result.one_message


def test_a_place_without_weights_is_refused(in_process, toy, tmp_path):
    (tmp_path / "empty").mkdir()
    result = in_process("run", "toy.yaml", "--init-from", "empty", "--device", "cpu")
    assert result.code == 5
    assert "no folder of weights" in result.err


def test_a_checkpoint_outside_of_its_run_is_no_run_to_go_on_with(in_process, toy, stored, tmp_path):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    copy = shutil.copy(stored / "checkpoints" / "000000024.pt", tmp_path / "elsewhere" / "deep")
    result = in_process("run", "toy.yaml", "--resume", copy, "--images", "32", "--device", "cpu")
    assert result.code == 5
    assert "lies outside of its run" in result.one_message
    assert f"--init-from {copy}" in result.err
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["deep"]


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("task.generator.mapping.width=0", "task.generator.mapping.width: width is 0"),
        ("task.generator.mapping.hidden=-3", "task.generator.mapping.hidden: hidden is -3"),
        ("task.generator.mapping.lr_scale=0", "lr_scale is 0.0; expected more than 0"),
        ("task.discriminator.head.mapping.width=0", "head.mapping.width: width is 0"),
        ("task.discriminator.head.hidden=0", "task.discriminator.head.hidden: hidden is 0"),
        ("task.generator.latent_width=0", "task.generator.latent_width: latent_width is 0"),
        ("task.generator.w_mean_beta=2", "task.generator.w_mean_beta: w_mean_beta is 2"),
        ("task.generator.clamp=-1", "task.generator.clamp: clamp is -1"),
        ("task.generator.blur=[]", "task.generator.blur: blur is []"),
        ("task.generator.resample=[]", "task.generator.resample: resample is []"),
        ("task.base=[0, 0]", "task.base: expected sides of at least 1"),
    ],
)
def test_a_size_that_cannot_be_is_refused_by_its_key(in_process, toy, tmp_path, override, text):
    result = in_process("run", "toy.yaml", override, "--device", "cpu")
    assert result.code == 2
    assert text in result.one_message
    assert not (tmp_path / "runs").exists()
