"""Recipes that grow, trained on the digits until there is something to see.

``python -m benchmarks.growing`` trains ProGAN, StyleGAN F and StyleGAN2 D at 16 x 16 with small
widths from the command line, growing as published but for the number of images, and writes
``benchmarks/results/growing-<date>.json`` and ``docs/images/growing.png``: for each recipe the same
latents when its first resolution is done, and at the end.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import machine
from benchmarks.toy_recipes import toy_overrides, trained
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.discovery import discover

ROOT = Path(__file__).resolve().parents[1]
BATCH, STEPS = 32, 2500
FIRST = 12_000  # images at the first resolution, and of every hold and fade
RECIPES = ("progan", "stylegan-f", "stylegan2-d")
TILE = 64 + 2


def main() -> None:
    """Train, measure, draw."""
    rows: list[dict[str, Any]] = []
    strips: list[np.ndarray[Any, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in RECIPES:
            run, seconds = trained(name, "--out", folder, *overrides(name))
            log = (run / "stats.jsonl").read_text(encoding="utf-8").splitlines()
            last = json.loads(log[-1])
            rows.append({"recipe": name, "images": last["images"], "seconds": round(seconds, 1)})
            print(json.dumps(rows[-1]), flush=True)
            grids = sorted((run / "grids").glob("fakes-*.png"))
            early = min(grids, key=lambda path: abs(int(path.stem[6:]) - FIRST))
            strips += [strip(early), strip(grids[-1])]
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    out = ROOT / "benchmarks" / "results" / f"growing-{date}.json"
    result = {"command": "python -m benchmarks.growing", **machine(), "recipes": rows}
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Image.fromarray(np.concatenate(strips)).save(ROOT / "docs" / "images" / "growing.png")


def overrides(name: str) -> list[str]:
    """Small sizes, a growth for few images, and rates that suit them."""
    recipe = load_recipe(ROOT / "recipes" / f"{name}.yaml", registry=discover()).recipe
    return [
        *toy_overrides(recipe, resolution=16, steps=STEPS, batch=BATCH, width=32),
        f"task.growth.hold_images={FIRST}",
        f"task.growth.fade_images={FIRST}",
        "task.growth.start=4",
        "training.optimizer.lr=0.003",
        "training.ema={half_life_images: 2_000, decay_per_step: null}",
        f"watch.every_images={FIRST}",
        *([] if name == "progan" else ["task.regularizers.r1.weight=0.05"]),
    ]


def strip(path: Path) -> np.ndarray[Any, Any]:
    """The first row of a grid, uint8 [H, W]."""
    pixels: np.ndarray[Any, Any] = np.asarray(Image.open(path).convert("L"))[:TILE]
    return pixels


if __name__ == "__main__":
    main()
