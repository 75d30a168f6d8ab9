"""Any shipped recipe at toy width: what to override so that it trains within seconds, and how."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.recipe.model import Recipe, Slot


def toy_overrides(
    recipe: Recipe, *, resolution: int, steps: int, batch: int = 8, width: int = 8
) -> list[str]:
    """Overrides that keep every component and every coefficient, and shrink the sizes.

    A recipe that grows passes all of its resolutions and fades within the steps.

    Args:
        resolution: of the images.
        steps: of the loop.
        batch: samples a step, at every resolution.
        width: feature maps at most, and the width of latents and styles.
    """
    task = recipe.task.parameters
    found = [
        f"data.resolution={resolution}",
        f"training.batch={batch}",
        f"training.images={steps * batch}",
        "watch.every_images=1000000",
    ]
    for name in ("generator", "discriminator"):
        found += _network(f"task.{name}", task[name], width)
    if isinstance(task["growth"], Slot):
        found += _growth(task["growth"], resolution, steps * batch, batch)
    return found


def trained(recipe: str, *words: str) -> tuple[Path, float]:
    """Train by the command line, in a process of its own: the run folder, and the seconds it took.

    Args:
        recipe: as ``ganzoo run`` takes it.
        words: options and overrides behind it.
    """
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "ganzoo", "run", recipe, "--device", "cpu", *words],
        cwd=Path(__file__).resolve().parents[1],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{recipe}: {done.stderr}")
    return Path(done.stdout.strip()), time.monotonic() - start


def _network(path: str, network: Slot, width: int) -> list[str]:
    found = []
    for name, value in network.parameters.items():
        if name == "channels_base":
            found.append(f"{path}.{name}={16 * width}")
        elif name in ("channels_max", "latent_width"):
            found.append(f"{path}.{name}={width}")
        elif isinstance(value, Slot):
            parameters: Mapping[str, Any] = value.parameters
            if value.kind == "mapping" and "width" in parameters:
                found += [f"{path}.{name}.width={width}", f"{path}.{name}.depth=2"]
            else:
                found += _network(f"{path}.{name}", value, width)
    return found


def _growth(growth: Slot, resolution: int, images: int, batch: int) -> list[str]:
    """Hold and fade every resolution alike, the last one for what is left, at least a step."""
    start = growth.parameters["start"]
    transitions = (resolution // start).bit_length() - 1
    # every part a whole number of steps, so that both chapters of a transition are met
    part = images // (2 * transitions + 1) // batch * batch
    table = ", ".join(f"{side}: {batch}" for side in growth.parameters["batch"])
    return [
        f"task.growth.hold_images={part}",
        f"task.growth.fade_images={part}",
        *([f"task.growth.batch={{{table}}}"] if table else []),
    ]
