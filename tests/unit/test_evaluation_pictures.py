"""The pictures that metrics see, and the evaluator that shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from ganzoo.assembly.dataset import open_dataset
from ganzoo.errors import DataError, NonFinite, UnknownComponent, UsageError
from ganzoo.evaluation.choice import metric_slot
from ganzoo.evaluation.evaluator import Evaluator, samples_for
from ganzoo.evaluation.pictures import (
    as_rgb,
    chunk_of,
    fake_pictures,
    labels_as_data,
    real_pictures,
    strip,
)
from ganzoo.plugins.dataset.digits import DigitsDataset
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import DatasetSite


@pytest.fixture(scope="module")
def registry():
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


@pytest.fixture(scope="module")
def digits():
    return DigitsDataset(DatasetSite(resolution=(8, 8)))


@dataclass
class Run:
    """What an evaluator asks of a run: it draws its seed in grey, or its class if it has any."""

    label_width: int = 0
    path: Path = Path("runs/grey/checkpoints/1.pt")
    worth: float = 1.0

    def __post_init__(self):
        self.networks = {"generator": nn.Linear(1, 1)}
        settings = {"resolution": (8, 8), "channels": 1}
        self.recipe = SimpleNamespace(data=SimpleNamespace(settings=settings))

    def sample(self, *, seeds, label, noise="fixed"):
        values = torch.tensor(seeds if label is None else label, dtype=torch.float32)
        values = self.worth * values / 127.5 - 1
        if noise == "fresh":
            values = values + 0.2 * torch.rand(len(values))
        return values[:, None, None, None].expand(-1, 1, 8, 8)


def test_every_real_picture_is_seen_once_and_in_colour(digits):
    pictures = torch.cat(list(real_pictures(digits)))
    assert pictures.shape == (1618, 3, 8, 8)
    assert pictures.dtype == torch.uint8
    assert np.array_equal(pictures[7, 1].numpy(), digits[7]["image"][0])


def test_the_same_run_gives_the_same_samples_whatever_was_drawn_before():
    torch.manual_seed(1)
    first = torch.cat(list(fake_pictures(Run(), None, 300)))
    torch.manual_seed(2)
    second = torch.cat(list(fake_pictures(Run(), None, 300)))
    assert first.shape == (300, 3, 8, 8)
    assert torch.equal(first, second)


def test_sampling_for_a_metric_leaves_torchs_generator_alone():
    run = Run()
    before = torch.get_rng_state()
    list(fake_pictures(run, None, 10))
    assert torch.equal(before, torch.get_rng_state())


def test_a_generator_that_makes_no_numbers_is_named():
    run = Run(worth=torch.nan)
    with pytest.raises(NonFinite, match=r"1\.pt: its generator makes values that are no numbers"):
        list(fake_pictures(run, None, 10))


def test_labels_come_as_often_as_in_the_data(digits):
    labels = labels_as_data(digits, len(digits))
    wanted = np.stack([digits.label(index) for index in range(len(digits))])
    assert labels.sum(0).tolist() == wanted.sum(0).tolist()
    assert labels_as_data(digits, 2 * len(digits)).shape == (3236, 10)


def test_a_strip_shows_a_class_after_the_other():
    pictures = strip(Run(label_width=3), range(5))
    assert pictures[:, 0, 0, 0].tolist() == [0, 1, 2, 0, 1]


def test_opacity_is_dropped_and_other_channels_are_refused():
    assert as_rgb(torch.zeros(2, 4, 8, 8, dtype=torch.uint8)).shape == (2, 3, 8, 8)
    with pytest.raises(DataError, match="1, 3 or 4 channels, and these have 2"):
        as_rgb(torch.zeros(2, 2, 8, 8, dtype=torch.uint8))


def test_large_pictures_go_one_by_one():
    assert chunk_of((8, 8)) == 200
    assert chunk_of((4096, 4096)) == 1


def test_the_evaluator_looks_at_the_reals_once(registry, digits):
    told = []
    evaluator = Evaluator(
        {"ganzoo/frechet": metric_slot("frechet", registry)},
        registry,
        samples=50,
        report=told.append,
    )
    first, second = evaluator.evaluate(Run(), digits), evaluator.evaluate(Run(), digits)
    assert told == ["Looking at 1,618 real pictures ..."]
    assert first.values == second.values
    assert list(first.values) == ["ganzoo/frechet:frechet_distance"]
    assert "50 samples" in first.protocols["ganzoo/frechet"]
    assert "ganzoo/seeded-convolutions" in first.protocols["ganzoo/frechet"]


def test_what_is_asked_of_runs_names_the_parameters_of_metrics_and_extractors(registry):
    slot = metric_slot("frechet", registry)
    asked = Evaluator({"ganzoo/frechet": slot}, registry, samples=50).request
    extractor = slot.parameters["extractor"]
    seeded = replace(extractor, parameters={**extractor.parameters, "seed": 1})
    other = replace(slot, parameters={**slot.parameters, "extractor": seeded})
    assert asked["metrics"]["ganzoo/frechet"]["extractor"]["seed"] == 0
    assert Evaluator({"ganzoo/frechet": other}, registry, samples=50).request != asked
    assert json.loads(json.dumps(asked)) == asked


def test_as_many_samples_are_drawn_as_the_data_has_but_not_over_two_thousand(digits):
    assert samples_for(digits, None) == 1618
    assert samples_for(range(5000), None) == 2000
    assert samples_for(digits, 30) == 30


def test_a_misspelt_metric_is_told_with_what_there_is(registry):
    with pytest.raises(UnknownComponent, match="Did you mean 'ganzoo/frechet'"):
        metric_slot("ganzoo/frechett", registry)
    with pytest.raises(UnknownComponent, match="seeded-convolutions"):
        metric_slot("frechet", registry, extractor="ganzoo/seeded-convolution")


def test_a_metric_that_needs_more_than_features_is_refused(registry, tmp_path, monkeypatch):
    package = tmp_path / "demanding_metrics"
    (package / "metric").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from ganzoo import components_in, hookimpl\n\n\n@hookimpl\ndef ganzoo_components():\n"
        "    return components_in(__package__)\n"
    )
    (package / "metric" / "demanding.py").write_text(
        '"""Wants a number."""\n__all__ = ["Demanding"]\n\n\nclass Demanding:\n'
        '    """Wants."""\n\n    def __init__(self, site: None, *, count: int) -> None: ...\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Registry()
    made.register("acme", "demanding_metrics")
    assert not made.failures
    with pytest.raises(UsageError, match="acme/demanding needs 'count'"):
        metric_slot("demanding", made)


def test_the_data_of_a_recipe_opens_at_its_size(registry):
    source = "ganzoo.recipes:quickstart.yaml"
    dataset = open_dataset(load_recipe(source, registry=registry).recipe, registry, None)
    assert (dataset.resolution, len(dataset)) == ((16, 16), 1618)
