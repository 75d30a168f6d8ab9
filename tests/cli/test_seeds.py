from __future__ import annotations

import pytest

from ganzoo.cli.seeds import parse_classes, parse_layers, parse_numbers
from ganzoo.errors import UsageError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("7", (7,)), ("0-3", (0, 1, 2, 3)), ("0-2, 9,4-5", (0, 1, 2, 9, 4, 5)), ("5-5", (5,))],
)
def test_seeds_are_numbers_ranges_and_mixtures(text, numbers):
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize(
    "text", ["", "a", "1,,2", "-1", "3-", "5-3", "1.5", "4294967296", "0-9999999", "²"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="seeds"):
        parse_numbers(text)


def test_layers_must_exist():
    assert parse_layers("0-2,5", 6) == (0, 1, 2, 5)
    with pytest.raises(UsageError, match="has the styles 0-5, there is no 6"):
        parse_layers("0-6", 6)


def test_a_class_is_a_name_or_an_index_and_a_name_wins():
    assert parse_classes("cat,0", ("dog", "cat"), 2) == (1, 0)
    assert parse_classes("0", ("1", "0"), 2) == (1,)


def test_an_unknown_class_gets_its_neighbour_named():
    with pytest.raises(UsageError, match="Did you mean 'cat'"):
        parse_classes("cart", ("dog", "cat"), 2)
    with pytest.raises(UsageError, match="Classes: 0-9"):
        parse_classes("10", (), 10)


def test_a_run_without_labels_has_no_classes():
    with pytest.raises(UsageError, match="without labels"):
        parse_classes("1", (), 0)
