"""From a run folder or a checkpoint back to networks."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganzoo.assembly.build import build
from ganzoo.assembly.checkpoint import fitting, newest_checkpoint, read_checkpoint
from ganzoo.errors import DataError, RecipeError
from ganzoo.recipe.load import load_recipe
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Task, TaskSite


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """A trained task, ready to sample from.

    Args:
        networks: by name; the averaged ones where the task keeps an average.
        class_names: of the data it was trained on; empty where it is not conditional.
        images: real images shown so far.
        path: the checkpoint it came from.
        note: damaged newer checkpoints that were passed over, or empty.
    """

    recipe: Recipe
    task: Task
    networks: Mapping[str, nn.Module]
    class_names: tuple[str, ...]
    images: int
    path: Path
    note: str = ""


def load(
    path: str | Path, *, device: str | torch.device = "cpu", registry: Registry | None = None
) -> LoadedRun:
    """Open a run folder (its newest checkpoint) or one checkpoint file.

    Raises:
        DataError: there is no such run, or no checkpoint of it can be read.
        PluginError: a plugin that the run's recipe names is missing here.
    """
    path = Path(path)
    note = ""
    if path.is_dir():
        if not (path / "recipe.yaml").exists():
            raise DataError(
                f"{path}: not a run folder: it has no recipe.yaml. Run folders are made by"
                " `ganzoo run` and lie in runs/.",
                path=path,
            )
        path, content, note = newest_checkpoint(path, device)
    else:
        content = read_checkpoint(path, device)
    if registry is None:
        from ganzoo.registry.discovery import discover

        registry = discover()
    recipe = _recipe_of(content, path, registry)
    data = content["data"]
    with torch.random.fork_rng(devices=[]):
        task: Task = build(recipe.task, registry, "task")(task_site(data))
    networks: dict[str, nn.Module] = dict(task.networks)
    with fitting(path):
        for name, network in networks.items():
            source = content["averages"] if name in task.averages else content["networks"]
            network.load_state_dict(source[name])
            network.to(device).eval().requires_grad_(False)
    return LoadedRun(
        recipe=recipe,
        task=task,
        networks=networks,
        class_names=tuple(data["class_names"]),
        images=content["clock"]["images"],
        path=path,
        note=note,
    )


def task_site(data: Mapping[str, Any]) -> TaskSite:
    """The site of a task from the data facts that a checkpoint records."""
    height, width = data["resolution"]
    return TaskSite(
        resolution=(height, width), channels=data["channels"], label_width=data["label_width"]
    )


def _recipe_of(content: Mapping[str, Any], path: Path, registry: Registry) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.yaml"
        file.write_text(content["recipe"], encoding="utf-8")
        try:
            return load_recipe(file, registry=registry).recipe
        except RecipeError as error:
            text = str(error).replace(str(file), f"{path}: its recipe")
            raise DataError(text, path=path) from error
