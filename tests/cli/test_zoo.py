"""Every recipe of the zoo trains: at toy width, ten steps, by the command line."""

from __future__ import annotations

import json

import pytest
import torch
from command_line import ROOT

from benchmarks.toy_recipes import toy_overrides
from ganzoo.recipe.grid import load_grid
from ganzoo.registry.discovery import discover

STEPS, RESOLUTION, BATCH = 10, 16, 8
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
LADDERS = [f"stylegan-{letter}" for letter in "abcdef"] + [
    f"stylegan2-{letter}" for letter in "abcdef"
]


def points():
    registry = discover()
    grids = {n: load_grid(f"ganzoo.recipes:{n}.yaml", registry=registry) for n in RECIPES}
    return [
        pytest.param(name, point, id=f"{name}-{point.index}")
        for name, grid in grids.items()
        if grid.axes != ("recipe",)  # the tables list the ladders' own recipes once more
        for point in grid.points
    ]


@pytest.mark.parametrize(("name", "point"), points())
def test_a_recipe_trains_at_toy_width(in_process, tmp_path, name, point):
    recipe = point.loaded.recipe
    overrides = toy_overrides(recipe, resolution=RESOLUTION, steps=STEPS, batch=BATCH)
    words = ["run", name, *overrides, "--point", str(point.index), "--device", "cpu"]
    result = in_process(*words)
    assert result.code == 0, result.err
    run = tmp_path / result.out.strip()
    (last,) = (run / "checkpoints").glob("*.pt")
    content = torch.load(last, weights_only=True)
    assert content["clock"]["images"] == STEPS * BATCH
    row = json.loads((run / "stats.jsonl").read_text().splitlines()[-1])
    assert row["step"] == STEPS
    for name, state in {**content["networks"], **content["averages"]}.items():
        assert all(torch.isfinite(tensor).all() for tensor in state.values()), name
    if recipe.task.parameters["growth"] is not None:
        assert "16 x 16 fading in" in result.err


@pytest.mark.parametrize("name", LADDERS)
def test_a_step_of_a_ladder_is_a_short_file(name):
    lines = (ROOT / "recipes" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    root = name == "stylegan2-f"
    assert ("extends: " in "\n".join(lines)) is not root
    assert root or len(lines) <= 12
