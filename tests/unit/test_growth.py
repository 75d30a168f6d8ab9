"""Growing by images shown: the schedule, what it refuses, and images between two sizes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.errors import BadValue
from ganzoo.nn.growing import enlarge, fade_real, shrink
from ganzoo.plugins.growth.progressive import ProgressiveGrowth
from ganzoo.registry.contracts import GrowthSite


def growth(top=3, **parameters):
    return ProgressiveGrowth(GrowthSite(top=top), **parameters)


def sizes(made, *images):
    return [(state.level, state.fade) for state in map(made.at, images)]


def test_a_resolution_is_held_and_the_next_one_fades_in():
    made = growth(hold_images=100, fade_images=50)
    assert sizes(made, 0, 100, 125, 150, 250, 275) == [
        (0, 1), (0, 1), (1, 0.5), (1, 1), (1, 1), (2, 0.5),
    ]  # fmt: skip


def test_it_may_start_at_a_larger_resolution():
    assert sizes(growth(start=16), 0) == [(2, 1)]
    assert sizes(growth(start=32), 0) == [(3, 1)]


def test_a_schedule_may_differ_at_every_resolution():
    made = growth(hold_images=10, fade_images=10, hold={8: 100}, fade={8: 0, 16: 4})
    assert sizes(made, 9, 10, 109, 112, 114) == [(0, 1), (1, 1), (1, 1), (2, 0.5), (2, 1)]


def test_batch_and_learning_rate_change_when_a_fade_begins():
    made = growth(hold_images=10, fade_images=10, batch={4: 8, 8: 4}, lr={8: 0.1})
    assert [(made.at(i).batch, made.at(i).lr) for i in (10, 11)] == [(8, None), (4, 0.1)]
    assert made.at(31).batch is None


def test_the_learning_rate_may_rise_in_the_beginning():
    made = growth(lr_ramp_up_images=100)
    assert [made.at(i).lr_scale for i in (0, 25, 100, 1000)] == [0, 0.25, 1, 1]


@given(
    st.integers(0, 5),
    st.integers(0, 50),
    st.integers(0, 50),
    st.lists(st.integers(0, 1000), min_size=2),
)
def test_networks_never_shrink(top, hold, fade, images):
    made = growth(top=top, hold_images=hold, fade_images=fade)
    found = sizes(made, *sorted(images))
    assert found == sorted(found)
    assert all(0 < f <= 1 for _, f in found)
    assert sizes(made, top * (hold + fade)) == [(top, 1)]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"start": 64}, "growing starts at 64, but the images end at 32"),
        ({"start": 12}, "start names the resolution 12; expected 4, 8, 16 and so on"),
        ({"lr": {2: 0.1}}, "lr names the resolution 2"),
        ({"hold_images": -1}, "hold_images is -1; expected 0 or more"),
        ({"fade": {8: -1}}, "fade is -1; expected 0 or more"),
        ({"batch": {8: 0}}, "batch is 0; expected 1 or more"),
        ({"lr": {8: 0}}, "lr is {8: 0}; expected more than 0"),
    ],
)
def test_what_cannot_be_is_refused(parameters, text):
    with pytest.raises(BadValue, match=text.replace("{", r"\{")):
        growth(**parameters)


def test_a_table_may_name_resolutions_that_are_never_reached():
    assert growth(lr={1024: 0.003}).at(10**9).lr is None


def test_shrinking_takes_the_mean_of_each_box_and_enlarging_repeats_pixels():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    small = shrink(image, 1)
    assert small.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert torch.equal(shrink(enlarge(small, 2), 2), small)
    assert torch.equal(enlarge(small, 1)[0, 0, :2], torch.tensor([[2.5, 2.5, 4.5, 4.5]] * 2))


def test_a_fading_real_image_lies_between_itself_and_its_boxes():
    image = torch.randn(2, 3, 8, 8)
    boxes = enlarge(shrink(image, 1), 1)
    assert torch.equal(fade_real(image, 1), image)
    torch.testing.assert_close(fade_real(image, 0.25), 0.75 * boxes + 0.25 * image)
