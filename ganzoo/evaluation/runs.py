"""One trained run evaluated into files: its numbers, its costs, and a strip of its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ganzoo.assembly.checkpoint import checkpoint_files
from ganzoo.assembly.dataset import open_dataset
from ganzoo.assembly.inspection import inspect_recipe
from ganzoo.assembly.load import LoadedRun, load
from ganzoo.assembly.weights import recipe_from_text
from ganzoo.data.files import atomic_file
from ganzoo.data.images import image_grid, save_png
from ganzoo.errors import ContractError, DataError, NonFinite, RecipeError
from ganzoo.evaluation.evaluator import Evaluator
from ganzoo.evaluation.pictures import resolution_of, strip
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Dataset

WIDEST_STRIP = 1_600  # pixels


def evaluate_run(
    run: Path,
    evaluator: Evaluator,
    registry: Registry,
    *,
    data: Path | None,
    device: str,
    strip_seeds: Sequence[int],
    result: Path,
    picture: Path,
) -> dict[str, Any]:
    """Evaluate the newest checkpoint of a run, unless ``result`` answers the same question.

    It does if it is of that checkpoint, of the same metrics with the same parameters, of as many
    samples, and of the same pictures, wherever they lie.

    Args:
        data: where the pictures are that the run was trained on; None: its recipe says which data
            it is.
        strip_seeds: of the samples in ``picture``, a PNG.
        result: JSON that the numbers are written to.

    Returns:
        What ``result`` holds: ``checkpoint``, ``request``, ``images``, ``parameters`` by network,
        ``multiply_adds`` likewise, ``values``, ``protocols``, ``lower_is_better``, ``data``, and
        ``error``, a sentence where the run could not be evaluated.

    Raises:
        DataError: the run or its data cannot be opened.
    """
    asked = {**evaluator.request, "strip": list(strip_seeds)}
    newest = checkpoint_files(run)
    known = _known(result)
    if (
        known
        and newest
        and picture.is_file()
        and known.get("checkpoint") == newest[0].name
        and known.get("request") == json.loads(json.dumps(asked))
        and (data is None or _fingerprint(known) == _fingerprint_of(run, registry, data))
    ):
        return known
    evaluator.report(f"Evaluating {run.name} ...")
    loaded = load(run, device=device, registry=registry)
    dataset = open_dataset(loaded.recipe, registry, data)
    content: dict[str, Any] = {
        "checkpoint": loaded.path.name,
        "request": asked,
        "images": loaded.images,
        "parameters": parameters_of(loaded),
        "multiply_adds": multiply_adds_of(loaded, registry),
        "data": {
            "use": loaded.recipe.data.use,
            "count": len(dataset),
            "resolution": list(dataset.resolution),
            "channels": dataset.channels,
            "fingerprint": dataset.fingerprint,
        },
        "values": {},
        "protocols": {},
        "lower_is_better": {},
        "error": "",
    }
    try:
        _refuse_other_classes(run, loaded, dataset)
        content |= asdict(evaluator.evaluate(loaded, dataset))
        pictures = strip(loaded, strip_seeds)
    except (NonFinite, DataError) as error:
        content["error"] = str(error)
    except (torch.OutOfMemoryError, MemoryError):
        content["error"] = f"{device} ran out of memory; evaluate it on another --device"
    else:
        shown = image_grid(pictures, len(strip_seeds))
        shown.thumbnail((WIDEST_STRIP, WIDEST_STRIP))
        save_png(picture, shown)
    with atomic_file(result) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode("utf-8"))
    return content


def parameters_of(run: LoadedRun) -> dict[str, int]:
    """Number of parameters of each network."""
    return {
        name: sum(parameter.numel() for parameter in network.parameters())
        for name, network in run.networks.items()
    }


def multiply_adds_of(run: LoadedRun, registry: Registry) -> dict[str, int]:
    """Of one sample's forward pass, by network; empty where a network cannot be inspected."""
    try:
        found = inspect_recipe(
            run.recipe,
            registry,
            resolution=resolution_of(run),
            channels=run.recipe.data.settings["channels"],
            label_width=run.label_width,
        )
    except (RecipeError, ContractError):
        return {}
    return {name: table.multiply_adds for name, table in found.networks.items()}


def _refuse_other_classes(run: Path, loaded: LoadedRun, dataset: Dataset) -> None:
    if loaded.label_width not in (0, dataset.label_width):
        raise DataError(
            f"{run.name} sees {loaded.label_width} classes, the data has {dataset.label_width};"
            " give the --data it was trained on",
            path=run,
        )


def _fingerprint(known: Mapping[str, Any]) -> object:
    data = known.get("data")
    return data.get("fingerprint") if isinstance(data, Mapping) else None


def _fingerprint_of(run: Path, registry: Registry, data: Path) -> str:
    """Of the data at a path, opened as the run's own recipe has it."""
    file = run / "recipe.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}", path=file) from error
    return open_dataset(recipe_from_text(text, registry), registry, data).fingerprint


def _known(result: Path) -> dict[str, Any] | None:
    if not result.is_file():
        return None
    try:
        found = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{result} cannot be read: {error}. Delete it.", path=result) from error
    return found if isinstance(found, dict) else None
