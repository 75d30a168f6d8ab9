"""YAML as a recipe reads it: core rules of 1.2, every key with its line, traps refused."""

from __future__ import annotations

import pytest
from recipe_zoo import BASE, Desk, desk

from ganzoo.errors import RecipeProblems
from ganzoo.recipe.load import load_recipe
from ganzoo.recipe.place import Place, Problems
from ganzoo.recipe.read import read_yaml
from ganzoo.recipe.scalars import BadScalar, read_scalar, write_scalar
from ganzoo.recipe.tree import Branch, plain
from ganzoo.registry.catalogue import Registry

__all__ = ["desk"]


@pytest.mark.parametrize("text", ["off", "on", "yes", "No", "y", "12:30", "2024-01-01", "1_000_"])
def test_what_yaml_1_1_would_twist_stays_a_word(text):
    assert read_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("25_000_000", 25_000_000),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("2e-3", 0.002),
        ("1.", 1.0),
        (".5", 0.5),
        ("10_000.5", 10000.5),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("NULL", None),
    ],
)
def test_core_scalars_have_their_type(text, value):
    read = read_scalar(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["010", "-01", "00", "01.5", "0_1"])
def test_leading_zeros_are_refused(text):
    with pytest.raises(BadScalar, match=r"leading zero.*Drop the zero, or put it in quotes"):
        read_scalar(text)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan"])
def test_numbers_are_finite(text):
    with pytest.raises(BadScalar, match="not a finite number"):
        read_scalar(text)


def test_an_overflowing_number_is_refused():
    with pytest.raises(BadScalar, match="1e999 is larger than a number can be"):
        read_scalar("1e999")


def test_an_endless_number_is_refused():
    with pytest.raises(BadScalar, match="a number of 5000 digits is too long"):
        read_scalar("9" * 5000)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-8, "1e-08"), (0.1, "0.1"), ("true", '"true"'), ("1e3", '"1e3"'), ("", '""')],
)
def test_written_scalars_are_short_and_quoted_where_they_must_be(value, text):
    assert write_scalar(value) == text


def test_every_key_knows_its_line():
    problems = Problems()
    tree = read_yaml("a: 1\nb:\n  - 2\n  - 3\nc:\n  d: x\n", lambda n: Place("f", n), problems)
    assert isinstance(tree, Branch)
    assert [str(node.place) for node in tree.entries.values()] == ["f:1", "f:2", "f:5"]
    assert plain(tree) == {"a": 1, "b": [2, 3], "c": {"d": "x"}}


def test_quoted_scalars_are_words():
    tree = read_yaml("a: '010'\nb: \"true\"\nc: |\n  12\n", lambda n: Place("f", n), Problems())
    assert tree is not None
    assert plain(tree) == {"a": "010", "b": "true", "c": "12\n"}


def test_a_repeated_key_is_refused_with_both_lines(desk: Desk):
    assert desk.problem(BASE + "training: {batch: 9}\n") == (
        "r.yaml:15: training: this key is repeated; it stands already at r.yaml:14. Keep one"
    )


def test_a_leading_zero_names_its_line_and_path(desk: Desk):
    assert desk.problem(BASE.replace("1_000", "010")).startswith(
        "r.yaml:14: training.images: 010 is a number with a leading zero"
    )


def test_tags_are_refused(desk: Desk):
    assert desk.problem(BASE.replace("width: 16", "width: !!int 16")) == (
        "r.yaml:8: task.generator.width: the tag !!int is not read; types come from the component"
    )


def test_anchors_and_aliases_are_refused(desk: Desk):
    text = BASE.replace("width: 16", "width: &w 16").replace("batch: 8", "batch: *w")
    assert [str(problem) for problem in desk.problems(text)] == [
        "r.yaml:8: task.generator.width: &w marks a value for repetition; write values out",
        "r.yaml:14: training.batch: *w repeats another value; write the value out",
    ]


def test_merge_keys_are_refused(desk: Desk):
    assert desk.problem(BASE.replace("mirror: true", "<<: {mirror: true}")) == (
        "r.yaml:13: data: << is not read; to build on another recipe, use 'extends'"
    )


@pytest.mark.parametrize("key", ["true", "1.5", "null", "[a, b]", "{a: b}"])
def test_a_key_is_a_word_or_a_whole_number(desk: Desk, key: str):
    found = desk.problem(BASE + f"? {key}\n: 1\n")
    assert found == "r.yaml:15: a key is a word or a whole number; put other keys in quotes"


def test_two_documents_are_refused(desk: Desk):
    assert desk.problem(BASE + "---\na: 1\n") == (
        "r.yaml:15: a second YAML document begins here; a recipe is one document, so remove the ---"
    )


def test_broken_yaml_has_a_line_and_a_sentence(desk: Desk):
    assert desk.problem("ganzoo: 1\nabout: a: b\n") == (
        "r.yaml:2: this is not YAML: mapping values are not allowed here. Look at indentation, "
        "colons and brackets here and on the line above"
    )


@pytest.mark.parametrize("text", ["ganzoo: 1\n\tabout: x\n", "a: [1, 2\n", "a: '\n", "a: @\n", "}"])
def test_no_broken_yaml_escapes_as_a_foreign_error(desk: Desk, text: str):
    assert "this is not YAML" in desk.problem(text)


def test_bottomless_nesting_is_refused(desk: Desk):
    assert "nested more than 40 deep" in desk.problem("a: " + "[" * 300 + "]" * 300)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n...\n", "null\n"])
def test_an_empty_recipe_is_said_to_be_empty(desk: Desk, text: str):
    assert desk.problem(text) == "r.yaml: this recipe is empty; one begins with 'ganzoo: 1'"


@pytest.mark.parametrize(("text", "found"), [("- a\n", "a list"), ("hello\n", "one value")])
def test_a_recipe_that_is_no_mapping_is_refused(desk: Desk, text: str, found: str):
    assert desk.problem(text) == (
        "r.yaml:1: a recipe is a mapping that begins with 'ganzoo: 1'; this file holds " + found
    )


def test_a_binary_file_is_refused(desk: Desk):
    (desk.folder / "r.yaml").write_bytes(b"ganzoo: 1\n\x89PNG\xff")
    with pytest.raises(RecipeProblems, match=r"^r.yaml:2: this file is not UTF-8 text"):
        load_recipe("r.yaml", registry=Registry())


def test_control_characters_are_refused_with_their_line(desk: Desk):
    assert desk.problem("ganzoo: 1\nabout: \x00\n").startswith("r.yaml:2: this is not text")


def test_a_byte_order_mark_is_skipped(desk: Desk):
    assert desk.load("\ufeff" + BASE).recipe.about == "a small one"
