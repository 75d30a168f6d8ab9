from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from ganzoo.data.batches import Batches
from ganzoo.data.labels import label_table
from ganzoo.data.sampler import IndexStream
from ganzoo.errors import BadValue, DataError
from ganzoo.plugins.dataset.shapes import ShapesDataset
from ganzoo.registry.contracts import DatasetSite


@pytest.fixture(scope="module")
def shapes() -> ShapesDataset:
    return ShapesDataset(DatasetSite(resolution=(8, 8)), count=30)


@pytest.fixture
def open_batches(shapes) -> Iterator:
    opened = []

    def open_them(dataset=shapes, seed=5, mirror=False, **options):
        opened.append(Batches(dataset, seed=seed, mirror=mirror, **options))
        return opened[-1]

    yield open_them
    for batches in opened:
        batches.close()


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_a_batch_stacks_every_field(open_batches):
    batch = open_batches().batch(0, 7)
    assert batch["image"].shape == (7, 3, 8, 8)
    assert batch["image"].dtype == np.uint8
    assert batch["label"].shape == (7, 3)
    assert batch["factors"].shape == (7, 4)


def test_an_epoch_of_batches_shows_every_image_once(open_batches, shapes):
    batches = open_batches()
    shown = np.concatenate([batches.batch(p, 10)["factors"] for p in (0, 10, 20)])
    expected = np.stack([shapes[i]["factors"] for i in range(30)])
    assert sorted(map(tuple, shown)) == sorted(map(tuple, expected))


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_ahead_and_worker_threads_change_nothing(open_batches, workers):
    ahead = open_batches(mirror=True, workers=workers)
    walked = [ahead.batch(p, 8) for p in (0, 8, 16, 100, 8)]
    for position, batch in zip((0, 8, 16, 100, 8), walked):
        assert_equal(batch, open_batches(mirror=True).batch(position, 8))


def test_a_batch_cut_differently_holds_the_same_samples(open_batches):
    whole = open_batches(mirror=True).batch(13, 20)
    parts = [open_batches(mirror=True).batch(p, 10) for p in (13, 23)]
    np.testing.assert_array_equal(whole["image"], np.concatenate([part["image"] for part in parts]))


def test_ranks_take_strided_shares_of_the_batch(open_batches):
    whole = open_batches(mirror=True).batch(4, 11)
    for rank in range(3):
        share = open_batches(mirror=True).batch(4, 11, rank=rank, world=3)
        assert_equal(share, {name: value[rank::3] for name, value in whole.items()})


def test_a_batch_smaller_than_the_world_is_refused(open_batches):
    with pytest.raises(BadValue, match=r"training\.batch: a batch of 2 leaves some of 3 ranks"):
        open_batches().batch(0, 2, rank=0, world=3)


def test_mirror_flips_about_half_of_the_images_and_only_those(open_batches):
    plain = open_batches().batch(0, 300)["image"]
    mirrored = open_batches(mirror=True).batch(0, 300)["image"]
    flipped = (mirrored == plain[..., ::-1]).all((1, 2, 3)) & (mirrored != plain).any((1, 2, 3))
    kept = (mirrored == plain).all((1, 2, 3))
    assert (flipped | kept).all()
    assert 110 < flipped.sum() < 190  # 150 expected; five standard deviations are 43


def test_an_image_is_not_flipped_alike_in_every_epoch(open_batches):
    batches = open_batches(ShapesDataset(DatasetSite(resolution=(8, 8)), count=1), mirror=True)
    assert len(np.unique(batches.batch(0, 20)["image"], axis=0)) == 2


def test_mirror_flips_fields_of_the_images_size_with_it(open_batches, shapes):
    class Masked(ShapesDataset):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            return {**sample, "mask": sample["image"].max(axis=0)}

    masked = Masked(DatasetSite(resolution=(8, 8)), count=30)
    batch = open_batches(masked, mirror=True).batch(0, 30)
    np.testing.assert_array_equal(batch["mask"], batch["image"].max(axis=1))


def test_labels_are_drawn_from_the_images_by_the_generator(open_batches, shapes):
    batches = open_batches()
    drawn = batches.labels(3000, torch.Generator().manual_seed(1))
    again = batches.labels(3000, torch.Generator().manual_seed(1))
    assert drawn.shape == (3000, 3)
    assert drawn.dtype == torch.float32
    assert torch.equal(drawn, again)
    # a share's standard deviation is at most 0.5 / sqrt(3000) = 0.009; five of them
    np.testing.assert_allclose(drawn.mean(0), label_table(shapes).mean(0), atol=0.046)


def test_labels_can_be_left_out(open_batches):
    batches = open_batches(labels=False)
    assert "label" not in batches.batch(0, 2)
    assert batches.labels(2, torch.Generator()) is None


def test_the_label_table_agrees_with_the_samples(shapes):
    table = label_table(shapes)
    np.testing.assert_array_equal(table, np.stack([shapes[i]["label"] for i in range(30)]))


def test_an_error_met_while_reading_ahead_waits_for_its_own_batch(open_batches):
    class Fragile(ShapesDataset):
        bad = -1

        def __getitem__(self, index):
            if index == self.bad:
                raise DataError(f"image {index} is broken")
            return super().__getitem__(index)

    dataset = Fragile(DatasetSite(resolution=(8, 8)), count=30)
    batches = open_batches(dataset)
    dataset.bad = int(IndexStream(30, 5).take(8, 1)[0])
    batches.batch(0, 8)
    with pytest.raises(DataError, match="is broken"):
        batches.batch(8, 8)
