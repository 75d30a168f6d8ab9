"""``ganzoo import`` and ``ganzoo export``: foreign weights in, weights of a run out."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from command_line import environment
from fixtures.foreign_files import golden, write_ada

import ganzoo as library

BOUNDED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from ganzoo.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    g, d = golden("net_G_skip_resnet_cond"), golden("net_D_skip_resnet_cond")
    path = tmp_path_factory.mktemp("foreign") / "network snapshot.pkl"
    return write_ada(path, G=g["sd"], D=d["sd"], G_ema=g["sd"])


@pytest.fixture(scope="module")
def folder(file):
    from ganzoo.cli.main import main

    out = file.with_name("imported")
    assert main(["import", str(file), "--out", str(out), "--licence", "CC BY-NC 4.0"]) == 0
    return out


def test_a_foreign_file_becomes_a_folder_that_sample_takes(ganzoo, file):
    result = ganzoo("import", file, "--out", "w", "--licence", "CC BY-NC 4.0")
    assert result.code == 0, result.err
    assert "Wrote w: StyleGAN2 pickle of StyleGAN2-ADA or StyleGAN3 (PyTorch)" in result.out
    assert "images of 16 x 16 x 3, 3 classes" in result.out
    shown = ganzoo("sample", "w", "--seeds", "0-2", "--class", "1")
    assert shown.code == 0, shown.err
    assert "Wrote 3 images and grid-class-1.png to w/samples." in shown.out
    assert "imported under this licence: CC BY-NC 4.0" in shown.err
    assert len(list((ganzoo.folder / "w" / "samples").iterdir())) == 4


def test_the_recipe_of_a_folder_is_resolved_and_named_after_the_file(in_process, folder):
    result = in_process("show", folder)
    assert result.code == 0, result.err
    text = (folder / "recipe.yaml").read_text(encoding="utf-8")
    assert text.startswith("ganzoo: 1\nname: network-snapshot\nabout: Imported from")
    assert result.out.startswith(text.rstrip())


def test_style_mixing_works_on_imported_weights(in_process, folder, tmp_path):
    words = ("--mix", "0", "x", "1-2", "--class", "0", "--out", tmp_path)
    result = in_process("sample", folder, *words)
    assert result.code == 0, result.err
    assert (tmp_path / "mix.png").exists()


def test_classes_without_names_are_said(in_process, folder, tmp_path):
    result = in_process("sample", folder, "--seeds", "0", "--out", tmp_path)
    assert "class s mod 3 (their names are not known)" in result.err


def test_without_a_licence_and_without_a_terminal_nothing_is_imported(ganzoo, file):
    result = ganzoo("import", file, "--out", "w")
    assert result.code == 2
    assert "foreign weights keep their licence, and nobody is here to be asked" in (
        result.one_message
    )
    assert not list(ganzoo.folder.iterdir())


def test_at_a_terminal_the_licence_is_asked_for(file, tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ganzoo", "import", str(file), "--out", "w"],
        cwd=tmp_path,
        env=environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        os.write(ours, b"  mine,  all mine \n")
        _, told = process.communicate(timeout=300)
    os.close(ours)
    assert process.returncode == 0, told
    assert "Licence of this file (a name, an address, or 'unknown'):" in told
    origin = json.loads((tmp_path / "w" / "origin.json").read_text(encoding="utf-8"))
    assert origin["licence"] == "mine, all mine"


def test_an_empty_licence_is_none(in_process, file):
    result = in_process("import", file, "--out", "w", "--licence", "  ")
    assert result.code == 2
    assert "the licence is empty" in result.one_message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "there is no such file"),
        (b"<html>404</html>", "a.pkl: the file is a web page, as a refused download leaves it"),
    ],
)
def test_a_wrong_file_is_told_and_leaves_nothing(in_process, tmp_path, content, text):
    if content is not None:
        (tmp_path / "a.pkl").write_bytes(content)
    result = in_process("import", "a.pkl", "--out", "w", "--licence", "none")
    assert result.code == 5
    assert text in result.one_message
    assert not (tmp_path / "w").exists()


def test_nothing_is_overwritten(in_process, file, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "mine.txt").write_text("mine")
    result = in_process("import", file, "--out", "w", "--licence", "none")
    assert result.code == 5
    assert "w: there is something here already, and nothing is overwritten" in result.one_message
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["mine.txt"]


def test_a_disk_without_room_is_told_and_left_clean(python, file, tmp_path):
    words = ("import", str(file), "--out", "w", "--licence", "none")
    with python("-c", BOUNDED, *words) as process:
        _, told = process.communicate(timeout=300)
    assert process.returncode == 5, told
    assert "w: cannot be written" in told
    assert "nothing was left there" in told
    assert not [path for path in tmp_path.iterdir() if "w" in path.name]


def test_training_starts_from_imported_weights(ganzoo, folder):
    words = ("data.use=ganzoo/shapes", "training.images=8", "training.batch=8")
    result = ganzoo("run", folder / "recipe.yaml", *words, "--init-from", folder, "--device", "cpu")
    assert result.code == 0, result.err
    assert f"Starting from the weights of {folder}." in result.err


def test_imported_weights_are_no_run_that_goes_on(in_process, folder):
    result = in_process("run", folder)
    assert result.code == 5
    assert f"Start one from them with: ganzoo run {folder}/recipe.yaml --init-from" in result.err


def test_a_run_exported_as_a_folder_gives_the_same_images(in_process, trained, tmp_path):
    result = in_process("export", trained.run, "--out", "w", "--licence", "Apache-2.0")
    assert result.code == 0, result.err
    run, copy = library.load(trained.run), library.load(tmp_path / "w")
    request = {"seeds": [0, 1], "label": [0, 2]}
    assert torch.equal(run.sample(**request), copy.sample(**request))
    assert copy.images == run.images == 24
    assert copy.class_names == run.class_names
    assert copy.licence == "Apache-2.0"


def test_what_a_layout_cannot_hold_is_refused(in_process, trained, tmp_path):
    result = in_process("export", trained.run, "--format", "rosinality", "--out", "w.pt")
    assert result.code == 5
    assert "This one sees 3 classes" in result.one_message
    assert not (tmp_path / "w.pt").exists()


def test_a_run_that_is_not_there_cannot_be_exported(in_process):
    result = in_process("export", "nowhere", "--out", "w")
    assert result.code == 5
    assert "nowhere: there is no such run folder" in result.one_message


def test_a_damaged_folder_says_which_file(in_process, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "w")
    damaged = tmp_path / "w" / "averages" / "generator.safetensors"
    damaged.write_bytes(b"nonsense")
    result = in_process("sample", "w")
    assert result.code == 5
    assert f"{Path('w') / 'averages' / 'generator.safetensors'}: the weights cannot be read" in (
        result.one_message
    )
