from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganzoo.errors import BadValue
from ganzoo.plugins.dataset.digits import DigitsDataset
from ganzoo.registry.contracts import DatasetSite

SITE = DatasetSite()


def images_of(dataset):
    return np.stack([dataset[index]["image"] for index in range(len(dataset))])


def test_the_default_is_grey_32_by_32_with_ten_classes():
    digits = DigitsDataset(SITE)
    assert (digits.resolution, digits.channels, digits.label_width) == ((32, 32), 1, 10)
    assert digits.class_names == tuple("0123456789")
    sample = digits[3]
    assert (sample["image"].dtype, sample["image"].shape) == (np.uint8, (1, 32, 32))
    assert (sample["label"].dtype, sample["label"].shape) == (np.float32, (10,))


def test_train_and_test_part_the_whole_by_every_tenth():
    train, test, whole = (DigitsDataset(SITE, split=s) for s in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (1618, 179, 1797)
    every = images_of(whole)
    tenth = np.arange(1797) % 10 == 9
    np.testing.assert_array_equal(images_of(test), every[tenth])
    np.testing.assert_array_equal(images_of(train), every[~tenth])


def test_no_test_image_occurs_in_train():
    train, test = (images_of(DigitsDataset(SITE, split=s)) for s in ("train", "test"))
    assert not {image.tobytes() for image in train} & {image.tobytes() for image in test}


def test_labels_are_those_of_the_source():
    digits = DigitsDataset(SITE, split="all")
    target = load_digits().target
    assert [int(digits.label(i).argmax()) for i in range(1797)] == target.tolist()
    assert all(digits.label(i).sum() == 1 for i in range(1797))
    np.testing.assert_array_equal(digits[7]["label"], digits.label(7))


@pytest.mark.parametrize("side", [16, 32, 64])
def test_the_margin_is_black_and_the_strokes_are_bright(side):
    digits = DigitsDataset(DatasetSite(resolution=(side, side)), split="test")
    images = images_of(digits)[:, 0]
    margin = side // 16
    inner = images[:, margin:-margin, margin:-margin]
    assert images.sum(dtype=np.int64) == inner.sum(dtype=np.int64)
    assert (images.max(axis=(1, 2)) > 200).all()


def test_reduced_again_a_digit_is_the_original():
    digits = DigitsDataset(DatasetSite(resolution=(160, 160), base=(5, 5)), split="all", margin=0.0)
    original = load_digits().images[0]
    small = digits[0]["image"][0].reshape(10, 16, 10, 16).mean((1, 3))[1:-1, 1:-1]
    assert np.corrcoef(small.ravel(), original.ravel())[0, 1] > 0.98  # the filter softens edges


def test_a_grid_that_is_not_square_holds_the_digit_in_its_middle():
    digits = DigitsDataset(DatasetSite(resolution=(32, 64), base=(4, 8)))
    image = digits[0]["image"][0]
    assert image.shape == (32, 64)
    assert image[:, :18].max() == 0
    assert image[:, 46:].max() == 0
    assert image[:, 18:46].max() > 200
    assert DigitsDataset(DatasetSite(base=(4, 2))).resolution == (32, 16)


def test_more_channels_repeat_the_grey():
    image = DigitsDataset(DatasetSite(channels=3))[0]["image"]
    grey = DigitsDataset(SITE)[0]["image"]
    np.testing.assert_array_equal(image, np.repeat(grey, 3, axis=0))


def test_reading_twice_and_after_pickling_gives_the_same():
    digits = DigitsDataset(SITE)
    first = digits[5]["image"].copy()
    digits[5]["image"][:] = 0  # a reader's scribbles stay the reader's
    np.testing.assert_array_equal(digits[5]["image"], first)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(digits))[5]["image"], first)


def test_the_fingerprint_is_of_the_split_not_of_the_size():
    base = DigitsDataset(SITE).fingerprint
    assert base == DigitsDataset(DatasetSite(resolution=(16, 16)), margin=0.2).fingerprint
    assert base != DigitsDataset(SITE, split="test").fingerprint


def test_a_resolution_that_does_not_fit_and_a_margin_without_a_middle_are_refused():
    with pytest.raises(BadValue, match="28x28 does not fit the base grid 4x4"):
        DigitsDataset(DatasetSite(resolution=(28, 28)))
    with pytest.raises(BadValue, match=r"data\.margin: 0\.5: expected from 0 to below 0\.5"):
        DigitsDataset(SITE, margin=0.5)


def test_an_index_past_the_end_is_an_index_error():
    digits = DigitsDataset(SITE, split="test")
    with pytest.raises(IndexError):
        digits[179]
    assert len(list(digits)) == 179
