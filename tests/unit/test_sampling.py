from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzoo.assembly.sampling import (
    batches,
    interpolated_styles,
    mix_styles,
    mixing_table,
    one_hot,
    slerp_path,
)
from ganzoo.nn.latents import latents_from_seeds, lerp, loop, slerp


def test_a_seed_gives_the_latent_the_field_knows():
    z = latents_from_seeds([0, 85], 512, dtype=torch.float64)
    assert z.shape == (2, 512)
    known = [1.764052345967664, 0.4001572083672233, 0.9787379841057392, 2.240893199201458]
    assert z[0, :4].tolist() == pytest.approx(known, abs=1e-12)
    assert float(z[0].norm()) == pytest.approx(22.610672738599, abs=1e-9)
    assert z[1, :3].tolist() == pytest.approx([0.17685072, 2.37775412, 0.99873286], abs=1e-8)


def test_a_seed_does_not_depend_on_its_neighbours():
    assert torch.equal(latents_from_seeds([3, 7, 9], 16)[1], latents_from_seeds([7], 16)[0])


def test_latents_are_float32_unless_asked_otherwise():
    assert latents_from_seeds([1], 4).dtype == torch.float32
    assert latents_from_seeds([], 4).shape == (0, 4)


def test_drawing_latents_leaves_the_global_generators_alone():
    before_torch, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    latents_from_seeds([5], 8)
    assert torch.equal(before_torch, torch.get_rng_state())
    assert np.array_equal(before_numpy, np.random.get_state()[1])


def test_slerp_walks_the_great_circle():
    a, b = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0, 1.0]).double()
    assert slerp(a, b, 0.5).tolist() == pytest.approx([math.sqrt(0.5)] * 2, abs=1e-12)
    third = slerp(a, b, 1 / 3).tolist()
    assert third == pytest.approx([math.sqrt(0.75), 0.5], abs=1e-12)


def test_slerp_keeps_the_lengths_of_its_ends():
    a, b = torch.tensor([2.0, 0.0]).double(), torch.tensor([0.0, 5.0]).double()
    assert slerp(a, b, 0.5).tolist() == pytest.approx([1.41421356, 3.53553391], abs=1e-8)
    assert torch.allclose(slerp(a, b, 0.0), a)
    assert torch.allclose(slerp(a, b, 1.0), b)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_slerp_of_parallel_opposite_or_zero_vectors_takes_the_line(factor):
    a = torch.tensor([[3.0, 4.0]])
    assert torch.allclose(slerp(a, factor * a, 0.25), lerp(a, factor * a, 0.25))


def test_a_loop_meets_its_keyframes_and_ends_before_it_began():
    keys = torch.tensor([[0.0], [1.0], [4.0]])
    path = loop(keys, 4)
    assert path.shape == (12, 1)
    assert torch.equal(path[::4], keys)
    assert path[-1].tolist() == pytest.approx([1.0])  # three quarters of the way back to 0
    assert path[1].tolist() == pytest.approx([0.25])


def test_a_loop_of_one_keyframe_stands_still():
    assert torch.equal(loop(torch.ones(1, 3), 5), torch.ones(5, 3))


def test_mixing_no_layer_gives_the_base_and_every_layer_the_donor():
    base, donor = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    assert torch.equal(mix_styles(base, donor, ()), base)
    assert torch.equal(mix_styles(base, donor, range(5)), donor)


def test_mixing_takes_exactly_the_layers_named_and_is_idempotent():
    base, donor = torch.zeros(1, 4, 2), torch.ones(1, 4, 2)
    mixed = mix_styles(base, donor, [1, 3])
    assert mixed[0, :, 0].tolist() == [0, 1, 0, 1]
    assert torch.equal(mix_styles(mixed, donor, [1, 3]), mixed)


def test_a_mixing_table_has_bases_down_and_donors_across():
    rows = torch.tensor([10.0, 20.0])[:, None, None].expand(2, 3, 1)
    columns = torch.tensor([1.0, 2.0, 3.0])[:, None, None].expand(3, 3, 1)
    table = mixing_table(rows, columns, [0]).unflatten(0, (2, 3))
    assert table.shape == (2, 3, 3, 1)
    assert table[:, :, 0, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert table[:, :, 1, 0].tolist() == [[10, 10, 10], [20, 20, 20]]


def test_equal_seeds_on_the_diagonal_stay_as_they_are():
    styles = torch.randn(3, 4, 2)
    table = mixing_table(styles, styles, [0, 2]).unflatten(0, (3, 3))
    for index in range(3):
        assert torch.equal(table[index, index], styles[index])


def test_interpolated_styles_meet_the_styles_they_were_given():
    keys = torch.randn(3, 4, 2)
    assert torch.equal(interpolated_styles(keys, 6)[::6], keys)


def test_a_path_over_great_circles_carries_its_label_along():
    latents, label = torch.randn(2, 8), torch.eye(2)
    path, labels = slerp_path(latents, label, 4)
    assert path.shape == (8, 8)
    assert labels[2].tolist() == [0.5, 0.5]
    assert slerp_path(latents, None, 4)[1] is None


def test_one_hot_labels_have_a_single_one():
    assert one_hot([2, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one_hot([0, 1], 0) is None


def test_batches_cover_everything_once():
    assert [list(range(7))[part] for part in batches(7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches(0, 3)) == []
