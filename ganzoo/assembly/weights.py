"""Weights wherever they lie: a run folder, one of its checkpoints, or a folder of weights."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.assembly.checkpoint import newest_checkpoint, read_checkpoint
from ganzoo.assembly.weights_folder import (
    RECIPE,
    STATE,
    is_weights_folder,
    read_origin,
    read_room,
    read_tensors,
)
from ganzoo.errors import DataError, RecipeError
from ganzoo.recipe.load import load_recipe
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import TaskSite

_NAMED = 8  # tensors that an error names before it counts the rest
_STARTS = (b"PK", b"\x80")  # of an archive of torch.save, and of a pickle
_STRANGERS = {
    ".yaml": "a recipe",
    ".yml": "a recipe",
    ".safetensors": "the file of one network",
}

States = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWeights:
    """What was read, before anything is built of it.

    Args:
        recipe_text: resolved, as YAML.
        data: facts of the data: ``resolution``, ``channels``, ``label_width``, ``class_names``.
        networks: state dicts by name, as trained; those that were not stored are absent.
        averages: as ``networks``, the averages over training.
        state: of the task (running means), or None.
        images: real images shown in training, or None: not known.
        path: the checkpoint, or the folder.
        note: damaged newer checkpoints that were passed over, or empty.
        licence: of imported weights, or empty.
    """

    recipe_text: str
    data: Mapping[str, Any]
    networks: States
    averages: States
    state: Mapping[str, Any] | None
    images: int | None
    path: Path
    note: str = ""
    licence: str = ""


def read_weights(path: str | Path, device: str | torch.device = "cpu") -> StoredWeights:
    """Read a run folder (its newest checkpoint), a checkpoint file, or a folder of weights.

    Raises:
        DataError: it is none of these, or cannot be read.
    """
    path = Path(path)
    note = ""
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise DataError(f"{path}: cannot be looked at: {error.strerror}.", path=path) from error
    if is_folder and is_weights_folder(path):
        return _read_folder(path, device)
    if is_folder:
        if not (path / RECIPE).exists():
            raise DataError(
                f"{path}: not a run folder and no folder of weights: it has no recipe.yaml."
                " `ganzoo run` makes the first, `ganzoo import` the second.",
                path=path,
            )
        path, content, note = newest_checkpoint(path, device)
    else:
        content = _read_file(path, device)
    return StoredWeights(
        recipe_text=content["recipe"],
        data=content["data"],
        networks=content["networks"],
        averages=content["averages"],
        state=content["state"],
        images=content["clock"]["images"],
        path=path,
        note=note,
    )


def recipe_of(stored: StoredWeights, registry: Registry) -> Recipe:
    """The recipe of stored weights, resolved.

    Raises:
        DataError: it cannot be; the text is that of the recipe's problems.
        PluginError: a plugin that it names is missing here.
    """
    try:
        return recipe_from_text(stored.recipe_text, registry)
    except RecipeError as error:
        text = str(error).replace(RECIPE, f"{stored.path}: its recipe")
        raise DataError(text, path=stored.path) from error


def recipe_from_text(text: str, registry: Registry) -> Recipe:
    """Resolve a recipe that lies in memory.

    Raises:
        RecipeError: it cannot be; lines are said of ``recipe.yaml``.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / RECIPE
        file.write_text(text, encoding="utf-8")
        try:
            return load_recipe(file, registry=registry).recipe
        except RecipeError as error:
            raise RecipeError(str(error).replace(str(file), RECIPE)) from error


def task_site(data: Mapping[str, Any]) -> TaskSite:
    """The site of a task from recorded facts of its data."""
    height, width = data["resolution"]
    return TaskSite(
        resolution=(height, width), channels=data["channels"], label_width=data["label_width"]
    )


def load_into(network: nn.Module, tensors: Mapping[str, Tensor], *, what: str, path: Path) -> None:
    """Copy a stored state dict into a network, all of it or none.

    Args:
        what: the network, for the error: ``"generator"``.
        path: where the tensors come from, for the error.

    Raises:
        DataError: names or shapes differ; the text names the tensors.
    """
    problems = mismatches(network.state_dict(), tensors)
    if problems:
        raise DataError(
            f"{path}: the weights of the {what} do not fit the network that the recipe builds"
            f" here: {'; '.join(problems)}. Use the recipe that they were stored with, or change"
            " widths, resolution and labels back to its own.",
            path=path,
        )
    network.load_state_dict(tensors)


def mismatches(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """In words, every tensor that is missing, that nobody wants, or that has another shape."""
    missing = [name for name in own if name not in given]
    unused = [name for name in given if name not in own]
    shapes = [
        f"{name} is {list(given[name].shape)}, not {list(tensor.shape)}"
        for name, tensor in own.items()
        if name in given and given[name].shape != tensor.shape
    ]
    problems = [_listed(shapes)] if shapes else []
    if missing:
        problems.append(f"missing: {_listed(missing)}")
    if unused:
        problems.append(f"unused: {_listed(unused)}")
    return problems


def _listed(words: list[str]) -> str:
    rest = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f", and {rest} more" if rest > 0 else "")


def _read_folder(folder: Path, device: str | torch.device) -> StoredWeights:
    origin = read_origin(folder)
    try:
        text = (folder / RECIPE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / RECIPE}: cannot be read: {error}", path=folder) from error
    has_state = (folder / STATE).exists()
    return StoredWeights(
        recipe_text=text,
        data={"class_names": [], **origin["data"]},
        networks=read_room(folder, "networks", device),
        averages=read_room(folder, "averages", device),
        state=read_tensors(folder / STATE, device) if has_state else None,
        images=origin.get("images"),
        path=folder,
        licence=str(origin.get("licence") or ""),
    )


def _read_file(path: Path, device: str | torch.device) -> dict[str, Any]:
    start = _first_bytes(path)
    if start and not start.startswith(_STARTS):
        what = _STRANGERS.get(path.suffix.lower(), "no file of weights")
        raise DataError(
            f"{path}: this is {what}. Expected a run folder, one of its checkpoints, or a folder"
            " of weights.",
            path=path,
        )
    try:
        return read_checkpoint(path, device)
    except DataError as error:
        if "not a ganzoo checkpoint" not in str(error):
            raise
        raise DataError(
            f"{error}\n  Weights of other programs come in with: ganzoo import {path} --out FOLDER",
            path=path,
        ) from error


def _first_bytes(path: Path) -> bytes:
    """Of a file; empty where there are none, or none that can be read."""
    try:
        with path.open("rb") as file:
            return file.read(2)
    except OSError:
        return b""
