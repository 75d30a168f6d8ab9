"""The Frechet distance of every set of metrics.npz, by torch-fidelity and clean-fid."""

from __future__ import annotations

import pytest
import torch
from archives import TOLERANCES, assert_agrees, cases, folder_of, load_once, sub

from ganzoo.plugins.metric.frechet import FrechetMetric


class GivenFeatures:
    """Features that stand in the file: a picture holds the number of its row."""

    name, version = "given", "0"

    def __init__(self, rows):
        self.rows = rows

    def __call__(self, pictures):
        return self.rows[pictures[:, 0, 0, 0].long()]


def numbered(count, offset=0):
    """uint8 pictures [count, 3, 1, 1] that say which row they are."""
    numbers = torch.arange(offset, offset + count, dtype=torch.uint8)
    return numbers[:, None, None, None].expand(-1, 3, 1, 1)


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        path = folder_of(metafunc.config) / "metrics.npz"
        found = [c for c in cases(path) if c.startswith("set")] if path.exists() else []
        metafunc.parametrize("case", found)


@pytest.fixture
def arrays(golden_dir, case):
    return sub(load_once(golden_dir / "metrics.npz"), case)


@pytest.fixture
def metric(arrays):
    """The metric after all pictures of a set, in uneven pieces."""
    real, fake = arrays["real"], arrays["fake"]
    made = FrechetMetric(None, extractor=lambda site: GivenFeatures(torch.cat([real, fake])))
    for first in range(0, len(real), 7):
        made.update({"real": numbered(len(real), 0)[first : first + 7]})
    for first in range(0, len(fake), 11):
        made.update({"fake": numbered(len(fake), len(real))[first : first + 11]})
    return made


def test_moments_are_the_published_ones(arrays, metric):
    for field, moments in metric.moments.items():
        covariance = torch.from_numpy(moments.covariance())
        assert_agrees(torch.from_numpy(moments.mean), arrays[f"mu_{field}"], 1e-12, "mean")
        assert_agrees(covariance, arrays[f"sigma_{field}"], 1e-12, "covariance")


def test_the_distance_is_the_published_one(arrays, metric):
    found = torch.tensor(metric.compute()["frechet_distance"], dtype=torch.float64)
    assert_agrees(found, arrays["fid"], TOLERANCES["fid"], "frechet distance")
