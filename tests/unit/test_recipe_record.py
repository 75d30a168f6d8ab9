"""What a resolved recipe leaves behind: its YAML, its hash, its differences, its completed data."""

from __future__ import annotations

import re

import pytest
import yaml
from recipe_zoo import BASE, Desk, desk, known

from ganzoo.recipe.complete import complete
from ganzoo.recipe.diff import ABSENT, diff
from ganzoo.recipe.dump import dump
from ganzoo.recipe.identity import canonical, recipe_hash
from ganzoo.recipe.load import load_recipe

__all__ = ["desk"]

RICH = BASE.replace(
    "    width", "    lr: {4: 1e-8, 8: 2}\n    extra: demo/mapper\n    width"
).replace("{mirror: true}", "{use: demo/digits, split: test, labels: none, resolution: [8, 16]}")


def test_a_dumped_recipe_loads_back_to_itself(desk: Desk):
    recipe = desk.load(RICH, 'about="a: b # c, true\\nnext \\U0001F600"', "name=my run").recipe
    desk.write("recipe.yaml", dump(recipe))
    again = load_recipe("recipe.yaml", registry=known()).recipe
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)
    assert dump(again) == dump(recipe)


def test_a_dump_with_origins_loads_back_to_itself_too(desk: Desk):
    loaded = desk.load(RICH, "about=one # two")
    text = dump(loaded.recipe, loaded.origin)
    desk.write("recipe.yaml", text)
    assert load_recipe("recipe.yaml", registry=known()).recipe == loaded.recipe


def test_a_dump_with_origins_says_where_each_value_was_written(desk: Desk):
    loaded = desk.load(BASE, "training.batch=4")
    lines = dump(loaded.recipe, loaded.origin).splitlines()
    assert any(re.fullmatch(r"      use: demo/skip +# r.yaml:7", line) for line in lines)
    assert any(re.fullmatch(r"  batch: 4 +# override training.batch=4", line) for line in lines)
    assert any(re.fullmatch(r"  seed: 0 +# default", line) for line in lines)


def test_a_dump_is_plain_block_yaml(desk: Desk):
    text = dump(desk.load(RICH).recipe)
    assert "    eps: 1e-08\n" in text
    assert "    block:\n      use: demo/skip\n      kernel: 5\n" in text
    assert "    lr:\n      4: 1e-08\n      8: 2.0\n" in text
    assert yaml.safe_load(text)["data"]["resolution"] == [8, 16]


def test_a_dump_of_open_data_leaves_it_open(desk: Desk):
    recipe = desk.load(BASE).recipe
    desk.write("recipe.yaml", dump(recipe))
    assert load_recipe("recipe.yaml", registry=known()).recipe.data.use is None


def test_the_hash_is_twelve_hex_digits(desk: Desk):
    assert re.fullmatch(r"[0-9a-f]{12}", recipe_hash(desk.load(BASE).recipe))


@pytest.mark.parametrize(
    "override", ["about=x", "name=x", "watch.every_images=5", "watch.checkpoints={keep: 5}"]
)
def test_what_cannot_change_a_result_does_not_change_the_hash(desk: Desk, override: str):
    assert recipe_hash(desk.load(BASE, override).recipe) == recipe_hash(desk.load(BASE).recipe)


@pytest.mark.parametrize(
    "override",
    [
        "task.mixing=0.5",
        "task.generator.block.kernel=3",
        "task.regularizers.r1.weight=1",
        "task.regularizers.path=null",
        "data.mirror=false",
        "training.seed=1",
        "training.ema.ramp_up=0.05",
    ],
)
def test_what_can_change_a_result_changes_the_hash(desk: Desk, override: str):
    assert recipe_hash(desk.load(BASE, override).recipe) != recipe_hash(desk.load(BASE).recipe)


def test_an_int_where_a_float_is_declared_hashes_as_the_float(desk: Desk):
    one, other = (desk.load(BASE, f"task.mixing={text}").recipe for text in ("1", "1.0"))
    assert recipe_hash(one) == recipe_hash(other)


def test_equal_recipes_have_equal_hashes_even_with_a_negative_zero(desk: Desk):
    one, other = (desk.load(BASE, f"task.mixing={text}").recipe for text in ("0", "-0.0"))
    assert one == other
    assert recipe_hash(one) == recipe_hash(other)


def test_a_null_does_not_enter_the_hash_but_taking_a_value_away_changes_it(desk: Desk):
    recipe = desk.load(BASE).recipe
    assert None not in walk(canonical(recipe))
    with_value = desk.load(BASE, "training.micro_batch=4").recipe
    assert recipe_hash(with_value) != recipe_hash(recipe)
    again = desk.load(BASE, "training.micro_batch=null").recipe
    assert recipe_hash(again) == recipe_hash(recipe)


def walk(tree):
    """Every value in nested data."""
    if isinstance(tree, dict):
        return [leaf for inner in tree.values() for leaf in walk(inner)]
    return [tree]


def test_a_written_default_hashes_as_a_silent_one(desk: Desk):
    silent, written = desk.load(BASE).recipe, desk.load(BASE, "task.mixing=0.9").recipe
    assert recipe_hash(silent) == recipe_hash(written)


def test_the_canonical_form_is_json_with_slots_as_mappings(desk: Desk):
    found = canonical(desk.load(RICH).recipe)
    assert set(found) == {"task", "data", "training"}
    assert found["task"]["regularizers"]["r1"] == {"use": "demo/r1", "weight": 10.0, "every": 16}
    assert found["task"]["generator"]["lr"] == {"4": 1e-8, "8": 2.0}
    assert found["training"]["optimizer"]["betas"] == [0.0, 0.99]


def test_a_difference_is_a_path_with_both_values(desk: Desk):
    left, right = desk.load(BASE).recipe, desk.load(BASE, "task.regularizers.r1.weight=1").recipe
    (found,) = diff(left, right)
    assert (found.path, found.left, found.right) == ("task.regularizers.r1.weight", 10.0, 1.0)


def test_slots_are_compared_by_their_parameters(desk: Desk):
    left = desk.load(BASE).recipe
    block = "{use: demo/attention, heads: 2, inner: demo/skip}"
    right = desk.load(BASE.replace("{use: demo/skip, kernel: 5}", block)).recipe
    found = {
        d.path.removeprefix("task.generator.block."): (d.left, d.right) for d in diff(left, right)
    }
    assert found == {
        "use": ("demo/skip", "demo/attention"),
        "kernel": (5, ABSENT),
        "heads": (ABSENT, 2),
        "clamp": (ABSENT, 1),
        "inner.use": (ABSENT, "demo/skip"),
        "inner.kernel": (ABSENT, 3),
    }


def test_recipes_that_differ_only_in_words_do_not_differ(desk: Desk):
    assert diff(desk.load(BASE).recipe, desk.load(BASE, "about=x", "name=y").recipe) == ()


def test_a_completed_recipe_is_a_record_that_loads_back_to_itself(desk: Desk):
    loaded = desk.load(BASE, data_use="demo/digits").recipe
    done = complete(loaded, use="demo/digits", resolution=(32, 32), channels=1, labels="class")
    assert done.data.settings == {
        "resolution": 32,
        "channels": 1,
        "labels": "class",
        "mirror": True,
    }
    assert done.data.parameters == {"split": "train"}
    desk.write("recipe.yaml", dump(done))
    again = load_recipe("recipe.yaml", registry=known()).recipe
    assert again == done
    assert recipe_hash(again) == recipe_hash(done)


def test_completing_twice_changes_nothing(desk: Desk):
    recipe = desk.load(BASE, data_use="demo/digits").recipe
    facts = {"use": "demo/digits", "resolution": (8, 16), "channels": 3, "labels": "none"}
    once = complete(recipe, **facts)
    assert complete(once, **facts) == once


def test_completing_with_another_data_set_drops_the_parameters_of_the_first(desk: Desk):
    recipe = desk.load(BASE, data_use="demo/digits").recipe
    done = complete(
        recipe, use="demo/folder", resolution=64, channels=3, labels="none", mirror=False
    )
    assert (done.data.parameters, done.data.settings["mirror"]) == ({}, False)


def test_completing_with_a_value_that_data_cannot_have_is_refused(desk: Desk):
    recipe = desk.load(BASE).recipe
    with pytest.raises(ValueError, match=r"data.labels: expected none \| class \| None, found 'x'"):
        complete(recipe, use="demo/digits", resolution=64, channels=3, labels="x")
