"""One run from its recipe to its last checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganzoo.assembly.run_folder import create_run_folder, provenance_of
from ganzoo.errors import BackendError, DataError, RecipeError, UsageError
from ganzoo.recipe.dump import dump
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.load import LoadedRecipe
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Dataset
from ganzoo.training.grids import Grids
from ganzoo.training.loop import Start
from ganzoo.training.memory import is_out_of_memory
from ganzoo.training.options import RunOptions, resume_command
from ganzoo.training.prepared import Prepared, prepare
from ganzoo.training.starting import resumed, started_from
from ganzoo.training.statistics import StatsLog
from ganzoo.training.watching import RunWatcher
from ganzoo.training.world import World


def train(loaded: LoadedRecipe, registry: Registry, options: RunOptions) -> Path:
    """Train a recipe, or go on where a checkpoint stopped.

    Returns:
        The run folder.

    Raises:
        KeyboardInterrupt: a signal asked for the end; the checkpoint is saved.
        DataError: the data does not fit the recipe, or a file cannot be read or written.
        NonFinite: a loss became NaN or infinite; the last checkpoint is kept.
    """
    device = choose_device(options.device)
    world = World.join(device)
    try:
        return _train(loaded, registry, options, device, world)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise BackendError(_out_of_memory(device)) from error
        raise
    finally:
        world.leave()


def choose_device(name: str) -> torch.device:
    """The device that was asked for; ``auto`` is a CUDA device where there is one, else the CPU.

    Under torchrun each process takes the CUDA device of its local rank.

    Raises:
        UsageError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(
            f"--device {name!r} is no device; expected auto, cpu, cuda, cuda:1 or mps"
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if device.index is None:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if device.index >= count:
            raise UsageError(
                f"--device {name}: this machine has {count} CUDA devices that torch can use."
                " `ganzoo doctor` says why; --device cpu always works."
            )
        torch.cuda.set_device(device)
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: torch finds no Apple GPU here; --device cpu always works")
    return device


def _train(
    loaded: LoadedRecipe,
    registry: Registry,
    options: RunOptions,
    device: torch.device,
    world: World,
) -> Path:
    ready = prepare(
        loaded.recipe,
        registry,
        device=device,
        data=options.data,
        world=world,
        images=options.images,
        workers=options.workers,
    )
    try:
        return _train_prepared(ready, loaded, registry, options, device, world)
    finally:
        ready.close()


def _train_prepared(
    ready: Prepared,
    loaded: LoadedRecipe,
    registry: Registry,
    options: RunOptions,
    device: torch.device,
    world: World,
) -> Path:
    recipe, facts, task, loop = ready.recipe, ready.facts, ready.task, ready.loop
    folder, start = None, Start()
    if options.resume is not None:
        folder, start = resumed(options.resume, recipe, registry, facts, options, device)
    elif options.init_from is not None:
        start = started_from(options.init_from, recipe, registry, task, options, device)
    if folder is None:
        folder = options.out
        if world.leads:
            provenance = provenance_of(
                recipe, registry, device=device, command=options.command, data=dict(facts)
            )
            folder = create_run_folder(
                options.out, recipe, sources=loaded.files, provenance=provenance
            )
    log = StatsLog(folder, images=start.images) if world.leads else None
    record = {"recipe": dump(recipe), "hash": recipe_hash(recipe), "data": dict(facts)}
    grids = Grids(
        folder,
        task,
        ready.dataset,
        conditional=ready.conditional,
        at_once=recipe.training.micro_batch or recipe.training.batch,
    )
    watcher = RunWatcher(
        folder,
        recipe,
        options,
        grids,
        log,
        record,
        data=_describe(recipe, ready.dataset, facts),
        first_images=start.images,
        leads=world.leads,
    )
    try:
        with watcher:
            try:
                loop.run(watcher, start)
            except (DataError, RecipeError):
                watcher.rescue(loop)
                raise
    finally:
        if log is not None:
            log.close()
    if watcher.interrupted:
        raise KeyboardInterrupt(f"resume with: {resume_command(folder, options)}")
    return folder


def _describe(recipe: Recipe, dataset: Dataset, facts: Mapping[str, Any]) -> str:
    height, width = dataset.resolution
    classes = f", {facts['label_width']} classes" if facts["label_width"] else ""
    return (
        f"{recipe.data.use}, {len(dataset):,} images of {height} x {width} x {dataset.channels}"
        f"{classes} (fingerprint {facts['fingerprint'][:8]})"
    )


def _out_of_memory(device: torch.device) -> str:
    return (
        f"{device} ran out of memory. `ganzoo run RECIPE --fit` measures what fits and cuts the"
        " batch accordingly (`ganzoo fit RECIPE` only tells); or start again with"
        " training.micro_batch=4 (gradients of the parts add up), a smaller data.resolution, or"
        " fewer channels."
    )
