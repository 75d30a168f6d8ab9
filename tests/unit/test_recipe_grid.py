"""Grids: one file for many recipes."""

from __future__ import annotations

from textwrap import dedent

import pytest
from recipe_zoo import BASE, Desk, desk, known

from ganzoo.errors import RecipeProblems
from ganzoo.recipe.dump import dump
from ganzoo.recipe.grid import Grid, is_grid, load_grid, load_point
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.load import load_recipe

__all__ = ["desk"]

BLOCKS = "task.generator.block: [demo/skip, {use: demo/attention, heads: 2, inner: demo/skip}]"
PRODUCT = f"""\
grid:
  {BLOCKS}
  training.batch: [4, 8, 16]
"""


def load(desk: Desk, text: str, *overrides: str, data_use: str | None = None) -> Grid:
    """The grid of a recipe of this text that extends ``BASE``."""
    desk.write("base.yaml", BASE)
    desk.write("r.yaml", "ganzoo: 1\nextends: base.yaml\n" + dedent(text))
    return load_grid("r.yaml", overrides, registry=known(), data_use=data_use)


def problems(desk: Desk, text: str, *overrides: str) -> list[str]:
    """What is wrong with such a grid."""
    with pytest.raises(RecipeProblems) as caught:
        load(desk, text, *overrides)
    return [str(problem) for problem in caught.value.problems]


def listed(desk: Desk, text: str, *overrides: str) -> Grid:
    """The grid of a file of this text, beside ``one.yaml`` and ``two.yaml``."""
    desk.write("one.yaml", BASE)
    desk.write("two.yaml", "ganzoo: 1\nextends: one.yaml\nabout: the other\nname: second\n")
    return load_grid(desk.write("r.yaml", "ganzoo: 1\n" + text), overrides, registry=known())


def listed_problems(desk: Desk, text: str) -> list[str]:
    """What is wrong with such a grid of recipes."""
    with pytest.raises(RecipeProblems) as caught:
        listed(desk, text)
    return [str(problem) for problem in caught.value.problems]


def block(grid: Grid, index: int):
    """The generator block of a point."""
    return grid.points[index].loaded.recipe.task.parameters["generator"].parameters["block"]


def test_the_points_are_the_product_and_the_last_axis_turns_fastest(desk: Desk):
    grid = load(desk, PRODUCT)
    assert grid.axes == ("task.generator.block", "training.batch")
    assert [point.index for point in grid.points] == list(range(6))
    assert [block(grid, index).use for index in range(6)] == ["demo/skip"] * 3 + [
        "demo/attention"
    ] * 3
    assert [point.loaded.recipe.training.batch for point in grid.points] == [4, 8, 16] * 2


def test_a_point_tells_its_values_as_the_file_writes_them(desk: Desk):
    values = load(desk, PRODUCT).points[4].values
    assert values == {
        "task.generator.block": {"use": "demo/attention", "heads": 2, "inner": "demo/skip"},
        "training.batch": 8,
    }


def test_a_point_has_a_hash_and_a_name_of_its_own(desk: Desk):
    grid = load(desk, PRODUCT + "name: mine\nabout: a table\n")
    assert (grid.name, grid.about) == ("mine", "a table")
    assert len({recipe_hash(point.loaded.recipe) for point in grid.points}) == 6
    assert [point.loaded.recipe.name for point in grid.points] == [f"mine-{i}" for i in range(6)]
    assert grid.points[3].loaded.origin["name"] == "point 3"


def test_a_point_is_the_recipe_that_overrides_would_make(desk: Desk):
    grid = load(desk, PRODUCT)
    same = desk.child("", "task.generator.block=demo/skip", "training.batch=16").recipe
    assert recipe_hash(grid.points[2].loaded.recipe) == recipe_hash(same)


def test_a_recorded_point_keeps_no_trace_of_its_grid_but_its_name(desk: Desk):
    recipe = load(desk, PRODUCT).points[5].loaded.recipe
    text = dump(recipe)
    assert "grid" not in text
    again = load_recipe(desk.write("recipe.yaml", text), registry=known()).recipe
    assert again == recipe
    assert again.name == "r-5"


def test_the_origin_of_a_value_is_its_line_in_the_axis(desk: Desk):
    text = "grid:\n  training.batch:\n    - 4\n    - 8\n"
    origins = [point.loaded.origin["training.batch"] for point in load(desk, text).points]
    assert origins == ["r.yaml:5", "r.yaml:6"]


def test_a_value_that_changes_use_drops_the_old_parameters(desk: Desk):
    grid = load(desk, PRODUCT)
    assert block(grid, 0).parameters == {"kernel": 5}
    assert "kernel" not in block(grid, 3).parameters


def test_whole_slots_are_laid_before_their_parameters_in_whatever_order_the_axes_stand(desk: Desk):
    axes = ["task.generator.block.kernel: [1, 7]", "task.generator: [{use: demo/net, block: {}}]"]
    for order in (axes, axes[::-1]):
        grid = load(desk, "grid:\n" + "".join(f"  {axis}\n" for axis in order))
        assert [block(grid, index).parameters["kernel"] for index in (0, 1)] == [1, 7]


def test_null_in_an_axis_removes_a_named_entry(desk: Desk):
    grid = load(desk, "grid: {task.regularizers.path: [null, {weight: 3}]}\n")
    entries = [point.loaded.recipe.task.parameters["regularizers"] for point in grid.points]
    assert list(entries[0]) == ["r1"]
    assert entries[1]["path"].settings["weight"] == 3
    assert [point.label for point in grid.points] == ["path=null", "path={weight: 3}"]


def test_overrides_reach_every_point_and_come_last(desk: Desk):
    grid = load(desk, PRODUCT, "training.seed=9", "task.generator.width=4")
    assert {point.loaded.recipe.training.seed for point in grid.points} == {9}
    assert grid.points[0].loaded.origin["training.seed"] == "override training.seed=9"


def test_the_data_set_of_the_command_line_reaches_every_point(desk: Desk):
    grid = load(desk, PRODUCT, data_use="demo/folder")
    assert {point.loaded.recipe.data.use for point in grid.points} == {"demo/folder"}


def test_an_ordinary_recipe_is_a_grid_of_one_point(desk: Desk):
    grid = load(desk, "name: alone\n")
    (point,) = grid.points
    assert (grid.axes, point.label, point.values) == ((), "alone", {})
    assert point.loaded == load_recipe("r.yaml", registry=known())


def test_a_child_inherits_the_grid_of_its_parent(desk: Desk):
    desk.write("parent.yaml", BASE + "grid: {training.batch: [4, 8], training.seed: [0, 1]}\n")
    desk.write(
        "r.yaml", "ganzoo: 1\nextends: parent.yaml\ngrid: {training.batch: [2], task.mixing: [1]}\n"
    )
    grid = load_grid("r.yaml", registry=known())
    assert grid.axes == ("training.batch", "training.seed", "task.mixing")
    assert [point.loaded.recipe.name for point in grid.points] == ["r-0", "r-1"]


def test_a_child_takes_away_an_axis_or_the_whole_grid_with_null(desk: Desk):
    desk.write("parent.yaml", BASE + "grid: {training.batch: [4, 16], training.seed: [0, 1]}\n")
    desk.write("r.yaml", "ganzoo: 1\nextends: parent.yaml\ngrid: {training.batch: null}\n")
    assert load_grid("r.yaml", registry=known()).axes == ("training.seed",)
    desk.write("r.yaml", "ganzoo: 1\nextends: parent.yaml\ngrid: null\n")
    assert load_recipe("r.yaml", registry=known()).recipe.training.batch == 8


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        ("task.generator.block: [demo/skip, {use: demo/skip, kernel: 1}]",
         ["demo/skip", "demo/skip (kernel=1)"]),
        ("task.generator.block.use: [demo/skip]", ["skip"]),
        ("training.batch: [4, 8]", ["batch=4", "batch=8"]),
        ("task.generator.extra: [null, demo/mapper]", ["extra=null", "mapper"]),
        ("task.generator.noise: [true, false]", ["noise=true", "noise=false"]),
    ],
)  # fmt: skip
def test_labels_say_what_tells_the_points_apart(desk: Desk, axis: str, labels: list[str]):
    assert [point.label for point in load(desk, f"grid:\n  {axis}\n").points] == labels


def test_labels_of_several_axes_stand_in_the_order_of_the_axes(desk: Desk):
    assert load(desk, PRODUCT).points[4].label == "attention × batch=8"  # noqa: RUF001


def test_a_long_value_is_labelled_by_its_number(desk: Desk):
    axis = "task.generator.lr: [{4: 0.001, 8: 0.002, 16: 0.003, 32: 0.004}, {4: 0.5}]"
    labels = [point.label for point in load(desk, f"grid:\n  {axis}\n").points]
    assert labels == ["lr[0]", "lr={4: 0.5}"]


def test_a_grid_of_recipes_gives_each_of_them_under_its_own_name(desk: Desk):
    grid = listed(desk, "about: both\ngrid: {recipe: [one.yaml, two.yaml]}\n")
    assert (grid.name, grid.about, grid.axes) == ("r", "both", ("recipe",))
    assert [point.loaded.recipe.name for point in grid.points] == ["one", "second"]
    assert [point.loaded.recipe.about for point in grid.points] == ["a small one", "the other"]
    assert [point.label for point in grid.points] == ["one", "second"]
    one = load_recipe("one.yaml", registry=known()).recipe
    assert recipe_hash(grid.points[0].loaded.recipe) == recipe_hash(one)


def test_what_a_grid_of_recipes_says_lies_over_each_of_them(desk: Desk):
    text = "task: {generator: {width: 2}}\nname: all\ngrid: {recipe: [one.yaml, two.yaml]}\n"
    for point in listed(desk, text).points:
        assert point.loaded.recipe.task.parameters["generator"].parameters["width"] == 2
        assert point.loaded.origin["task.generator.width"] == "r.yaml:2"
        assert point.loaded.recipe.name != "all"


def test_the_files_of_a_listed_recipe_come_after_the_grid(desk: Desk):
    grid = listed(desk, "grid: {recipe: [one.yaml, two.yaml]}\n")
    names = [[file.name for file in point.loaded.files] for point in grid.points]
    assert names == [["r.yaml", "one.yaml"], ["r.yaml", "two.yaml", "one.yaml"]]


def test_recipes_are_multiplied_with_other_axes(desk: Desk):
    text = "grid: {recipe: [one.yaml, two.yaml], training.batch: [2, 4]}\n"
    grid = listed(desk, text)
    assert [point.label for point in grid.points] == [
        "one × batch=2",  # noqa: RUF001
        "one × batch=4",  # noqa: RUF001
        "second × batch=2",  # noqa: RUF001
        "second × batch=4",  # noqa: RUF001
    ]
    assert [p.loaded.recipe.name for p in grid.points] == ["one-0", "one-1", "second-2", "second-3"]
    assert [p.loaded.recipe.training.batch for p in grid.points] == [2, 4, 2, 4]


def test_recipes_of_one_name_are_told_apart_by_their_numbers(desk: Desk):
    desk.write("a/same.yaml", BASE)
    desk.write("b/same.yaml", BASE + "watch: {every_images: 7}\n")
    grid = listed(desk, "grid: {recipe: [a/same.yaml, b/same.yaml]}\n")
    assert [point.loaded.recipe.name for point in grid.points] == ["same-0", "same-1"]
    assert [point.label for point in grid.points] == ["a/same.yaml", "b/same.yaml"]


def test_one_name_for_all_is_numbered(desk: Desk):
    grid = listed(desk, "grid: {recipe: [one.yaml, two.yaml]}\n", "name=mine")
    assert [point.loaded.recipe.name for point in grid.points] == ["mine-0", "mine-1"]


def test_listed_recipes_lie_beside_the_file_that_lists_them(desk: Desk):
    desk.write("deep/one.yaml", BASE)
    desk.write("deep/parent.yaml", "ganzoo: 1\ngrid: {recipe: [one.yaml]}\n")
    desk.write("r.yaml", "ganzoo: 1\nextends: deep/parent.yaml\ntraining: {batch: 2}\n")
    (point,) = load_grid("r.yaml", registry=known()).points
    assert point.loaded.recipe.training.batch == 2
    assert point.values == {"recipe": "one.yaml"}


def test_a_grid_of_recipes_that_extends_an_ordinary_one_is_refused(desk: Desk):
    assert listed_problems(desk, "extends: one.yaml\ngrid: {recipe: [two.yaml]}\n") == [
        "r.yaml:2: extends: a grid with an axis 'recipe' lies over the recipes that it lists and "
        "extends nothing else; remove this, or add it to the list"
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("[three.yaml]", "there is no file 'three.yaml' here (looked for three.yaml)"),
        ("[3]", "expected a recipe: a path beside this file, or 'package:file.yaml', found 3"),
        ("[one.yaml, ./one.yaml]", "'./one.yaml' and 'one.yaml' are one file; keep one"),
        ("[one.yaml, one.yaml]", "'one.yaml' stands in this axis twice; keep one"),
        ("[r.yaml]", "'r.yaml' is itself a grid; list the recipes of its points instead"),
        ("[nobody.here:a.yaml]", "there is no package 'nobody.here' with recipes in it. "
         "Is its distribution installed?"),
    ],
)  # fmt: skip
def test_a_bad_list_of_recipes_is_told_at_its_line(desk: Desk, values: str, message: str):
    assert listed_problems(desk, f"grid:\n  recipe: {values}\n") == [
        f"r.yaml:3: grid.recipe: {message}"
    ]


def test_what_is_wrong_with_a_listed_recipe_is_told_at_its_own_line(desk: Desk):
    desk.write("bad.yaml", BASE + "training: {batch: 1}\n")
    assert listed_problems(desk, "grid: {recipe: [one.yaml, bad.yaml]}\n") == [
        "bad.yaml:15: training: this key is repeated; it stands already at bad.yaml:14. Keep one"
    ]


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("training.batch: 8", "expected a list of values, found 8. Write [8]"),
        ("training.batch: null",
         "expected a list of values, found null. Remove the axis instead"),
        ("training: {batch: [2, 4]}", "expected a list of values, found {batch: [2, 4]}. "
         "Write a deeper path as one: 'training.batch'"),
        ("training.batch: []", "this axis has no values; list some, or remove it"),
        ("training.batch: [4, 8, 4]", "4 stands in this axis twice; keep one"),
        ("task.loss: [demo/logistic, {use: demo/logistic}]",
         "{use: 'demo/logistic'} stands in this axis twice; keep one"),
        ("training..batch: [4]", "an axis is a dotted path, as task.generator.block"),
        ("name: [a, b]", "'name' is no axis; the points differ in what the rooms of a recipe "
         "say, or in 'recipe', a list of recipes"),
        ("recipe.name: [a, b]", "'recipe' is no axis; the points differ in what the rooms of a "
         "recipe say, or in 'recipe', a list of recipes"),
    ],
)  # fmt: skip
def test_a_bad_axis_is_told_at_its_line(desk: Desk, axis: str, message: str):
    path = axis.partition(":")[0]
    assert problems(desk, f"grid:\n  {axis}\n") == [f"r.yaml:4: grid.{path}: {message}"]


@pytest.mark.parametrize("text", ["{}", "[1]", "7"])
def test_a_grid_is_a_mapping_with_axes(desk: Desk, text: str):
    assert problems(desk, f"grid: {text}\n") == [
        "r.yaml:3: grid: expected dotted paths with a list of values each, as "
        f"{{training.batch: [16, 32]}}, found {text}"
    ]


def test_a_grid_that_is_too_large_is_refused(desk: Desk):
    numbers = list(range(1, 102))
    text = f"grid:\n  training.batch: {numbers}\n  training.seed: {numbers}\n"
    assert problems(desk, text) == [
        "r.yaml:3: grid: this grid has 101 x 101 = 10,201 points, and 10,000 are the most. "
        "Split it, or vary less"
    ]


@pytest.mark.parametrize("values", ["[2, 4]", "\n    - 2\n    - 4"])
def test_a_misspelt_axis_is_told_once_at_its_line(desk: Desk, values: str):
    (found,) = problems(desk, f"grid:\n  training.bach: {values}\n")
    assert found.startswith("r.yaml:4: training: training has no key 'bach'.")
    assert "Did you mean 'batch'?" in found
    assert "At point" not in found


def test_a_misspelt_word_inside_an_axis_is_told_at_the_line_of_the_axis(desk: Desk):
    text = "grid:\n  task.genrator.block:\n    - demo/skip\n    - demo/attention\n"
    (found,) = problems(desk, text)
    assert found.startswith("r.yaml:4: task: demo/task has no parameter 'genrator'.")
    assert "Did you mean 'generator'?" in found


def test_an_axis_makes_no_new_named_entry(desk: Desk):
    (found,) = problems(desk, "grid:\n  task.regularizers.paths.weight: [2, 4]\n")
    assert found == (
        "r.yaml:4: task.regularizers: there is no entry 'paths' here to change or remove.\n"
        "  Did you mean 'path'?  There are: r1, path"
    )


def test_a_bad_value_is_told_once_with_its_point(desk: Desk):
    text = "grid:\n  task.generator.block: [demo/skip, demo/skips]\n"
    (found,) = problems(desk, text)
    assert found.startswith(
        "r.yaml:4: task.generator.block: no generator_block is named 'demo/skips'."
    )
    assert found.endswith("\n  At point 1 (skips).")


def test_a_bad_value_that_several_points_have_is_told_once_with_their_spans(desk: Desk):
    text = "grid:\n  training.batch: [4, 8, many]\n  training.seed: [0, 1, 2]\n  task.mixing: [x]\n"
    assert problems(desk, text) == [
        "r.yaml:4: training.batch: expected int, found 'many'\n  At points 6-8.",
        "r.yaml:6: task.mixing: expected float, found 'x'",
    ]


def test_problems_of_the_files_and_of_the_points_are_told_together(desk: Desk):
    text = "training: {batch: 4, batch: 8}\ngrid: {training.seed: [zero]}\ndata: {mirro: true}\n"
    found = problems(desk, text)
    assert [problem.partition(": ")[0] for problem in found] == [
        "r.yaml:3",
        "r.yaml:4",
        "r.yaml:5",
    ]


@pytest.mark.parametrize(
    ("axis", "override"),
    [
        ("training.batch: [4, 8]", "training.batch=2"),
        ("task.generator.block: [demo/skip]", "task.generator.block.use=demo/skip"),
        ("task.generator.block.use: [demo/skip]", "task.generator.block=demo/skip"),
    ],
)
def test_an_override_of_an_axis_is_refused(desk: Desk, axis: str, override: str):
    path = axis.partition(":")[0]
    assert problems(desk, f"grid:\n  {axis}\n", override) == [
        f"override {override}: {path}: the grid varies this, at r.yaml:4, and an override would "
        "make its points alike. Leave it out and choose a point"
    ]


def test_the_grid_itself_cannot_be_overridden(desk: Desk):
    (found,) = problems(desk, PRODUCT, "grid=null")
    assert found == "override grid=null: 'grid' belongs in the file; it cannot be overridden"


def test_one_point_is_the_same_alone_as_among_all(desk: Desk):
    grid = load(desk, PRODUCT, "training.seed=3")
    for point in grid.points:
        alone = load_point("r.yaml", point.index, ["training.seed=3"], registry=known())
        assert alone == point.loaded


def test_without_a_grid_no_point_and_point_0_are_the_recipe(desk: Desk):
    loaded = desk.child("")
    assert load_point("r.yaml", registry=known()) == loaded
    assert load_point("r.yaml", 0, registry=known()) == loaded


def test_a_grid_without_a_point_names_the_remedies(desk: Desk):
    load(desk, PRODUCT)
    for read in (load_point, load_recipe):
        with pytest.raises(RecipeProblems) as caught:
            read("r.yaml", registry=known())
        assert str(caught.value) == (
            "r.yaml:3: grid: this recipe is a grid of 6 points, 0 to 5. Choose one with "
            "--point N, or train all of them with ganzoo ablate.\n  See: ganzoo grid r.yaml"
        )


@pytest.mark.parametrize(
    ("text", "point", "message"),
    [
        (PRODUCT, 6, "r.yaml:3: grid: there is no point 6; this grid has the points 0 to 5.\n"
         "  See: ganzoo grid r.yaml"),
        (PRODUCT, -1, "r.yaml:3: grid: there is no point -1; this grid has the points 0 to 5.\n"
         "  See: ganzoo grid r.yaml"),
        ("", 1, "r.yaml: there is no point 1, because this recipe is no grid. "
         "Leave --point out"),
    ],
)  # fmt: skip
def test_a_point_that_is_not_there_is_refused(desk: Desk, text: str, point: int, message: str):
    load(desk, text)
    with pytest.raises(RecipeProblems) as caught:
        load_point("r.yaml", point, registry=known())
    assert str(caught.value) == message


def test_a_good_point_can_be_read_although_another_is_bad(desk: Desk):
    problems(desk, "grid: {training.batch: [4, many]}\n")
    assert load_point("r.yaml", 0, registry=known()).recipe.training.batch == 4
    with pytest.raises(RecipeProblems, match=r"found 'many'\n  At point 1 \(batch=many\)\."):
        load_point("r.yaml", 1, registry=known())


def test_whether_a_recipe_is_a_grid_can_be_asked(desk: Desk):
    load(desk, PRODUCT)
    assert is_grid("r.yaml")
    assert not is_grid("base.yaml")
    assert not is_grid("nowhere.yaml")
