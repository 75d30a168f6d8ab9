"""One trained run judged into files: its numbers, its costs, and a strip of its pictures."""

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
from ganzoo.data.files import atomic_file
from ganzoo.data.images import image_grid, save_png
from ganzoo.errors import ContractError, DataError, NonFinite, RecipeError
from ganzoo.evaluation.judge import Judge
from ganzoo.evaluation.pictures import resolution_of, strip
from ganzoo.registry.catalogue import Registry

WIDEST_STRIP = 1_600  # pixels


def judge_run(
    run: Path,
    judge: Judge,
    registry: Registry,
    *,
    data: Path | None,
    device: str,
    request: Mapping[str, Any],
    strip_seeds: Sequence[int],
    result: Path,
    picture: Path,
) -> dict[str, Any]:
    """Judge the newest checkpoint of a run, unless ``result`` is of it and of the same request.

    Args:
        data: where the pictures are that the run was trained on; None: its data needs no path.
        request: what was asked for, in plain data: metrics, extractor, samples.
        strip_seeds: of the samples in ``picture``, a PNG.
        result: JSON that the numbers are written to.

    Returns:
        What ``result`` holds: ``checkpoint``, ``request``, ``images``, ``parameters`` by network,
        ``multiply_adds`` likewise, ``values``, ``protocols``, ``lower_is_better``, ``data``, and
        ``error``, a sentence where the run could not be judged.

    Raises:
        DataError: the run or its data cannot be opened.
    """
    asked = {**request, "strip": list(strip_seeds)}
    newest = checkpoint_files(run)
    known = _known(result)
    if (
        known
        and newest
        and picture.is_file()
        and known.get("checkpoint") == newest[0].name
        and known.get("request") == asked
    ):
        return known
    judge.report(f"Judging {run.name} ...")
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
        content |= asdict(judge.judge(loaded, dataset))
        pictures = strip(loaded, strip_seeds)
    except (NonFinite, DataError) as error:
        content["error"] = str(error)
    except (torch.OutOfMemoryError, MemoryError):
        content["error"] = f"{device} ran out of memory; judge it on another --device"
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


def _known(result: Path) -> dict[str, Any] | None:
    if not result.is_file():
        return None
    try:
        found = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{result} cannot be read: {error}. Delete it.", path=result) from error
    return found if isinstance(found, dict) else None
