"""Every recipe of the zoo, 200 steps at 32 x 32 and small widths, through the one loop.

``python -m benchmarks.zoo`` trains every shipped recipe and every point of the grids of
architectures on the digits, in one process after the other, and writes
``benchmarks/results/zoo-<date>.json``. It says that each recipe trains, grows and ends finite; 200
steps say nothing of how good a recipe is, and averages over 10,000 images show next to nothing yet.
"""

from __future__ import annotations

import json
import math
import statistics
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.toy_recipes import toy_overrides, trained
from ganzoo.recipe.grid import GridPoint, load_grid
from ganzoo.registry.discovery import discover

ROOT = Path(__file__).resolve().parents[1]
STEPS, RESOLUTION, BATCH, WIDTH = 200, 32, 8, 32


def main() -> None:
    """Train all, print a line for each, write."""
    registry = discover()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((ROOT / "recipes").glob("*.yaml")):
            grid = load_grid(path, registry=registry)
            if grid.axes == ("recipe",):
                continue  # its recipes are trained under their own names
            for point in grid.points:
                name = path.stem if not grid.axes else f"{path.stem}: {point.label}"
                words = ["--point", str(point.index), "--out", folder, *overrides(point)]
                run, seconds = trained(str(path), *words)
                rows.append({"recipe": name, **logged(run), "seconds": round(seconds, 1)})
                print(json.dumps(rows[-1]), flush=True)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    out = ROOT / "benchmarks" / "results" / f"zoo-{date}.json"
    result = {
        "command": "python -m benchmarks.zoo",
        **machine(),
        "steps": STEPS,
        "resolution": RESOLUTION,
        "batch": BATCH,
        "channels_max": WIDTH,
        "recipes": rows,
    }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def overrides(point: GridPoint) -> list[str]:
    """What makes a toy of a recipe."""
    return toy_overrides(
        point.loaded.recipe, resolution=RESOLUTION, steps=STEPS, batch=BATCH, width=WIDTH
    )


def logged(run: Path) -> dict[str, Any]:
    """What the log says: steps made, last losses, and the pace of the second half."""
    lines = (run / "stats.jsonl").read_text(encoding="utf-8").splitlines()
    log = [json.loads(line) for line in lines]
    losses = {name: log[-1][name] for name in ("generator_loss", "discriminator_loss")}
    late = [row["images_per_second"] for row in log[len(log) // 2 :]]
    return {
        "steps": log[-1]["step"],
        "finite": all(math.isfinite(v) for row in log for v in row.values() if v is not None),
        "images_per_second": round(statistics.median(late), 1),
        **{name: round(value, 4) for name, value in losses.items()},
    }


if __name__ == "__main__":
    main()
