"""Slots, records and settings against their schemas, and the texts of what is wrong."""

from __future__ import annotations

import pytest
from recipe_zoo import BASE, Desk, desk, registry

from ganzoo.errors import BadValue, RecipeProblems, UnknownComponent, UnknownKey
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry

__all__ = ["desk"]


def test_values_become_their_declared_types(desk: Desk):
    recipe = desk.load(BASE, "training.optimizer.betas=[0, 0.99]", "task.mixing=1").recipe
    assert [type(beta) for beta in recipe.training.optimizer.betas] == [float, float]
    assert type(recipe.task.parameters["mixing"]) is float
    assert type(recipe.task.parameters["generator"].parameters["clamp"]) is float


def test_a_bare_name_is_a_slot(desk: Desk):
    bare = desk.load(BASE.replace("{use: demo/skip, kernel: 5}", "demo/skip"))
    full = desk.load(BASE.replace("{use: demo/skip, kernel: 5}", "{use: demo/skip}"))
    assert bare.recipe == full.recipe


def test_slots_nest(desk: Desk):
    block = (
        "{use: demo/attention, heads: 2, inner: {use: demo/attention, heads: 1, inner: demo/skip}}"
    )
    recipe = desk.load(BASE.replace("{use: demo/skip, kernel: 5}", block)).recipe
    paths = [path for path, _ in recipe.task.walk("task")]
    assert "task.generator.block.inner.inner" in paths


def test_a_record_is_a_mapping_with_known_keys(desk: Desk):
    text = BASE.replace("    width", "    start: {level: 8}\n    width")
    start = desk.load(text).recipe.task.parameters["generator"].parameters["start"]
    assert start == {"level": 8, "fade": 0.5}


def test_origins_tell_file_override_default_and_data(desk: Desk):
    origin = desk.load(BASE, "task.mixing=0", data_use="demo/digits").origin
    assert origin["task.generator.block.use"] == "r.yaml:7"
    assert origin["task.mixing"] == "override task.mixing=0"
    assert origin["task.base"] == "default"
    assert origin["training.optimizer.lr"] == "default"
    assert origin["data.use"] == "--data"
    assert origin["data.mirror"] == "r.yaml:13"


def test_data_may_be_left_to_the_user(desk: Desk):
    data = desk.load(BASE).recipe.data
    assert (data.use, data.parameters, data.settings["mirror"]) == (None, {}, True)


def test_data_use_keeps_the_settings_and_drops_parameters_of_another_data_set(desk: Desk):
    text = BASE.replace("{mirror: true}", "{use: demo/digits, split: test, resolution: 8}")
    data = desk.load(text, data_use="demo/folder").recipe.data
    assert (data.use, data.parameters) == ("demo/folder", {"crop": False})
    assert data.settings["resolution"] == 8


def test_data_use_of_the_same_data_set_keeps_its_parameters(desk: Desk):
    text = BASE.replace("{mirror: true}", "{use: demo/digits, split: test}")
    assert desk.load(text, data_use="demo/digits").recipe.data.parameters == {"split": "test"}


def test_a_square_resolution_is_written_in_one_way(desk: Desk):
    assert (
        desk.load(BASE, "data.resolution=[8, 8]").recipe
        == desk.load(BASE, "data.resolution=8").recipe
    )
    assert desk.load(BASE, "data.resolution=[8, 16]").recipe.data.settings["resolution"] == (8, 16)


def test_an_unknown_parameter_names_component_neighbour_and_all_parameters(desk: Desk):
    block = "{use: demo/attention, head: 2, heads: 1, inner: demo/skip}"
    (found,) = desk.problems(BASE.replace("{use: demo/skip, kernel: 5}", block))
    assert isinstance(found, UnknownKey)
    assert str(found) == (
        "r.yaml:7: task.generator.block: demo/attention has no parameter 'head'.\n"
        "  Did you mean 'heads'?  It accepts: heads (int), inner (generator_block), clamp (int = 1)"
    )


def test_an_unknown_parameter_of_a_regularizer_is_told_the_settings_too(desk: Desk):
    assert desk.problem(BASE.replace("every: 16", "evry: 16")) == (
        "r.yaml:11: task.regularizers.r1: demo/r1 has no parameter 'evry'.\n"
        "  Did you mean 'every'?  It accepts: weight (float = 1.0), every (int = 1)"
    )


def test_a_component_without_parameters_says_so(desk: Desk):
    text = BASE.replace("demo/logistic", "{use: demo/logistic, drift: 1}")
    assert desk.problem(text) == (
        "r.yaml:9: task.loss: demo/logistic has no parameter 'drift'.\n  It accepts no parameters."
    )


def test_a_key_of_an_inner_room_is_pointed_to(desk: Desk):
    assert "Did you mean 'optimizer.lr'?" in desk.problem(BASE, "training.lr=1")


@pytest.mark.parametrize("key", ["rooms: {}", "trainig: {batch: 2}", "7: 1"])
def test_unknown_rooms_are_refused(desk: Desk, key: str):
    found = desk.problem(BASE + key + "\n")
    word = key.partition(":")[0]
    assert found.startswith(f"r.yaml:15: a recipe has no key {7 if word == '7' else word!r}.\n")
    assert ("Did you mean 'training'?" in found) == (word == "trainig")


def test_an_unknown_component_has_place_path_and_neighbour(desk: Desk):
    (found,) = desk.problems(BASE.replace("demo/skip", "demo/skips"))
    assert isinstance(found, UnknownComponent)
    assert (found.where, found.path) == ("r.yaml:7", "task.generator.block")
    assert "Did you mean 'demo/skip'?" in str(found)


def test_a_component_that_breaks_the_star_rule_is_told_at_its_line(desk: Desk):
    text = BASE.replace("{use: demo/skip, kernel: 5}", "demo/wild")
    found = desk.problem(text)
    assert found.startswith("r.yaml:7: task.generator.block: demo/wild cannot be used: ")
    assert "**anything" in found


def test_a_missing_parameter_is_told_at_the_line_of_its_slot(desk: Desk):
    text = BASE.replace("block: {use: demo/skip, kernel: 5}", "block:\n      use: demo/attention")
    assert [str(problem) for problem in desk.problems(text)] == [
        "r.yaml:8: task.generator.block: demo/attention needs 'heads' (int): how many.",
        "r.yaml:8: task.generator.block: demo/attention needs 'inner' (generator_block)",
    ]


def test_a_recipe_without_a_task_says_so(desk: Desk):
    assert desk.problem("ganzoo: 1\n").startswith("r.yaml:1: a recipe needs 'task' (task)")


def test_a_slot_without_a_component_says_how_to_find_one(desk: Desk):
    assert desk.problem(BASE.replace("use: demo/skip, ", "")) == (
        "r.yaml:7: task.generator.block: no component is named here; add 'use' with the name of "
        "a generator_block (ganzoo list generator_block)"
    )


@pytest.mark.parametrize("value", ["5", "[demo/skip]", "true"])
def test_a_slot_of_another_shape_is_refused(desk: Desk, value: str):
    found = desk.problem(BASE.replace("{use: demo/skip, kernel: 5}", value))
    assert found.startswith(
        "r.yaml:7: task.generator.block: expected the name of a generator_block, or a mapping "
        "with 'use', found "
    )


def test_use_must_be_a_name(desk: Desk):
    assert desk.problem(BASE.replace("use: demo/net", "use: 5")) == (
        "r.yaml:6: task.generator.use: expected the name of a network, as 'vendor/name', found 5"
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batch=many", "training.batch: expected int, found 'many'"),
        ("training.batch=true", "training.batch: expected int, found true"),
        ("training.images=25e6", "training.images: expected int, found 25000000.0. Write 25000000"),
        ("data.mirror=yes", "data.mirror: expected bool, found 'yes'. Write true or false"),
        ("about=7", "about: expected str, found 7. Put it in quotes if it is a word"),
        ("data.labels=clas", "data.labels: expected none | class | None, found 'clas'. "
         "Did you mean 'class'?"),
        ("task.base=[4, 4, 4]", "task.base: expected [int, int], found [4, 4, 4]"),
        ("task.generator.noise={a: 1}", "task.generator.noise: expected bool, found {a: 1}"),
        ("task.generator.start=4",
         "task.generator.start: expected Start, found 4. Write a mapping of level, fade"),
        ("task.regularizers=[a]", "task.regularizers: expected mapping of str to regularizer, "
         "found ['a']"),
        ("task.regularizers.r1.every=0",
         "task.regularizers.r1.every: expected at least 1, found 0"),
        ("task.generator.lr={a: 1}", "task.generator.lr: expected int as key, found 'a'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_what_was_expected(desk: Desk, override: str, message: str):
    (found,) = desk.problems(BASE, override)
    assert isinstance(found, BadValue)
    assert str(found) == f"override {override}: {message}"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batch=0", "at least 1, found 0"),
        ("training.images=-5", "at least 1, found -5"),
        ("training.micro_batch=0", "at least 1, found 0"),
        ("training.micro_batch=3", "a divisor of training.batch, which is 8, found 3"),
        ("training.seed=-1", "from 0 to 2^63 - 1, found -1"),
        ("training.optimizer.lr=0", "more than 0, found 0.0"),
        ("training.optimizer.eps=-1e-8", "more than 0, found -1e-08"),
        ("training.optimizer.betas=[0, 1]", "both from 0 to below 1, found [0.0, 1.0]"),
        ("training.ema.half_life_images=0", "more than 0, found 0.0"),
        ("training.ema.ramp_up=0", "more than 0, found 0.0"),
        ("training.ema.decay_per_step=1", "from 0 to below 1, found 1.0"),
        ("watch.every_images=0", "at least 1, found 0"),
        ("watch.every_minutes=0", "more than 0, found 0.0"),
        ("watch.checkpoints.keep=0", "at least 1, found 0"),
        ("data.resolution=2", "sides of at least 4, found 2"),
        ("data.resolution=[8, 2]", "sides of at least 4, found [8, 2]"),
        ("data.channels=0", "at least 1, found 0"),
        ("name=a/b", "a name without slashes or line breaks, found 'a/b'"),
    ],
)
def test_a_value_outside_its_range_is_refused(desk: Desk, override: str, message: str):
    path = override.partition("=")[0]
    assert desk.problem(BASE, override) == f"override {override}: {path}: expected {message}"


def test_the_smallest_allowed_values_are_allowed(desk: Desk):
    desk.load(
        BASE,
        "training.micro_batch=1",
        "training.batch=1",
        "training.images=1",
        "training.optimizer.betas=[0, 0]",
        "training.ema.decay_per_step=0",
        "data.resolution=4",
    )


def test_a_batch_larger_than_the_budget_is_refused(desk: Desk):
    told = desk.problem(BASE, "training.images=100", "training.batch=128")
    assert "expected at most training.images, which is 100, found 128" in told


def test_all_problems_are_told_at_once_in_the_order_of_lines(desk: Desk):
    text = (
        BASE.replace("batch: 8", "batch: x")
        .replace("kernel: 5", "kernels: 5")
        .replace("demo/logistic", "demo/none")
        .replace("decay: 0.02", "decay: 010")
    )
    found = desk.problems(text, "training.seed=-1")
    assert [problem.where for problem in found] == [
        "r.yaml:7",
        "r.yaml:9",
        "r.yaml:12",
        "r.yaml:14",
        "override training.seed=-1",
    ]


def test_a_plugin_that_failed_to_load_is_named(desk: Desk):
    desk.write("r.yaml", BASE.replace("demo/skip", "broken/block"))
    zoo = registry()
    zoo.register("broken", "no_such_module_at_all")
    with pytest.raises(RecipeProblems, match="needs the plugin 'broken', which failed to load"):
        load_recipe("r.yaml", registry=zoo)


def test_an_empty_registry_says_that_nothing_is_installed(desk: Desk):
    desk.write("r.yaml", BASE)
    with pytest.raises(RecipeProblems, match=r"^r\.yaml:4: task: needs the plugin 'demo'"):
        load_recipe("r.yaml", registry=Registry())
