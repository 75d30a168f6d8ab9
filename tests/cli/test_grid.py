"""Grids on the command line: listing, checking, showing and training their points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TABLE = """\
ganzoo: 1
extends: toy.yaml
about: Two blocks and two seeds.
grid:
  task.generator.block: [ganzoo/original, ganzoo/skip]
  training.seed: [0, 1]
"""


@pytest.fixture
def table(toy: Path) -> Path:
    path = toy.parent / "table.yaml"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_every_point_is_listed_with_its_number_label_hash_name_and_values(in_process, table):
    result = in_process("grid", "table.yaml")
    assert result.code == 0
    heading, *rows = [line.split() for line in result.out.splitlines()]
    assert heading == ["point", "label", "hash", "name", "task.generator.block", "training.seed"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert rows[2][1:4] == ["skip", "×", "seed=0"]  # noqa: RUF001
    assert rows[2][5:] == ["table-2", "ganzoo/skip", "0"]


def test_the_points_as_json_have_the_hashes_that_show_tells(in_process, table):
    grid = json.loads(in_process("grid", "table.yaml", "--json").out)
    assert grid["axes"] == ["task.generator.block", "training.seed"]
    assert grid["about"] == "Two blocks and two seeds."
    for point in grid["points"]:
        shown = in_process("show", "table.yaml", "--point", str(point["index"]), "--json")
        assert json.loads(shown.out)["hash"] == point["hash"]
    assert grid["points"][3]["values"] == {
        "task.generator.block": "ganzoo/skip",
        "training.seed": 1,
    }


def test_overrides_reach_every_listed_point(in_process, table):
    plain, other = (
        json.loads(in_process("grid", "table.yaml", *words, "--json").out)["points"]
        for words in ([], ["training.batch=4"])
    )
    assert not {point["hash"] for point in plain} & {point["hash"] for point in other}


def test_points_that_are_one_recipe_are_pointed_out(in_process, toy):
    table = toy.parent / "table.yaml"
    table.write_text(
        "ganzoo: 1\nextends: toy.yaml\ngrid: {watch.every_images: [8, 16]}\n", encoding="utf-8"
    )
    assert "Points 0 and 1 are one recipe: " in in_process("grid", "table.yaml").out


def test_an_ordinary_recipe_is_listed_as_one_point(in_process):
    result = in_process("grid", "quickstart")
    assert [line.split()[0] for line in result.out.splitlines()] == ["point", "0"]


def test_check_looks_at_every_point(in_process, table):
    result = in_process("check", "table.yaml")
    assert (result.code, result.out) == (0, "table.yaml: ok  4 points\n")
    (told,) = json.loads(in_process("check", "table.yaml", "--json").out)
    assert [point["index"] for point in told["points"]] == [0, 1, 2, 3]


def test_check_tells_each_problem_once_with_its_points(in_process, table):
    table.write_text(TABLE.replace("ganzoo/skip", "ganzoo/skips"), encoding="utf-8")
    result = in_process("check", "table.yaml")
    assert result.code == 2
    assert result.out.count("no generator_block is named 'ganzoo/skips'") == 1
    assert "table.yaml:5: task.generator.block" in result.out
    assert "At points 2-3." in result.out
    assert in_process("check", "table.yaml", "--point", "0").code == 0


def test_running_a_grid_without_a_point_names_both_remedies(in_process, table):
    result = in_process("run", "table.yaml")
    assert result.code == 2
    assert "a grid of 4 points, 0 to 3" in result.one_message
    assert "--point N" in result.err
    assert "ganzoo ablate" in result.err
    assert not (table.parent / "runs").exists()


def test_a_point_that_the_grid_does_not_have_is_one_message(in_process, table):
    result = in_process("run", "table.yaml", "--point", "4")
    assert result.code == 2
    assert "there is no point 4; this grid has the points 0 to 3" in result.one_message


@pytest.mark.parametrize("word", ["four", "-1", "1.5"])
def test_a_point_is_a_number(in_process, table, word):
    result = in_process("run", "table.yaml", f"--point={word}")
    assert result.code == 2
    assert f"{word!r} is no number of a point; write 4" in result.one_message


def test_show_tells_which_line_of_the_axis_set_a_value(in_process, table):
    result = in_process("show", "table.yaml", "--point", "3", "--origin")
    assert result.code == 0
    assert "name: table-3" in result.out
    (line,) = [line for line in result.out.splitlines() if line.endswith("table.yaml:6")]
    assert line.split() == ["seed:", "1", "#", "table.yaml:6"]


def test_show_has_no_points_of_a_component(in_process):
    result = in_process("show", "generator_block", "skip", "--point", "0")
    assert result.code == 2
    assert "a component has no points" in result.one_message


def test_two_points_of_a_grid_are_compared(in_process, table):
    result = in_process("diff", "table.yaml", "table.yaml", "--point", "0", "--point", "1")
    assert result.code == 0
    assert "table.yaml (point 1)" in result.out.splitlines()[0]
    rows = [line.split() for line in result.out.splitlines()[2:]]
    assert rows == [["training.seed", "0", "1"]]


def test_a_point_is_compared_with_an_ordinary_recipe(in_process, table):
    result = in_process("diff", "toy.yaml", "table.yaml", "--point", "2")
    assert result.out.startswith("No differences: ")


def test_diff_refuses_points_where_there_is_no_grid(in_process, toy):
    result = in_process("diff", "toy.yaml", "toy.yaml", "--point", "0")
    assert result.code == 2
    assert "neither of these recipes is one" in result.one_message


def test_a_point_trains_under_its_name_and_its_record_has_no_grid(in_process, table):
    result = in_process("run", "table.yaml", "training.images=8", "--point", "1", "--device", "cpu")
    assert result.code == 0, result.err
    folder = table.parent / result.out.strip()
    assert "-table-1-" in folder.name
    record = (folder / "recipe.yaml").read_text(encoding="utf-8")
    assert "name: table-1\n" in record
    assert "grid" not in record
    (source,) = (folder / "sources").glob("*table.yaml")
    assert source.read_text(encoding="utf-8") == TABLE
    shown = json.loads(in_process("show", str(folder), "--json").out)
    point = json.loads(
        in_process(
            "show", "table.yaml", "training.images=8", "data.channels=3", "data.labels=class",
            "--point", "1", "--json",
        ).out
    )  # fmt: skip
    assert shown["hash"] == point["hash"]
