"""Base and maximum of a network's widths come back from the widths themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.errors import DataError
from ganzoo.interchange.widths import channel_schedule
from ganzoo.nn.pyramid import channels_at

LEVELS = st.integers(min_value=1, max_value=8)


@given(levels=LEVELS, base=st.integers(1, 1 << 17), most=st.integers(1, 1024))
def test_found_numbers_give_the_same_widths(levels, base, most):
    widths = {4 << k: channels_at(4 << k, base, most) for k in range(levels + 1)}
    found = channel_schedule(widths, "generator")
    assert {side: channels_at(side, *found) for side in widths} == widths


@given(levels=LEVELS, base=st.integers(1, 1 << 17), most=st.integers(1, 1024))
def test_numbers_that_the_file_names_are_kept_where_they_fit(levels, base, most):
    widths = {4 << k: channels_at(4 << k, base, most) for k in range(levels + 1)}
    assert channel_schedule(widths, "generator", (base, most)) == (base, most)


@given(levels=LEVELS, data=st.data())
def test_widths_that_grow_with_the_resolution_are_refused(levels, data):
    widths = {4 << k: 32 for k in range(levels + 1)}
    side = data.draw(st.sampled_from(sorted(widths)[1:]))
    widths[side] += 1
    with pytest.raises(DataError, match="the generator has irregular widths"):
        channel_schedule(widths, "generator")
