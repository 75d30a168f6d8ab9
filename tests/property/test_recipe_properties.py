"""What holds for every recipe, not only for those we thought of."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.errors import RecipeError
from ganzoo.recipe.dump import dump
from ganzoo.recipe.identity import canonical, recipe_hash
from ganzoo.recipe.load import load_recipe
from ganzoo.recipe.merge import merge
from ganzoo.recipe.model import Recipe
from ganzoo.recipe.place import DEFAULT, Place, Problems
from ganzoo.recipe.read import read_yaml
from ganzoo.recipe.scalars import BadScalar, read_scalar, write_scalar
from ganzoo.recipe.tree import Branch, plain, planted
from ganzoo.registry.catalogue import Registry

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
KEYS = st.sampled_from(["a", "b", "c", "use"])
COMPONENTS = st.sampled_from(["x/one", "x/two"])
VALUES = st.recursive(
    SCALARS | COMPONENTS | st.lists(st.integers(), max_size=3),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TREES = st.dictionaries(KEYS, VALUES, max_size=4)
# Where a key is a mapping in every file or in none, merging is associative; over a scalar it is
# not, because nothing below the scalar survives.
NUMBER_KEYS = {"a": st.integers(), "b": st.integers()}
SHAPED = st.fixed_dictionaries({}, optional=NUMBER_KEYS)
for _ in range(2):
    SHAPED = st.fixed_dictionaries({}, optional={**NUMBER_KEYS, "m": SHAPED, "n": SHAPED})


def read(text: str) -> object:
    problems = Problems()
    node = read_yaml(text, lambda line: Place("text", line), problems)
    problems.raise_all()
    return None if node is None else plain(node)


@settings(deadline=None)
@given(SCALARS)
def test_scalars_read_back_as_they_were_written(value):
    for text in (f"k: {write_scalar(value)}", f"k: [{write_scalar(value, in_list=True)}]"):
        found = read(text)["k"]
        found = found[0] if isinstance(found, list) else found
        assert found == value
        assert type(found) is type(value)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_float_has_a_shorter_text_of_its_own(value):
    text = write_scalar(value)
    assert read_scalar(text) == value
    assert text == repr(value)


@settings(deadline=None)
@given(st.text(alphabet="0123456789_+-.eExo~truefalsn", max_size=8))
def test_a_scalar_is_read_or_refused_never_a_crash(text):
    with suppress(BadScalar):
        assert read_scalar(text) is None or type(read_scalar(text)) in (bool, int, float, str)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_recipe_error(text):
    with suppress(RecipeError):
        read(text)


@settings(deadline=None)
@given(TREES)
def test_merging_with_nothing_changes_nothing(tree):
    empty = Branch({}, DEFAULT)
    assert plain(merge(planted(tree, DEFAULT), empty)) == tree
    assert plain(merge(empty, planted(tree, DEFAULT))) == tree


@settings(deadline=None)
@given(TREES)
def test_merging_a_tree_over_itself_changes_no_value(tree):
    node = planted(tree, DEFAULT)
    assert plain(merge(node, node)) == tree


@settings(deadline=None)
@given(SHAPED, SHAPED, SHAPED)
def test_merging_is_associative_where_shapes_agree(a, b, c):
    a, b, c = (planted(tree, DEFAULT) for tree in (a, b, c))
    assert plain(merge(merge(a, b), c)) == plain(merge(a, merge(b, c)))


@settings(deadline=None)
@given(TREES, TREES)
def test_what_the_upper_tree_says_in_scalars_holds(below, above):
    merged = plain(merge(planted(below, DEFAULT), planted(above, DEFAULT)))
    for key, value in above.items():
        if not isinstance(value, (dict, str)):
            assert merged[key] == value


@cache
def registry() -> Registry:
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


def loaded(text: str, *overrides: str) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "r.yaml"
        file.write_text(text, encoding="utf-8")
        return load_recipe(file, overrides, registry=registry()).recipe


CHILDREN = st.fixed_dictionaries(
    {"ganzoo": st.just(1), "extends": st.just("ganzoo.recipes:stylegan2-f.yaml")},
    optional={
        "about": st.text(),
        "task": st.fixed_dictionaries(
            {},
            optional={
                "style_mixing": st.floats(0, 1),
                "loss": st.just("ganzoo/logistic"),
                "generator": st.fixed_dictionaries(
                    {},
                    optional={
                        "block": st.sampled_from(
                            ["ganzoo/skip", "ganzoo/residual", {"use": "ganzoo/original"}]
                        ),
                        "clamp": st.none() | st.floats(1, 1e6),
                        "resample": st.lists(st.integers(1, 9), min_size=1, max_size=4),
                    },
                ),
                "regularizers": st.fixed_dictionaries(
                    {}, optional={"path": st.none(), "r1": st.just({"weight": 3, "every": 1})}
                ),
            },
        ),
        "data": st.fixed_dictionaries(
            {},
            optional={
                "use": st.sampled_from(["ganzoo/digits", "ganzoo/image-folder"]),
                "resolution": st.sampled_from([4, 64, [8, 8], [8, 16], None]),
                "mirror": st.booleans(),
            },
        ),
        "training": st.fixed_dictionaries(
            {},
            optional={
                "seed": st.integers(0, 2**63 - 1),
                "optimizer": st.fixed_dictionaries(
                    {}, optional={"lr": st.floats(1e-30, 1e30), "eps": st.floats(1e-300, 1)}
                ),
            },
        ),
        "watch": st.fixed_dictionaries({}, optional={"every_minutes": st.floats(0.1, 100)}),
    },
)


@settings(max_examples=25, deadline=None)
@given(CHILDREN)
def test_resolving_a_dumped_recipe_yields_itself(child):
    recipe = loaded(json.dumps(child))
    again = loaded(dump(recipe))
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)


@settings(max_examples=15, deadline=None)
@given(CHILDREN, st.randoms(use_true_random=False))
def test_the_hash_ignores_the_order_of_keys(child, random):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key]) for key in keys}

    assert recipe_hash(loaded(json.dumps(shuffled(child)))) == recipe_hash(
        loaded(json.dumps(child))
    )


@settings(max_examples=15, deadline=None)
@given(CHILDREN, st.text(), st.integers(1, 10**9))
def test_the_hash_ignores_about_and_watch(child, about, every):
    other = {**child, "about": about, "watch": {"every_images": every}}
    assert recipe_hash(loaded(json.dumps(other))) == recipe_hash(loaded(json.dumps(child)))


@settings(max_examples=10, deadline=None)
@given(CHILDREN)
def test_the_canonical_form_survives_json(child):
    form = canonical(loaded(json.dumps(child)))
    assert json.loads(json.dumps(form, allow_nan=False)) == form


@settings(max_examples=10, deadline=None)
@given(CHILDREN)
def test_a_dump_is_yaml_for_everyone_else_too(child):
    assert set(yaml.safe_load(dump(loaded(json.dumps(child))))) == {
        "ganzoo", "name", "about", "task", "data", "training", "watch",
    }  # fmt: skip
