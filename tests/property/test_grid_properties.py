"""What holds for every grid of recipes."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from math import prod
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ganzoo.recipe.grid import load_grid
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry

PARENT = "ganzoo.recipes:quickstart.yaml"
VALUES = {
    "training.batch": [8, 16, 32],
    "training.optimizer": [{"lr": 0.001}, {"eps": 1e-6, "betas": [0.5, 0.9]}],
    "training.optimizer.lr": [0.01, 0.02],
    "task.generator.block": ["ganzoo/skip", "ganzoo/residual", {"use": "ganzoo/original"}],
    "task.generator.block.kernel_size": [1, 5],
    "task.generator": [{"clamp": 64}, {"clamp": None, "block": "ganzoo/residual"}],
    "task.regularizers.r1": [None, {"weight": 3}],
    "data.mirror": [True, False],
}


@st.composite
def grids(draw) -> dict[str, list[object]]:
    paths = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    return {
        path: draw(st.lists(st.sampled_from(VALUES[path]), min_size=1, unique_by=json.dumps))
        for path in paths
    }


@cache
def registry() -> Registry:
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


@settings(max_examples=40, deadline=None)
@given(grids())
def test_every_point_is_the_recipe_that_overrides_would_make(grid):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "r.yaml"
        file.write_text(json.dumps({"ganzoo": 1, "extends": PARENT, "grid": grid}))
        points = load_grid(file, registry=registry()).points
    assert len(points) == prod(map(len, grid.values()))
    seen = {json.dumps(dict(point.values)) for point in points}
    assert len(seen) == len(points)
    assert len({point.label for point in points}) == len(points)
    for point in points:
        overrides = [f"{path}={json.dumps(value)}" for path, value in point.values.items()]
        same = load_recipe(PARENT, overrides, registry=registry()).recipe
        assert recipe_hash(point.loaded.recipe) == recipe_hash(same)
