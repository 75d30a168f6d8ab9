from __future__ import annotations

import numpy as np
import pytest

from ganzoo.errors import BadValue
from ganzoo.plugins.dataset.shapes import ShapesDataset
from ganzoo.registry.contracts import DatasetSite


def site(side=32, channels=None):
    return DatasetSite(resolution=(side, side), channels=channels)


def test_images_and_labels_have_the_promised_form():
    shapes = ShapesDataset(DatasetSite(), count=5)
    assert (len(shapes), shapes.resolution, shapes.channels) == (5, (32, 32), 3)
    sample = shapes[4]
    assert (sample["image"].shape, sample["image"].dtype) == ((3, 32, 32), np.uint8)
    assert (sample["factors"].shape, sample["factors"].dtype) == ((4,), np.float32)
    np.testing.assert_array_equal(sample["label"], shapes.label(4))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_any_channel_count_and_a_wide_grid_can_be_drawn(channels):
    wide = DatasetSite(resolution=(16, 48), channels=channels, base=(2, 6))
    assert ShapesDataset(wide)[0]["image"].shape == (channels, 16, 48)


def test_every_shape_occurs_about_equally_often():
    shapes = ShapesDataset(site(8), count=600)
    counts = sum(shapes.label(i) for i in range(600))
    assert (abs(counts - 200) < 58).all()  # five standard deviations


@pytest.mark.parametrize("side", [16, 64])
def test_the_drawing_is_where_and_as_large_as_its_factors_say(side):
    shapes = ShapesDataset(site(side, channels=1), count=40)
    for sample in shapes:
        x, y, size, colour = sample["factors"]
        ground = round(0.08 * 255)
        paint = 255 * (0.4 + 0.6 * colour)
        inside = (sample["image"][0] - float(ground)) / (paint - ground)
        rows, columns = np.mgrid[:side, :side] + 0.5
        area = inside.sum()
        # corners are rounded by a part of a pixel, so areas and centres are near, not equal
        assert area == pytest.approx(np.pi * (size * side) ** 2, rel=0.06, abs=1.5)
        assert (inside * columns).sum() / area == pytest.approx(x * side, abs=0.25)
        assert (inside * rows).sum() / area == pytest.approx(y * side, abs=0.25)
        assert inside[[0, -1]].max() < 0.6  # an edge may touch the border, no more
        assert inside[:, [0, -1]].max() < 0.6


def test_edges_are_smooth_and_not_wide():
    image = ShapesDataset(site(64, channels=1), count=1)[0]["image"][0]
    between = (image > image.min()) & (image < image.max())
    assert 0 < between.mean() < 0.1


def test_the_shape_can_be_told_from_the_picture():
    shapes = ShapesDataset(site(64, channels=1), count=60)
    share = {0: [], 1: [], 2: []}
    for sample in shapes:
        rows, columns = np.nonzero(sample["image"][0] > 128 // 2)
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        share[int(sample["label"].argmax())].append(len(rows) / box)
    circle, square, triangle = (np.mean(share[k]) for k in range(3))
    assert square > 0.93
    assert 0.72 < circle < 0.87  # pi / 4 = 0.785
    assert 0.45 < triangle < 0.6  # 1 / 2


def test_an_image_depends_on_seed_and_index_alone():
    first = ShapesDataset(site(), count=20, seed=3)
    longer = ShapesDataset(site(), count=50, seed=3)
    np.testing.assert_array_equal(first[7]["image"], longer[7]["image"])
    np.testing.assert_array_equal(first[-1]["image"], first[19]["image"])
    assert (first[7]["image"] != ShapesDataset(site(), seed=4)[7]["image"]).any()
    other_size = ShapesDataset(site(16), count=20, seed=3)
    np.testing.assert_array_equal(first[7]["factors"], other_size[7]["factors"])


def test_the_fingerprint_follows_count_and_seed_but_not_the_size():
    fingerprint = ShapesDataset(site()).fingerprint
    assert fingerprint == ShapesDataset(site(8, channels=1)).fingerprint
    assert fingerprint != ShapesDataset(site(), seed=1).fingerprint
    assert fingerprint != ShapesDataset(site(), count=999).fingerprint


def test_impossible_settings_are_refused():
    with pytest.raises(BadValue, match=r"data\.count: 0: expected at least 1"):
        ShapesDataset(site(), count=0)
    with pytest.raises(BadValue, match=r"data\.seed: -1: expected 0 or more"):
        ShapesDataset(site(), seed=-1)
    with pytest.raises(BadValue, match="36x36 does not fit"):
        ShapesDataset(site(36))
    with pytest.raises(IndexError):
        ShapesDataset(site(), count=3)[3]
