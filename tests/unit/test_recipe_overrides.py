"""Overrides of the command line."""

from __future__ import annotations

import pytest
from recipe_zoo import BASE, Desk, desk

__all__ = ["desk"]


def test_an_override_wins_over_every_file(desk: Desk):
    loaded = desk.child("training: {batch: 4}\n", "training.batch=2", "training.batch=16")
    assert loaded.recipe.training.batch == 16
    assert loaded.origin["training.batch"] == "override training.batch=16"


def test_values_follow_the_rules_of_the_file(desk: Desk):
    recipe = desk.load(
        BASE,
        "training.images=2_000",
        "training.optimizer={lr: 2e-3, betas: [0.5, 0.9]}",
        "about=off",
    ).recipe
    assert recipe.training.images == 2000
    assert recipe.training.optimizer.betas == (0.5, 0.9)
    assert recipe.about == "off"


def test_a_key_that_the_file_leaves_to_its_default_can_be_overridden(desk: Desk):
    recipe = desk.load(BASE, "task.mixing=0.5", "watch.checkpoints.keep=9").recipe
    assert recipe.task.parameters["mixing"] == 0.5
    assert recipe.watch.checkpoints.keep == 9


def test_a_parameter_of_a_bare_slot_can_be_overridden(desk: Desk):
    text = BASE.replace("{use: demo/skip, kernel: 5}", "demo/skip")
    recipe = desk.load(text, "task.generator.block.kernel=1").recipe
    assert recipe.task.parameters["generator"].parameters["block"].parameters == {"kernel": 1}


def test_an_override_of_use_replaces_the_slot(desk: Desk):
    override = "task.generator.block.use=demo/attention"
    assert [str(problem) for problem in desk.problems(BASE, override)] == [
        f"override {override}: task.generator.block: demo/attention needs 'heads' (int): how many.",
        f"override {override}: task.generator.block: demo/attention needs 'inner' "
        "(generator_block)",
    ]


def test_choosing_a_component_does_not_drop_what_was_said_of_it_before(desk: Desk):
    words = ["task.generator.block.kernel=1", "task.generator.block.use=demo/skip"]
    for order in (words, words[::-1]):
        block = desk.load(BASE, *order).recipe.task.parameters["generator"].parameters["block"]
        assert block.parameters["kernel"] == 1


def test_an_override_reaches_a_named_entry(desk: Desk):
    recipe = desk.load(BASE, "task.regularizers.r1.every=8").recipe
    assert recipe.task.parameters["regularizers"]["r1"].settings == {"weight": 10.0, "every": 8}


def test_an_override_with_null_removes_a_named_entry(desk: Desk):
    recipe = desk.load(BASE, "task.regularizers.path=null").recipe
    assert list(recipe.task.parameters["regularizers"]) == ["r1"]


@pytest.mark.parametrize("text", ["=1", ".weight=1", ".use=demo/r1", "=null", "={use: demo/r1}"])
def test_an_override_makes_no_new_named_entry(desk: Desk, text: str):
    override = f"task.regularizers.paths{text}"
    assert desk.problem(BASE, override) == (
        f"override {override}: task.regularizers: there is no entry 'paths' here to change or "
        "remove.\n  Did you mean 'path'?  There are: r1, path. "
        "A new entry belongs in a recipe file"
    )


def test_a_whole_number_reaches_a_numbered_entry(desk: Desk):
    text = BASE.replace("    width", "    lr: {4: 0.1, 8: 0.2}\n    width")
    recipe = desk.load(text, "task.generator.lr.8=1").recipe
    assert recipe.task.parameters["generator"].parameters["lr"] == {4: 0.1, 8: 1.0}


def test_an_override_of_an_unknown_key_is_an_error(desk: Desk):
    found = desk.problem(BASE, "training.bach=3")
    assert found.startswith(
        "override training.bach=3: training: training has no key 'bach'.\n  Did you mean 'batch'?"
    )


def test_an_override_through_a_scalar_is_an_error(desk: Desk):
    assert desk.problem(BASE, "training.batch.size=3") == (
        "override training.batch.size=3: training.batch: expected int, found {size: 3}"
    )


@pytest.mark.parametrize("text", ["training.batch", "=3", "a..b=1", ".a=1"])
def test_a_malformed_override_says_what_one_looks_like(desk: Desk, text: str):
    assert desk.problem(BASE, text) == (
        f"override {text}: an override reads key=value, as training.batch=16"
    )


def test_an_override_without_a_value_is_an_error(desk: Desk):
    assert desk.problem(BASE, "training.batch=") == (
        "override training.batch=: training.batch: there is no value after '='; "
        "write null to remove the key"
    )


def test_an_override_that_is_not_yaml_is_an_error(desk: Desk):
    assert desk.problem(BASE, "training.batch=[1").startswith(
        "override training.batch=[1: training.batch: this is not YAML"
    )


@pytest.mark.parametrize("key", ["extends", "ganzoo"])
def test_what_belongs_to_the_file_cannot_be_overridden(desk: Desk, key: str):
    assert desk.problem(BASE, f"{key}=x") == (
        f"override {key}=x: {key!r} belongs in the file; it cannot be overridden"
    )
