"""The Frechet metric and the seeded convolutions, beyond what the kit asks of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganzoo.errors import BadValue, DataError
from ganzoo.plugins.dataset.digits import DigitsDataset
from ganzoo.plugins.feature_extractor.seeded_convolutions import SeededConvolutions
from ganzoo.plugins.metric.frechet import FrechetMetric, Moments, frechet_distance
from ganzoo.registry.contracts import DatasetSite


@pytest.fixture(scope="module")
def digits():
    data = DigitsDataset(DatasetSite(resolution=(16, 16)))
    images = [np.array(data[index]["image"]) for index in range(600)]
    return torch.from_numpy(np.stack(images)).expand(-1, 3, -1, -1)


def distance(real, fake):
    metric = FrechetMetric(None, extractor=SeededConvolutions)
    metric.update({"real": real, "fake": fake})
    return metric.compute()["frechet_distance"]


def blurred(pictures, side):
    soft = F.avg_pool2d(pictures.float(), side, 1, side // 2, count_include_pad=False)
    return soft.round().to(torch.uint8)


def test_worse_pictures_are_further_away(digits):
    real, other = digits[::2], digits[1::2]
    halves, soft, softer = (
        distance(real, x) for x in (other, blurred(other, 3), blurred(other, 5))
    )
    assert halves < soft / 5
    assert soft < softer / 2


def test_fewer_kinds_of_pictures_are_further_away(digits):
    real, other = digits[::2], digits[1::2]
    few = other[:3].repeat(100, 1, 1, 1)
    assert distance(real, few) > 5 * distance(real, other)


def test_a_set_has_no_distance_to_itself(digits):
    assert distance(digits, digits) == pytest.approx(0, abs=1e-6)


def test_features_never_move():
    ramp = torch.arange(3 * 16 * 16).remainder(256).to(torch.uint8).view(1, 3, 16, 16)
    features = SeededConvolutions()(ramp)[0]
    assert features.shape == (224,)
    # float32; another machine sums in another order
    expected = [0.588105, 0.00514992, 0.457448, 0.317836, -0.0669057, 0.432426, 0.75324, -0.112745]
    assert features[[0, 15, 16, 47, 48, 95, 96, 223]].tolist() == pytest.approx(expected, rel=1e-4)


def test_another_seed_is_another_version_with_other_features():
    ramp = torch.arange(3 * 8 * 8).to(torch.uint8).view(1, 3, 8, 8)
    first, second = SeededConvolutions(), SeededConvolutions(seed=1)
    assert first.version != second.version
    assert not torch.equal(first(ramp), second(ramp))


@pytest.mark.parametrize(
    ("settings", "text"),
    [({"side": 40}, "expected a multiple of 32, found 40"), ({"seed": -1}, r"from 0 to 2\^32 - 1")],
)
def test_settings_that_cannot_be_are_refused(settings, text):
    with pytest.raises(BadValue, match=text):
        SeededConvolutions(None, **settings)


def test_one_picture_is_too_few(digits):
    metric = FrechetMetric(None, extractor=SeededConvolutions)
    metric.update({"real": digits[:1], "fake": digits})
    with pytest.raises(DataError, match="at least two real pictures and got 1"):
        metric.compute()


def test_the_distance_of_two_gaussians_is_the_closed_form():
    # commuting covariances: the sum of squared differences of the standard deviations
    first, second = np.diag([1.0, 4.0, 0.0]), np.diag([9.0, 4.0, 16.0])
    shift = np.array([1.0, 2.0, 0.0])
    found = frechet_distance(shift, first, np.zeros(3), second)
    assert found == pytest.approx(1 + 4 + (1 - 3) ** 2 + 0 + (0 - 4) ** 2, rel=1e-12)


def test_the_distance_is_symmetric_for_few_samples_in_many_dimensions():
    random = np.random.RandomState(0)
    clouds = [random.randn(5, 12) for _ in range(2)]
    parts = [(cloud.mean(axis=0), np.cov(cloud, rowvar=False)) for cloud in clouds]
    there, back = (frechet_distance(*parts[a], *parts[1 - a]) for a in (0, 1))
    assert there == pytest.approx(back, rel=1e-7)


def test_moments_far_from_zero_keep_their_digits():
    rows = 1e6 + np.random.RandomState(0).randn(500, 3)
    moments = Moments()
    for piece in np.array_split(rows, 7):
        moments.add(piece)
    assert moments.covariance() == pytest.approx(np.cov(rows, rowvar=False), rel=1e-6)


def test_features_that_are_no_numbers_give_no_number():
    bad = np.array([np.nan, 0.0])
    assert np.isnan(frechet_distance(bad, np.eye(2), np.zeros(2), np.eye(2)))
