"""Files that extend files: where they are found, and what lies over what."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipe_zoo import BASE, Desk, desk, registry

from ganzoo.errors import CircularExtends, NewerSchema, RecipeProblems
from ganzoo.recipe.load import load_recipe

__all__ = ["desk"]


def test_a_child_changes_what_it_says_and_keeps_the_rest(desk: Desk):
    recipe = desk.child("task: {generator: {width: 32}}\n").recipe
    generator = recipe.task.parameters["generator"]
    assert generator.parameters["width"] == 32
    assert generator.parameters["block"].parameters["kernel"] == 5


def test_chains_are_followed_and_listed_child_first(desk: Desk):
    desk.write("a/base.yaml", BASE)
    desk.write("a/middle.yaml", "ganzoo: 1\nextends: base.yaml\ntraining: {batch: 4}\n")
    desk.write("top.yaml", "ganzoo: 1\nextends: a/middle.yaml\ntraining: {seed: 7}\n")
    loaded = load_recipe("top.yaml", registry=registry())
    assert (loaded.recipe.training.batch, loaded.recipe.training.seed) == (4, 7)
    assert loaded.files == (Path("top.yaml"), Path("a/middle.yaml"), Path("a/base.yaml"))
    assert loaded.origin["training.batch"] == "a/middle.yaml:3"


def test_the_name_is_the_stem_of_the_file_and_is_not_inherited(desk: Desk):
    desk.write("base.yaml", BASE + "name: of-the-base\n")
    assert desk.load("ganzoo: 1\nextends: base.yaml\n").recipe.name == "r"
    assert load_recipe("base.yaml", registry=registry()).recipe.name == "of-the-base"


def test_lists_replace(desk: Desk):
    desk.write("base.yaml", BASE.replace("  loss", "  order: [discriminator, generator]\n  loss"))
    recipe = desk.load("ganzoo: 1\nextends: base.yaml\ntask: {order: [generator]}\n").recipe
    assert recipe.task.parameters["order"] == ("generator",)


def test_changing_use_drops_the_old_parameters(desk: Desk):
    text = "task: {generator: {block: {use: demo/attention, heads: 2, inner: demo/skip}}}\n"
    block = desk.child(text).recipe.task.parameters["generator"].parameters["block"]
    assert block.use == "demo/attention"
    assert set(block.parameters) == {"heads", "inner", "clamp"}


def test_a_bare_name_that_changes_use_drops_the_old_parameters(desk: Desk):
    base = BASE.replace("{use: demo/skip, kernel: 5}", "{use: demo/attention, kernel: 5}")
    desk.write("base.yaml", base)
    text = "ganzoo: 1\nextends: base.yaml\ntask: {generator: {block: demo/skip}}\n"
    block = desk.load(text).recipe.task.parameters["generator"].parameters["block"]
    assert (block.use, block.parameters) == ("demo/skip", {"kernel": 3})


def test_a_bare_name_of_the_same_use_keeps_the_parameters(desk: Desk):
    recipe = desk.child("task: {generator: {block: demo/skip}}\n").recipe
    assert recipe.task.parameters["generator"].parameters["block"].parameters == {"kernel": 5}


def test_a_mapping_over_a_bare_name_sets_parameters_of_that_component(desk: Desk):
    desk.write("base.yaml", BASE.replace("{use: demo/skip, kernel: 5}", "demo/skip"))
    text = "ganzoo: 1\nextends: base.yaml\ntask: {generator: {block: {kernel: 7}}}\n"
    recipe = desk.load(text).recipe
    assert recipe.task.parameters["generator"].parameters["block"].parameters == {"kernel": 7}


def test_null_removes_a_named_entry(desk: Desk):
    recipe = desk.child("task: {regularizers: {path: null}}\n").recipe
    assert list(recipe.task.parameters["regularizers"]) == ["r1"]


def test_null_that_removes_no_entry_is_an_error(desk: Desk):
    assert desk.child_problem("task: {regularizers: {pth: null}}\n") == (
        "r.yaml:3: task.regularizers: there is no entry 'pth' here to change or remove.\n"
        "  Did you mean 'path'?  There are: r1, path"
    )


def test_null_brings_a_default_back_where_none_is_no_value(desk: Desk):
    recipe = desk.child("training: {images: null}\ntask: {generator: {width: ~}}\n").recipe
    assert recipe.training.images == 25_000_000
    assert recipe.task.parameters["generator"].parameters["width"] == 8


def test_null_is_the_value_none_where_the_type_admits_it(desk: Desk):
    recipe = desk.child("task: {generator: {clamp: null}}\n").recipe
    assert recipe.task.parameters["generator"].parameters["clamp"] is None


def test_null_empties_an_optional_slot(desk: Desk):
    desk.write("base.yaml", BASE.replace("    width", "    extra: {use: demo/mapper}\n    width"))
    text = "ganzoo: 1\nextends: base.yaml\ntask: {generator: {extra: null}}\n"
    assert desk.load(text).recipe.task.parameters["generator"].parameters["extra"] is None


def test_nothing_under_a_null_survives_a_further_child(desk: Desk):
    desk.write("base.yaml", BASE)
    desk.write("middle.yaml", "ganzoo: 1\nextends: base.yaml\ntask: {regularizers: {path: null}}\n")
    text = "ganzoo: 1\nextends: middle.yaml\ntask: {regularizers: {path: {use: demo/path}}}\n"
    path = desk.load(text).recipe.task.parameters["regularizers"]["path"]
    assert (path.settings["weight"], path.parameters["decay"]) == (1.0, 0.01)


def test_null_for_an_unknown_key_is_an_error(desk: Desk):
    assert "data without a 'use' has no key 'mirrors'" in desk.child_problem("data: {mirrors: ~}\n")


def test_a_circle_is_named(desk: Desk):
    desk.write("b.yaml", "ganzoo: 1\nextends: c.yaml\n")
    desk.write("c.yaml", "ganzoo: 1\nextends: ./b.yaml\n")
    (found,) = desk.problems("ganzoo: 1\nextends: b.yaml\n")
    assert isinstance(found, CircularExtends)
    assert str(found) == (
        "c.yaml:2: extends: this recipe extends itself: b.yaml -> c.yaml -> b.yaml. "
        "Break the circle"
    )


def test_a_recipe_that_extends_itself_is_a_circle(desk: Desk):
    assert "r.yaml -> r.yaml" in desk.problem("ganzoo: 1\nextends: r.yaml\n")


def test_a_missing_base_is_told_at_its_line(desk: Desk):
    assert desk.problem("ganzoo: 1\nextends: sub/none.yaml\n") == (
        "r.yaml:2: extends: there is no file 'sub/none.yaml' here (looked for sub/none.yaml)"
    )


def test_a_shipped_base_is_named_in_full(desk: Desk):
    told = desk.problem("ganzoo: 1\nextends: quickstart\n")
    assert "there is no file 'quickstart' here (looked for quickstart)." in told
    assert told.endswith("One of that name ships with ganzoo: ganzoo.recipes:quickstart.yaml")


def test_extends_is_one_file(desk: Desk):
    found = desk.problems("ganzoo: 1\nextends: [a.yaml, b.yaml]\n")
    assert str(found[-1]) == (
        "r.yaml:2: extends: expected one file: a path beside this one, or 'package:file.yaml'"
    )


def test_a_recipe_in_a_package_is_found_and_its_base_beside_it(desk: Desk, monkeypatch):
    monkeypatch.syspath_prepend(str(desk.folder / "site"))
    desk.write("site/zoo_pack/__init__.py", "raise RuntimeError('a recipe imports nothing')")
    desk.write("site/zoo_pack/base.yaml", BASE)
    desk.write("site/zoo_pack/big.yaml", "ganzoo: 1\nextends: base.yaml\ntraining: {batch: 2}\n")
    loaded = desk.load("ganzoo: 1\nextends: zoo_pack:big.yaml\n")
    assert loaded.origin["training.batch"] == "zoo_pack:big.yaml:3"
    assert loaded.origin["training.images"] == "zoo_pack:base.yaml:14"


def test_an_unknown_package_is_told_at_its_line(desk: Desk):
    assert desk.problem("ganzoo: 1\nextends: no_such_package:a.yaml\n") == (
        "r.yaml:2: extends: there is no package 'no_such_package' with recipes in it. "
        "Is its distribution installed?"
    )


def test_a_missing_recipe_says_so_and_points_to_the_shipped_one_of_its_name(desk: Desk):
    with pytest.raises(RecipeProblems) as caught:
        load_recipe("recipes/stylegan2-f.yaml", registry=registry())
    assert str(caught.value) == (
        "recipes/stylegan2-f.yaml: there is no such recipe file.\n"
        "  One of that name ships with ganzoo: ganzoo.recipes:stylegan2-f.yaml"
    )


def test_a_folder_is_no_recipe(desk: Desk):
    with pytest.raises(RecipeProblems, match="this is a folder; name a recipe file in it"):
        load_recipe(".", registry=registry())


def test_the_schema_number_is_required(desk: Desk):
    assert desk.problem(BASE.replace("ganzoo: 1\n", "")) == (
        "r.yaml:1: this recipe does not say which ganzoo it is for; add 'ganzoo: 1'"
    )


def test_a_newer_schema_is_refused_alone(desk: Desk):
    (found,) = desk.problems("ganzoo: 2\nshape: of things to come\n")
    assert isinstance(found, NewerSchema)
    assert str(found) == (
        "r.yaml:1: ganzoo: this recipe is written for schema 2; this ganzoo reads 1. "
        "Install a newer ganzoo"
    )


@pytest.mark.parametrize("text", ["one", "true", "0", "1.0", "[1]"])
def test_a_schema_number_is_a_number(desk: Desk, text: str):
    assert desk.problem(BASE.replace("ganzoo: 1", f"ganzoo: {text}")) == (
        "r.yaml:1: ganzoo: expected 1"
    )
