"""The data of a recipe, opened."""

from __future__ import annotations

from pathlib import Path

from ganzoo.assembly.build import build
from ganzoo.errors import DataError
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Dataset, DatasetSite


def open_dataset(recipe: Recipe, registry: Registry, path: Path | None) -> Dataset:
    """The data set that a recipe names, at its resolution and with its channels.

    Args:
        path: where the pictures are; None: the data set needs no path.

    Raises:
        DataError: it cannot be read, is empty, or lacks the classes that the recipe insists on.
    """
    settings = recipe.data.settings
    resolution = settings["resolution"]
    if isinstance(resolution, int):
        resolution = (resolution, resolution)
    site = DatasetSite(
        path=path,
        resolution=resolution,
        channels=settings["channels"],
        base=recipe.task.parameters.get("base", (4, 4)),
    )
    dataset: Dataset = build(recipe.data, registry, "data")(site)
    if settings["labels"] == "class" and dataset.label_width == 0:
        raise DataError(
            "data.labels is 'class', but the data has no classes. Put the pictures of each class"
            " into a subfolder of its own, or set data.labels=none.",
            path=path,
        )
    if len(dataset) == 0:
        raise DataError("the data set is empty", path=path)
    return dataset
