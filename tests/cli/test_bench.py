from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--size", "2,4,8,8", "--seconds", "0.001", "--device", "cpu")


def pictures(folder: Path, size: int) -> Path:
    folder.mkdir()
    random = np.random.RandomState(0)
    for index in range(3):
        pixels = random.randint(0, 256, (size, size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def test_operations_are_compared_in_a_table_with_the_fastest_marked(in_process):
    result = in_process("bench", "ops", "modulate", "bias_act", *QUICK)
    assert result.code == 0, result.err
    assert "2 x 4 x 8 x 8, float32, channels_last" in result.out
    rows = [line.split() for line in result.out.splitlines() if "torch" in line or "refer" in line]
    named = [row[0] for row in rows if row[0] in ("bias_act", "modulate")]
    assert named == ["bias_act", "modulate"]
    for column in (-6, -3):  # milliseconds forward, and with the gradients
        assert sum(row[column].endswith("*") for row in rows[1:]) == 2
    assert "forward reads x, writes y; backward reads dy and x, writes dx" in result.out
    assert "cupy was not measured: " in result.out


def test_operations_as_json_name_what_was_measured_and_what_was_not(in_process):
    words = ("bench", "ops", "upfirdn2d", *QUICK, "--dtype", "float32,bfloat16", "--json")
    result = in_process(*words)
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["device"] == "cpu"
    assert [(each["operation"], each["dtype"]) for each in found["comparisons"]] == [
        (f"upfirdn2d/{variant}", dtype)
        for dtype in ("float32", "bfloat16")
        for variant in ("up2", "down2", "blur")
    ]
    for each in found["comparisons"]:
        assert set(each["implementations"]) == {"reference", "torch"}
        assert set(each["not_measured"]) == {"cupy"}
        assert each["copy_bytes_per_second"] > 0


def test_an_operation_that_refuses_a_size_says_why_and_the_others_go_on(in_process):
    quick = ("--size", "1,1,1,1", "--seconds", "0.001", "--device", "cpu")
    result = in_process("bench", "ops", "upfirdn2d", "modulate", *quick)
    assert result.code == 0, result.err
    assert "  modulate " in result.out
    assert "Not measured: upfirdn2d/down2 of 1,1,1,1: " in result.out
    assert "nothing would be left" in result.out


def test_a_size_that_no_operation_takes_is_one_message(in_process):
    words = ("bench", "ops", "upfirdn2d/down2", "--size", "1,1,1,1", "--device", "cpu")
    result = in_process(*words)
    assert result.code == 2
    assert "nothing takes this --size. upfirdn2d/down2 of 1,1,1,1: " in result.one_message


def test_both_layouts_are_measured_where_both_are_asked_for(in_process):
    result = in_process("bench", "ops", "modulate", *QUICK, "--layout", "both", "--json")
    assert result.code == 0, result.err
    layouts = [each["layout"] for each in json.loads(result.out)["comparisons"]]
    assert layouts == ["channels_last", "contiguous"]


def test_large_networks_on_a_cpu_are_told_how_to_shorten_their_steps(in_process, toy, monkeypatch):
    monkeypatch.setattr("ganzoo.cli.bench.MANY_PARAMETERS", 1000)  # the toy has more
    result = in_process("bench", "step", toy, "--steps", "1", "--device", "cpu")
    assert result.code == 0, result.err
    assert "--steps 1 and a smaller training.batch shorten this" in result.err


def test_a_step_is_told_by_phase_and_writes_nothing(in_process, toy, tmp_path):
    result = in_process("bench", "step", "toy.yaml", "--steps", "1", "--device", "cpu")
    assert result.code == 0, result.err
    for name in ("generator", "discriminator", "discriminator/r1", "data and averages"):
        assert f"\n  {name} " in result.out
    assert "16 x 16 x 3, batches of 8" in result.out
    assert "s per 1,000 images" in result.out
    assert "Peak memory: " in result.out
    assert [path.name for path in tmp_path.iterdir()] == [toy.name]


def test_a_step_as_json_adds_up_and_took_memory(ganzoo, toy):
    # a process of its own: in this one, other commands have left memory that steps can take
    words = ("bench", "step", toy, "data.resolution=8", "--steps", "1", "--device", "cpu")
    result = ganzoo(*words, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["resolution"] in (8, [8, 8])
    phases = found["phases"].values()
    step = found["rest_seconds"] + sum(each["seconds"] / each["every"] for each in phases)
    assert found["seconds_per_step"] == pytest.approx(step)
    assert found["seconds_per_1000_images"] == pytest.approx(1000 * step / 8)
    assert found["phases"]["discriminator/r1"]["every"] == 16
    assert found["peak_memory_bytes"] > 0


def test_a_step_without_data_takes_the_embedded_digits_and_says_so(in_process, toy):
    text = toy.read_text(encoding="utf-8")
    toy.write_text(text.replace("use: ganzoo/shapes", "use: null"), encoding="utf-8")
    result = in_process("bench", "step", toy, "--steps", "1", "--device", "cpu")
    assert result.code == 0, result.err
    assert "No --data given: measuring toy on the embedded digits" in result.err


def test_pictures_are_read_without_a_recipe_at_their_own_size(in_process, tmp_path):
    folder = pictures(tmp_path / "pictures", 32)
    result = in_process("bench", "data", "--data", folder, "--workers", "0,2", "--seconds", "0.01")
    assert result.code == 0, result.err
    assert "ganzoo/image-folder, 3 images, 32 x 32 x 3, batches of 32" in result.out
    assert [line.split()[0] for line in result.out.splitlines()[3:5]] == ["0", "2"]
    assert "Against a training step: add --steps 5, or name a run folder." in result.out


def test_the_loader_of_a_run_is_held_against_its_log(in_process, trained):
    result = in_process("bench", "data", trained.run, "--seconds", "0.01", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    rows = [json.loads(line) for line in (trained.run / "stats.jsonl").read_text().splitlines()]
    rates = [row["images_per_second"] for row in rows]
    assert min(rates) <= found["training_images_per_second"] <= max(rates)
    for each in found["workers"]:
        share = found["training_images_per_second"] / each["images_per_second"]
        assert each["share_of_step"] == pytest.approx(share)


def test_the_loader_is_held_against_steps_that_are_measured(in_process, toy):
    words = ("bench", "data", toy, "--seconds", "0.01", "--workers", "0", "--steps", "1")
    result = in_process(*words, "--device", "cpu")
    assert result.code == 0, result.err
    assert "Training takes " in result.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "say what to measure, as: ganzoo bench ops"),
        (("opps",), "measures no 'opps'.\n  Did you mean 'ops'?"),
        (("ops", "modulat"), "no operation is named 'modulat'.\n  Did you mean 'modulate'?"),
        (("ops", "--dtype", "bfloat61"), "--dtype 'bfloat61' is unknown.\n  Did you mean 'bfl"),
        (("ops", "--layout", "nhwc"), "There are: channels_last, contiguous"),
        (("ops", "--size", "8,8"), "'8,8' is no size; write N,C,H,W as 8,128,32,32"),
        (("ops", "--seconds", "-1"), "'-1' is no number of seconds"),
        (("ops", "--data", "x"), "takes no --data; it belongs to ganzoo bench step and"),
        (("step", "--dtype", "float32"), "takes no --dtype; it belongs to ganzoo bench ops"),
        (("step",), "name a recipe, as: ganzoo bench step quickstart"),
        (("step", "quickstat"), "Did you mean 'quickstart'?"),
        (("step", "quickstart", "--steps", "0"), "'0' is no number of steps"),
        (("step", "quickstart", "--workers", "0,2"), "--workers is one number here"),
        (("data", "--workers", "many"), "'many' are no numbers of threads; write 0,2,4"),
        (("data", "--data", "nowhere"), "nowhere"),
    ],
)
def test_a_mistake_is_one_message_that_says_what_to_do(in_process, words, expected):
    result = in_process("bench", *words)
    assert result.code in (2, 5)
    assert expected in result.one_message


def test_a_forced_implementation_is_no_comparison(in_process, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    result = in_process("bench", "ops", "modulate", *QUICK)
    assert result.code == 2
    assert "GANZOO_OPS=reference forces one. Unset it." in result.err


def test_the_benchmark_of_gpus_says_that_there_is_none():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu"],
        cwd=ROOT,
        env={"PATH": "", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert not done.stdout
    assert done.stderr == (
        "benchmarks.gpu measures CUDA devices, and torch finds none here; `ganzoo doctor` says"
        " why. Nothing was measured.\n"
    )
