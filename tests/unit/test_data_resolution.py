from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.data.resolution import largest_resolution, levels_of
from ganzoo.errors import BadValue

sides = st.integers(1, 9)


@given(sides, sides, st.integers(1, 8))
def test_every_power_of_two_of_the_base_has_its_level(height, width, levels):
    assert levels_of((height << levels, width << levels), (height, width)) == levels


@pytest.mark.parametrize("resolution", [(4, 4), (30, 30), (32, 64), (0, 0), (12, 12)])
def test_other_sizes_are_refused(resolution):
    with pytest.raises(BadValue):
        levels_of(resolution, (4, 4))


def test_the_refusal_names_the_nearest_sizes_and_a_base_that_fits():
    with pytest.raises(BadValue) as refusal:
        levels_of((30, 30), (4, 4))
    text = str(refusal.value)
    assert text.startswith("data.resolution: 30x30 does not fit the base grid 4x4")
    assert "Nearest: 16x16 or 32x32, or a base grid of [15, 15]" in text
    with pytest.raises(BadValue, match=r"32x32 or 64x64, or a base grid of \[4, 8\]"):
        levels_of((32, 64), (4, 4))


def test_a_resolution_below_one_doubling_is_sent_to_the_first():
    with pytest.raises(BadValue, match=r"Nearest: 8x8$"):
        levels_of((4, 4), (4, 4))


@pytest.mark.parametrize(
    ("limit", "base", "expected"),
    [
        ((100, 70), (4, 4), (64, 64)),
        ((64, 64), (4, 4), (64, 64)),
        ((63, 500), (4, 4), (32, 32)),
        ((5, 5), (4, 4), (8, 8)),
        ((5000, 5000), (4, 4), (1024, 1024)),
        ((100, 200), (3, 5), (96, 160)),
    ],
)
def test_the_largest_resolution_fits_the_limit(limit, base, expected):
    assert largest_resolution(limit, base) == expected
