from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.errors import DataError, UsageError


@pytest.fixture
def sample(trained, tmp_path, in_process):
    def typed(*words: str) -> tuple[int, str, str]:
        result = in_process("sample", trained.run, *words, "--out", tmp_path)
        return result.code, result.out, result.err

    return typed


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_samples_go_into_the_run_folder_with_a_grid(ganzoo, trained):
    shutil.copytree(trained.run, ganzoo.folder / "run")
    result = ganzoo("sample", "run", "--seeds", "0-2,7")
    assert result.code == 0, result.err
    assert "Wrote 4 images and grid.png to run/samples" in result.out
    assert "No --class given: seed s shows class s mod 3 (circle, square, triangle)" in result.err
    expected = ["grid.png", *(f"seed{seed:04d}.png" for seed in (0, 1, 2, 7))]
    assert names(ganzoo.folder / "run" / "samples") == expected
    assert pixels(ganzoo.folder / "run" / "samples" / "seed0007.png").shape == (16, 16, 3)


def test_a_seed_shows_the_same_picture_in_any_company(sample, tmp_path):
    sample("--seeds", "0-3", "--class", "circle")
    before = pixels(tmp_path / "seed0003-class-circle.png")
    sample("--seeds", "3", "--class", "circle")
    assert np.abs(pixels(tmp_path / "seed0003-class-circle.png").astype(int) - before).max() <= 1


def test_several_classes_make_a_row_each(sample, tmp_path):
    code, out, err = sample("--seeds", "0-1", "--class", "circle,1,triangle")
    assert code == 0
    assert "Wrote 6 images" in out
    assert "No --class" not in err
    assert len(names(tmp_path)) == 7
    height, width, _ = pixels(tmp_path / "grid-class-circle-square-triangle.png").shape
    assert height > width


def test_truncation_to_zero_shows_the_mean_for_every_seed(sample, tmp_path):
    sample("--seeds", "1,2", "--class", "0", "--psi", "0")
    first, second = (pixels(tmp_path / f"seed000{seed}-class-circle-psi0.png") for seed in (1, 2))
    assert np.array_equal(first, second)


def test_a_cutoff_of_zero_truncates_nothing(sample, tmp_path):
    sample("--seeds", "1", "--class", "0", "--psi", "0", "--cutoff", "0")
    cut = pixels(tmp_path / "seed0001-class-circle-psi0-cutoff0.png")
    sample("--seeds", "1", "--class", "0")
    assert np.array_equal(cut, pixels(tmp_path / "seed0001-class-circle.png"))


def test_other_settings_do_not_write_over_the_pictures_of_the_same_seed(sample, tmp_path):
    sample("--seeds", "1", "--class", "0")
    sample("--seeds", "1", "--class", "0", "--psi", "0.5", "--noise", "none")
    sample("--seeds", "1", "--class", "1")
    assert names(tmp_path) == [
        "grid-class-circle-psi0.5-noise-none.png",
        "grid-class-circle.png",
        "grid-class-square.png",
        "seed0001-class-circle-psi0.5-noise-none.png",
        "seed0001-class-circle.png",
        "seed0001-class-square.png",
    ]


@pytest.mark.parametrize("noise", ["fixed", "fresh", "none"])
def test_every_kind_of_noise_works(sample, noise):
    assert sample("--seeds", "0", "--noise", noise)[0] == 0


def test_mixing_writes_every_pair_and_a_grid_with_its_sources(sample, tmp_path):
    code, out, _ = sample("--mix", "0-1", "x", "5,6,7", "--styles", "0-1")
    assert code == 0
    assert "Wrote 6 mixed images and mix.png (columns donate the styles 0-1)" in out
    pairs = [f"mix-{row}-{column}.png" for row in (0, 1) for column in (5, 6, 7)]
    assert names(tmp_path) == sorted([*pairs, "mix.png"])
    tile = 64 + 2
    assert pixels(tmp_path / "mix.png").shape == (3 * tile + 2, 4 * tile + 2, 3)


def test_donating_every_style_gives_the_column(sample, tmp_path):
    sample("--mix", "0", "x", "5", "--styles", "0-5", "--class", "2")
    mixed = pixels(tmp_path / "mix-0-5.png")
    sample("--seeds", "5", "--class", "2")
    assert np.abs(mixed.astype(int) - pixels(tmp_path / "seed0005-class-triangle.png")).max() <= 1


@pytest.mark.parametrize("path", ["linear", "slerp"])
def test_an_interpolation_is_a_gif_that_starts_at_the_first_seed(sample, tmp_path, path):
    words = ["--seeds", "2-4", "--class", "0", "--interpolate", "--frames", "4", "--path", path]
    code, out, _ = sample(*words, "--fps", "10")
    assert code == 0
    assert "interpolation.gif (12 frames)" in out
    sample("--seeds", "2-4", "--class", "0")
    with Image.open(tmp_path / "interpolation.gif") as gif:
        assert gif.info["duration"] % 10 == 0
        first = np.asarray(gif.convert("RGB"))[::8, ::8].astype(int)  # enlarged eightfold
    errors = [
        np.abs(first - pixels(tmp_path / f"seed000{seed}-class-circle.png")).mean()
        for seed in (2, 3, 4)
    ]
    assert errors[0] < 8  # of 255: the palette has 256 colours for twelve frames
    assert errors[0] < min(errors[1:]) / 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--seeds", "5-3"], "runs backwards"),
        (["--class", "eleven"], "there is no class 'eleven'"),
        (["--psi", "nan"], "--psi"),
        (["--mix", "0", "and", "1"], "--mix 0-3 x 4-7"),
        (["--mix", "0", "x", "1", "--styles", "0-99"], "this generator has the styles 0-"),
        (["--mix", "0", "x", "1", "--seeds", "1"], "leave --seeds out"),
        (["--mix", "0", "x", "1", "--class", "1,2"], "a single --class"),
        (["--interpolate", "--seeds", "1", "--class", "1"], "two seeds"),
        (["--interpolate", "--frames", "0"], "--frames 0"),
        (["--interpolate", "--fps", "0.001"], "a frame of a GIF stands for 655 seconds at most"),
        (["--interpolate", "--fps", "1e-320"], "Expected 0.0016 or more"),
        (["--interpolate", "--fps", "0"], "--fps 0.0 is no speed; 25 is usual"),
        (["--styles", "0-3"], "give --mix too"),
        (["--path", "slerp"], "--path says how --interpolate moves; give --interpolate too"),
        (["--frames", "3"], "--frames says how --interpolate moves; give --interpolate too"),
        (["--fps", "25"], "--fps says how --interpolate moves; give --interpolate too"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_nonsense_is_one_message(sample, words, expected):
    code, out, err = sample(*words)
    assert code == UsageError.exit_code
    assert expected in err
    assert "Traceback" not in err
    assert out == ""


def test_a_folder_that_is_no_run_is_refused(tmp_path, in_process):
    result = in_process("sample", tmp_path)
    assert result.code == DataError.exit_code
    assert "not a run folder" in result.one_message


@pytest.mark.parametrize("command", ["sample", "export", "import"])
def test_a_name_that_no_disk_takes_is_told(in_process, command):
    words = {"sample": (), "export": ("--out", "w"), "import": ("--out", "w", "--licence", "none")}
    result = in_process(command, "a" * 5000, *words[command])
    assert result.code == DataError.exit_code
    assert "cannot be looked at: File name too long" in result.one_message


def test_a_run_that_is_not_there_gets_the_newest_one_named(tmp_path, in_process):
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "recipe.yaml").touch()
    result = in_process("sample", "runs/two")
    assert result.code == DataError.exit_code
    assert "there is no such run folder" in result.one_message
    assert str(Path("runs", "one")) in result.err
