from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.data.sampler import IndexStream
from ganzoo.errors import BadValue

lengths = st.integers(1, 40)
seeds = st.integers(0, 2**64)
positions = st.integers(0, 10**9)


@given(lengths, seeds, st.integers(0, 1000))
def test_every_epoch_is_a_permutation(length, seed, epoch):
    drawn = IndexStream(length, seed).take(epoch * length, length)
    assert sorted(drawn) == list(range(length))


@given(lengths, seeds, positions, st.integers(0, 100), st.integers(0, 100))
def test_a_fresh_stream_resumes_where_another_stopped(length, seed, position, first, second):
    whole = IndexStream(length, seed).take(position, first + second)
    stream = IndexStream(length, seed)
    begin = stream.take(position, first)
    resumed = IndexStream(length, seed).take(position + first, second)
    np.testing.assert_array_equal(whole, np.concatenate([begin, resumed]))
    np.testing.assert_array_equal(whole, stream.take(position, first + second))


def test_epochs_and_seeds_differ():
    stream = IndexStream(1000, 0)
    assert (stream.take(0, 1000) != stream.take(1000, 1000)).any()
    assert (stream.take(0, 1000) != IndexStream(1000, 1).take(0, 1000)).any()


def test_an_order_of_nothing_and_a_negative_seed_are_refused():
    with pytest.raises(ValueError, match="at least one image, got 0"):
        IndexStream(0, 0)
    with pytest.raises(BadValue, match=r"training\.seed: a seed is 0 or more, got -1"):
        IndexStream(3, -1)
