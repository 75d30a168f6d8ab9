"""Shipped recipes at toy width, built or trained in this process."""

from __future__ import annotations

import torch

from benchmarks.toy_recipes import toy_overrides
from ganzoo.assembly.build import build
from ganzoo.assembly.checkpoint import newest_checkpoint
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import TaskSite
from ganzoo.training.options import RunOptions
from ganzoo.training.run import train

STEPS, BATCH = 10, 4


def registry():
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


def toy(name, *overrides, resolution=16):
    """A shipped recipe, narrow and short, on drawn shapes."""
    source = f"ganzoo.recipes:{name}.yaml"
    recipe = load_recipe(source, registry=registry()).recipe
    small = toy_overrides(recipe, resolution=resolution, steps=STEPS, batch=BATCH)
    return load_recipe(source, ["data.use=ganzoo/shapes", *small, *overrides], registry=registry())


def task_of(loaded, *, precision=None, resolution=16, channels=3):
    """Its task, in the precision that it asks for or another."""
    torch.manual_seed(0)
    site = TaskSite(
        resolution=(resolution, resolution),
        channels=channels,
        label_width=0,
        precision=precision or loaded.recipe.training.precision,
    )
    return build(loaded.recipe.task, registry(), "task")(site)


def trained(loaded, out, **options):
    """The run folder, and the content of its last checkpoint."""
    folder = train(loaded, registry(), RunOptions(out=out, device="cpu", progress=False, **options))
    return folder, newest_checkpoint(folder)[1]


def outputs_of(network, call):
    """What every module of a network returned during a call: its path, and each tensor."""
    seen = []

    def note(path):
        def hook(module, args, output):
            made = [output] if isinstance(output, torch.Tensor) else output
            made = made.values() if isinstance(made, dict) else made
            seen.extend((path, tensor) for tensor in made if tensor is not None)

        return hook

    hooks = [module.register_forward_hook(note(p)) for p, module in network.named_modules()]
    call()
    for hook in hooks:
        hook.remove()
    return seen
