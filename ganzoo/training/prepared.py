"""A run made ready: its data opened, its recipe completed, its task, batches and loop built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganzoo.assembly.build import build
from ganzoo.assembly.dataset import open_dataset
from ganzoo.assembly.weights import task_site
from ganzoo.data.batches import Batches
from ganzoo.ops.demand import check_demand
from ganzoo.recipe.complete import complete
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Dataset, Task
from ganzoo.training.loop import Loop
from ganzoo.training.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that trains, before the first step. ``close`` it when done.

    Args:
        recipe: completed by what the data decides.
        facts: of the data, as a checkpoint records them.
        dataset: open.
        task: built from the recipe's seed, its networks still on the CPU.
        batches: of real samples.
        loop: of the task over the batches.
        conditional: whether the networks see labels.
    """

    recipe: Recipe
    facts: Mapping[str, Any]
    dataset: Dataset
    task: Task
    batches: Batches
    loop: Loop
    conditional: bool

    def close(self) -> None:
        """End the threads that read ahead."""
        self.batches.close()


def prepare(
    recipe: Recipe,
    registry: Registry,
    *,
    device: torch.device,
    data: Path | None = None,
    world: World | None = None,
    images: int | None = None,
    workers: int = 0,
) -> Prepared:
    """Make a recipe ready to train on a device.

    Args:
        data: where the pictures are, or None.
        world: the processes that train together; None: this one alone.
        images: a budget in the place of the recipe's, or None.
        workers: threads that read pictures side by side.

    Raises:
        UsageError: ``GANZOO_OPS`` says nothing that is known.
        BackendError: it demands kernels that the device cannot run.
        DataError: the data cannot be read, or does not fit the recipe.
        BadValue: parts of the recipe do not fit one another or the data.
    """
    check_demand(device)
    dataset = open_dataset(recipe, registry, data)
    recipe, facts = completed(recipe, dataset)
    torch.manual_seed(recipe.training.seed)
    task: Task = build(recipe.task, registry, "task")(training_site(recipe, facts))
    conditional = facts["label_width"] > 0
    batches = Batches(
        dataset,
        seed=recipe.training.seed,
        mirror=recipe.data.settings["mirror"],
        labels=conditional,
        workers=workers,
    )
    loop = Loop(
        task,
        recipe.training,
        batches,
        device=device,
        world=World() if world is None else world,
        conditional=conditional,
        budget=recipe.training.images if images is None else images,
    )
    return Prepared(
        recipe=recipe,
        facts=facts,
        dataset=dataset,
        task=task,
        batches=batches,
        loop=loop,
        conditional=conditional,
    )


def training_site(recipe: Recipe, facts: Mapping[str, Any]) -> Any:
    """The site of a task that is to be trained."""
    training = recipe.training
    return replace(
        task_site(facts),
        images=training.images,
        batch=training.batch,
        micro_batch=training.micro_batch,
        precision=training.precision,
    )


def completed(recipe: Recipe, dataset: Dataset) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with what the data decided, and the facts that a checkpoint records."""
    wants_labels = recipe.data.settings["labels"] != "none"
    label_width = dataset.label_width if wants_labels else 0
    done = complete(
        recipe,
        use=recipe.data.use or "",
        resolution=dataset.resolution,
        channels=dataset.channels,
        labels="class" if label_width else "none",
    )
    facts = {
        "name": recipe.name,
        "resolution": list(dataset.resolution),
        "channels": dataset.channels,
        "label_width": label_width,
        "class_names": list(dataset.class_names) if label_width else [],
        "fingerprint": dataset.fingerprint,
        "count": len(dataset),
    }
    return done, facts
