"""What an ablation is to do, and its record."""

from __future__ import annotations

import json
import re

import pytest

from ganzoo.ablation.folder import last_words, rows_of, run_of, shown_images
from ganzoo.ablation.plan import Member, plan_of
from ganzoo.ablation.record import open_record, refuse_strangers
from ganzoo.errors import DataError, UsageError
from ganzoo.recipe.diff import diff
from ganzoo.recipe.grid import load_grid
from ganzoo.registry.catalogue import Registry

GRID = """\
ganzoo: 1
extends: ganzoo.recipes:quickstart.yaml
about: Two blocks.
training: {images: 640, seed: 7}
grid:
  task.generator.block: [ganzoo/original, ganzoo/skip]
  task.discriminator.block: [ganzoo/original, ganzoo/residual]
"""


@pytest.fixture(scope="module")
def registry():
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


@pytest.fixture
def grid(registry, tmp_path):
    def load(*overrides, text=GRID):
        path = tmp_path / "blocks.yaml"
        path.write_text(text, encoding="utf-8")
        return load_grid(path, overrides, registry=registry)

    return load


def plan(grid, points=None, seeds=None, images=None):
    return plan_of(grid, points=points, seeds=seeds, images=images)


def test_without_a_choice_every_point_runs_once_with_the_recipes_seed(grid):
    found = plan(grid())
    assert [member.key for member in found.members()] == ["0-7", "1-7", "2-7", "3-7"]
    assert found.images() == 4 * 640


def test_seeds_come_one_after_the_other_so_that_every_point_has_a_result_early(grid):
    found = plan(grid(), points=(3, 1, 1), seeds=(0, 2, 0))
    assert [member.key for member in found.members()] == ["1-0", "3-0", "1-2", "3-2"]


def test_a_budget_of_the_command_line_is_that_of_every_run(grid):
    assert plan(grid(), images=32).images() == 4 * 32


def test_a_point_that_is_not_there_is_named(grid):
    with pytest.raises(UsageError, match="blocks has no point 9; it has the points 0-3"):
        plan(grid(), points=(1, 9))


def test_an_axis_of_seeds_belongs_into_an_option(grid):
    text = GRID.replace("task.discriminator.block: [ganzoo/original, ganzoo/residual]", "")
    text = text.rstrip() + "\n  training.seed: [1, 2]\n"
    with pytest.raises(UsageError, match="Take the axis out of the grid and name the seeds"):
        plan(grid(text=text))


def test_a_record_is_found_again_as_it_was_left(grid, tmp_path):
    found = plan(grid())
    record = open_record(tmp_path / "out", found)
    record.change(Member(1, 7), status="failed", exit_code=6, reason="it burst")
    again = open_record(tmp_path / "out", found)
    assert again.of(Member(1, 7)).reason == "it burst"
    assert again.of(Member(0, 7)).status == "waiting"


def test_a_changed_recipe_is_refused_with_what_changed(grid, tmp_path):
    open_record(tmp_path / "out", plan(grid())).write()
    with pytest.raises(UsageError) as caught:
        open_record(tmp_path / "out", plan(grid("training.batch=16"), points=(2,)))
    text = str(caught.value)
    assert "--out" in text
    assert "point 2 (skip × original): training.batch was 32, now 16" in text  # noqa: RUF001
    assert "training.images" not in text


def test_other_points_seeds_and_budgets_are_no_change(grid, tmp_path):
    record = open_record(tmp_path / "out", plan(grid(), points=(0,)))
    record.change(Member(0, 7), status="finished", images=640)
    again = open_record(tmp_path / "out", plan(grid(), points=(1,), seeds=(5,), images=64))
    again.write()
    stored = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert sorted(stored["points"]) == ["0", "1"]
    assert stored["runs"]["0-7"]["status"] == "finished"


def test_what_is_watched_is_no_change(grid, tmp_path):
    open_record(tmp_path / "out", plan(grid())).write()
    open_record(tmp_path / "out", plan(grid("watch.every_images=16")))


def test_a_folder_of_something_else_is_refused(grid, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letters.txt").write_text("dear")
    with pytest.raises(DataError, match=r"holds something else and no ablation\.json"):
        open_record(tmp_path / "out", plan(grid()))


def written(**changes):
    """A record with one run of one point, as JSON, some of it changed."""
    whole = {
        "ganzoo_ablation": 1,
        "points": {"0": {"label": "a", "hash": "b", "content": {"task.use": "c"}}},
        "runs": {"0-7": {"status": "finished", "images": 640}},
    }
    return json.dumps({**whole, **changes})


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"ganzoo_ablation": "new"}',
        '{"ganzoo_ablation": 1}',
        written(points=[]),
        written(points={"0": {}}),
        written(points={"0": {"content": ["task"]}}),
        written(runs={"0-7": {"mood": "good"}}),
        written(runs={"0-7": 3}),
        written(runs={"0-7": {"images": "many"}}),
        written(runs={"0-7": {"status": "asleep"}}),
    ],
)
def test_a_broken_record_is_one_sentence(grid, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ablation.json").write_text(content)
    with pytest.raises(DataError, match="the record of the ablation cannot be read"):
        open_record(tmp_path / "out", plan(grid()))


def test_a_record_of_a_newer_ganzoo_is_refused(grid, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ablation.json").write_text('{"ganzoo_ablation": 2}')
    with pytest.raises(DataError, match="newer ganzoo"):
        open_record(tmp_path / "out", plan(grid()))


def test_the_content_of_a_point_names_its_nulls(grid):
    content = plan(grid("task.generator.clamp=null")).points[0].content()
    assert content["task.generator.clamp"] is None


def test_a_parameter_that_is_gone_is_told_as_ganzoo_diff_tells_it(grid, tmp_path):
    text = GRID.replace("  task.discriminator.block: [ganzoo/original, ganzoo/residual]\n", "")
    block = "task.discriminator.block="
    before, after = (grid(f"{block}ganzoo/{name}", text=text) for name in ("original", "skip"))
    open_record(tmp_path / "out", plan(before)).write()
    with pytest.raises(UsageError) as caught:
        open_record(tmp_path / "out", plan(after))
    told = {each.path for each in diff(*(grid.points[0].loaded.recipe for grid in (before, after)))}
    lines = str(caught.value).splitlines()[1:]
    assert {re.search(r": (\S+) was ", line)[1] for line in lines} >= told
    assert any("block.pool was false, now (absent)" in line for line in lines)


def test_a_record_that_left_out_nulls_is_of_the_same_recipe(grid, tmp_path):
    found = plan(grid())
    open_record(tmp_path / "out", found).write()
    file = tmp_path / "out" / "ablation.json"
    stored = json.loads(file.read_text())
    for point in stored["points"].values():
        point["hash"] = "of another ganzoo"
        point["content"] = {k: v for k, v in point["content"].items() if v is not None}
    file.write_text(json.dumps(stored))
    assert open_record(tmp_path / "out", found).of(Member(0, 7)).status == "waiting"


def test_strangers_are_refused_before_anything_is_written(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(DataError, match="holds something else"):
        refuse_strangers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_of_several_attempts_the_one_that_came_furthest_goes_on(tmp_path):
    home = tmp_path / "runs" / "0-1"
    for name, images in (("a", 16), ("b", 32), ("c", None)):
        (home / name / "checkpoints").mkdir(parents=True)
        (home / name / "recipe.yaml").write_text("")
        if images:
            (home / name / "checkpoints" / f"{images:09d}.pt").write_bytes(b"")
    assert run_of(tmp_path, Member(0, 1)) == home / "b"
    assert run_of(tmp_path, Member(1, 1)) is None


def test_half_a_row_at_the_end_of_a_log_is_left_out(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "stats.jsonl").write_text('{"images": 8}\n{"images": 16}\n{"ima')
    assert [row["images"] for row in rows_of(run)] == [8, 16]
    assert shown_images(tmp_path) == 16


def test_last_words_leave_out_progress_bars(tmp_path):
    bar = "\r 10%|#         | 8/80 [00:01<00:09]"
    (tmp_path / "log.txt").write_text(f"began\n{bar}{bar}\n{bar}\rit burst\n")
    assert last_words(tmp_path) == "began\nit burst"
