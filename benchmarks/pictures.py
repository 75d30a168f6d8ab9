"""A folder of pictures to train on where speed counts and nothing else."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ganzoo.assembly.dataset import open_dataset
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.discovery import discover

COUNT = 64


def write_pictures(folder: Path, resolution: int, count: int = COUNT) -> Path:
    """Write drawn shapes as JPEG files, unless the folder is there, and return it."""
    if folder.is_dir():
        return folder
    registry = discover()
    overrides = [f"data.resolution={resolution}", f"data.count={count}"]
    recipe = load_recipe(
        "ganzoo.recipes:stylegan2-f.yaml", overrides, registry=registry, data_use="ganzoo/shapes"
    ).recipe
    dataset = open_dataset(recipe, registry, None)
    folder.mkdir(parents=True)
    for index in range(count):
        pixels = dataset[index]["image"].transpose(1, 2, 0)
        Image.fromarray(pixels).save(folder / f"{index:03d}.jpg", quality=90)
    return folder
