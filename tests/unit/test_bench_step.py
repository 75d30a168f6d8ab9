from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.toy_recipes import toy_overrides
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.discovery import discover
from ganzoo.training.bench.loading import LEAST_BATCHES, measure_loading
from ganzoo.training.bench.step import PhaseTime, StepReport, measure_step

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def registry():
    return discover()


def toy(registry, name, *more, steps=4, resolution=8):
    path = ROOT / "recipes" / f"{name}.yaml"
    recipe = load_recipe(path, registry=registry, data_use="ganzoo/shapes").recipe
    overrides = toy_overrides(recipe, resolution=resolution, steps=steps, batch=4)
    return load_recipe(
        path, [*overrides, *more], registry=registry, data_use="ganzoo/shapes"
    ).recipe


def test_every_phase_is_measured_and_keeps_its_interval(registry):
    told = []
    report = measure_step(
        toy(registry, "stylegan2-f"),
        registry,
        device=CPU,
        steps=1,
        after_step=lambda: told.append(None),
    )
    assert [(phase.name, phase.every) for phase in report.phases] == [
        ("generator", 1),
        ("generator/path", 4),
        ("discriminator", 1),
        ("discriminator/r1", 16),
    ]
    assert min(phase.seconds for phase in report.phases) > 0
    assert report.rest > 0
    assert report.growth is None
    assert len(told) == 3  # two of them warm up
    assert report.batch == 4
    assert not report.changes


def test_a_growing_recipe_is_measured_at_its_full_size(registry):
    recipe = toy(registry, "progan", "task.growth.batch={4: 8, 8: 2}", steps=12)
    report = measure_step(recipe, registry, device=CPU, steps=1)
    assert report.changes
    assert report.batch == 2


def test_phases_count_by_how_often_they_are_visited(registry):
    report = StepReport(
        recipe=toy(registry, "stylegan2-f"),
        device=CPU,
        steps=1,
        batch=8,
        phases=(
            PhaseTime(name="generator", every=1, seconds=0.5),
            PhaseTime(name="discriminator/r1", every=16, seconds=1.6),
        ),
        rest=0.2,
        peak_memory=1,
        growth=None,
        changes=False,
    )
    assert report.seconds_per_step == pytest.approx(0.8)
    assert report.seconds_per_thousand == pytest.approx(100)
    assert report.images_per_second == pytest.approx(10)


def test_the_loader_is_measured_with_every_number_of_workers(registry):
    told = []
    report = measure_loading(
        toy(registry, "stylegan2-f"),
        registry,
        workers=(0, 2),
        seconds=1e-6,
        after_batch=lambda: told.append(None),
    )
    assert [rate.workers for rate in report.rates] == [0, 2]
    assert [rate.images for rate in report.rates] == [4 * LEAST_BATCHES] * 2
    assert len(told) == 2 * LEAST_BATCHES
    for rate in report.rates:
        assert rate.images_per_second == pytest.approx(rate.images / rate.seconds)


def test_the_loader_reads_the_pictures_it_is_given(registry, tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    for index in range(3):
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    recipe = load_recipe(
        ROOT / "recipes" / "stylegan2-f.yaml", registry=registry, data_use="ganzoo/image-folder"
    ).recipe
    report = measure_loading(recipe, registry, data=tmp_path, seconds=1e-6)
    assert report.count == 3
    assert report.recipe.data.settings["resolution"] in (16, (16, 16))
