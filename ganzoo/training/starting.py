"""Where a run begins: at stored weights, or at the place where a checkpoint stopped."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganzoo.assembly.checkpoint import fitting, newest_checkpoint, read_checkpoint
from ganzoo.assembly.weights import load_into, mismatches, read_weights, recipe_from_text
from ganzoo.errors import DataError, PluginError, RecipeError
from ganzoo.recipe.describe import shown
from ganzoo.recipe.diff import ABSENT, diff
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.model import Recipe, Slot
from ganzoo.recipe.rooms import HASHED
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Task
from ganzoo.training.loop import Loop, Start
from ganzoo.training.options import RunOptions

MOST_CHANGES = 8  # of a recipe, told in one error


def resumed(
    resume: Path,
    recipe: Recipe,
    registry: Registry,
    facts: Mapping[str, Any],
    options: RunOptions,
    device: torch.device,
) -> tuple[Path, Start]:
    """The run folder of a checkpoint, and the place where it stopped.

    Args:
        resume: run folder or checkpoint.
        facts: of the data, as a checkpoint records them.

    Raises:
        DataError: it is of another recipe (the text says what was changed), or cannot be read.
    """
    if os.path.isdir(resume):  # False for a name that is too long, which then cannot be read
        path, content, note = newest_checkpoint(resume, device)
        folder = resume
        if note:
            options.report(f"Passing over a damaged checkpoint: {note}")
    else:
        path = resume
        content = read_checkpoint(path, device)
        folder = path.resolve().parent.parent
        if path.resolve().parent.name != "checkpoints" or not (folder / "recipe.yaml").is_file():
            raise DataError(
                f"{path}: this checkpoint lies outside of its run, so there is no log to go on"
                " with. Put it back into the checkpoints/ of its run folder, or start a new run"
                f" from its weights with: --init-from {shlex.quote(str(path))}",
                path=path,
            )
    if content["hash"] != recipe_hash(recipe):
        raise DataError(
            f"{path}: this checkpoint is of another recipe ({content['hash']}; yours is"
            f" {recipe_hash(recipe)}).\n{changes(content['recipe'], recipe, registry)}"
            f"  Start anew from its weights with: --init-from {shlex.quote(str(folder))}\n"
            f"  Go on with its own recipe with: ganzoo run {shlex.quote(str(folder))}",
            path=path,
        )
    if content["data"]["fingerprint"] != facts["fingerprint"]:
        options.report(
            "The pictures have changed since this checkpoint was made"
            f" ({content['data']['count']:,} then, {facts['count']:,} now): going on with those"
            " that are there now."
        )

    def restore(loop: Loop) -> None:
        with fitting(path):
            for name, network in loop.task.networks.items():
                network.load_state_dict(content["networks"][name])
            for name, average in loop.averages.items():
                average.network.load_state_dict(content["averages"][name])
            loop.task.state.load_state_dict(content["state"])

    clock = content["clock"]
    options.report(f"Resuming {folder} at {clock['images']:,} images.")
    return folder, Start(
        stage=clock["stage"],
        step=clock["step"],
        images=clock["images"],
        stage_images=clock["stage_images"],
        optimizers=content["optimizers"],
        chapter=tuple(content["chapter"]),
        restore=restore,
    )


def started_from(
    path: Path,
    recipe: Recipe,
    registry: Registry,
    task: Task,
    options: RunOptions,
    device: torch.device,
) -> Start:
    """Begin a new run with stored weights: those of a run, a checkpoint or a folder of weights.

    A network that is not stored, or that only a later stage makes, starts untrained; running means
    of the task are taken over where the task has the same ones.

    Raises:
        DataError: there are no weights, or they do not fit the networks of the recipe.
    """
    stored = read_weights(path, device)
    if stored.note:
        options.report(f"Passing over a damaged checkpoint: {stored.note}")

    for name, network in task.networks.items():
        trained = stored.networks.get(name, stored.averages.get(name))
        if trained is None:
            options.report(f"{stored.path} has no {name}: it starts untrained.")
            continue
        try:
            load_into(network, trained, what=name, path=stored.path)
        except DataError as error:
            task_changes = changes(stored.recipe_text, recipe, registry, rooms=("task", "data"))
            if not task_changes:
                raise
            raise DataError(
                f"{stored.path}: the weights of the {name} do not fit this recipe, which is not"
                f" the one they were stored with:\n{task_changes}"
                f"  Tensors: {mismatches(network.state_dict(), trained)[0]}",
                path=stored.path,
            ) from error

    def restore(loop: Loop) -> None:
        for name, average in loop.averages.items():
            if name in stored.averages:
                load_into(average.network, stored.averages[name], what=name, path=stored.path)
        own = loop.task.state.state_dict()
        if stored.state and not mismatches(own, stored.state):
            loop.task.state.load_state_dict(stored.state)

    seen = "" if stored.images is None else f", trained on {stored.images:,} images"
    options.report(f"Starting from the weights of {stored.path}{seen}.")
    growth = recipe.task.parameters.get("growth")
    if isinstance(growth, Slot):
        options.report(
            "Its recipe grows: training begins at the size that task.growth says (task.growth.start"
            " of ganzoo/progressive), whatever size the weights have seen."
        )
    if stored.licence:
        options.report(f"Licence of these weights: {stored.licence}")
    return Start(restore=restore)


def changes(text: str, recipe: Recipe, registry: Registry, rooms: tuple[str, ...] = HASHED) -> str:
    """What was changed in some rooms since a recipe was stored, a line each."""
    try:
        found = diff(recipe_from_text(text, registry), recipe)
    except (RecipeError, PluginError):
        return ""  # a recipe that cannot be read here is no more to be compared
    changed = [each for each in found if each.path.partition(".")[0] in rooms]
    lines = [
        f"  {each.path}: {_side(each.left)} became {_side(each.right)}\n"
        for each in changed[:MOST_CHANGES]
    ]
    if len(changed) > MOST_CHANGES:
        lines.append(f"  and {len(changed) - MOST_CHANGES} more: see ganzoo diff\n")
    return "".join(lines)


def _side(value: Any) -> str:
    return "nothing" if value is ABSENT else shown(value)
