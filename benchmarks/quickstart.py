"""The quickstart, measured: time to the first grid, time in all, and how good its digits are.

``python -m benchmarks.quickstart`` runs ``ganzoo run recipes/quickstart.yaml`` as a user would,
then judges every checkpoint with a classifier that was trained on the held-out split. Writes
``benchmarks/results/quickstart-<date>.json`` and the README's pictures. ``--run FOLDER`` judges a
run that is there already.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.digit_classifier import (
    DigitClassifier,
    agreement,
    frechet_distance,
    train_classifier,
)
from benchmarks.machine import machine
from ganzoo.assembly.build import build
from ganzoo.assembly.checkpoint import checkpoint_files
from ganzoo.assembly.load import LoadedRun, load
from ganzoo.data.images import image_grid, save_png, to_uint8
from ganzoo.recipe.model import Slot
from ganzoo.registry.contracts import DatasetSite, SampleRequest
from ganzoo.registry.discovery import discover

ROOT = Path(__file__).resolve().parents[1]
PER_CLASS = 100


def main() -> None:
    """Run, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help="judge this run instead of training one")
    parser.add_argument("--recipe", default="recipes/quickstart.yaml")
    parser.add_argument("--no-pictures", action="store_true", help="leave the README's pictures")
    arguments, overrides = parser.parse_known_args()
    timing: dict[str, float] = {}
    folder = arguments.run
    if folder is None:
        folder, timing = timed_run(arguments.recipe, overrides)
    result = {"command": "python -m benchmarks.quickstart", **machine(), **timing}
    result.update(judge(folder, None if arguments.no_pictures else ROOT / "docs" / "images"))
    print(json.dumps({k: v for k, v in result.items() if k != "curve"}, indent=2))
    if arguments.run is None and not arguments.no_pictures:
        date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        out = ROOT / "benchmarks" / "results" / f"quickstart-{date}.json"
        out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def timed_run(recipe: str, overrides: list[str]) -> tuple[Path, dict[str, float]]:
    """Run the recipe in a process of its own, watching for its first grid."""
    out = ROOT / "runs" / f"benchmark-{int(time.time())}"
    command = [sys.executable, "-m", "ganzoo", "run", recipe, "--out", str(out)]
    start = time.monotonic()
    process = subprocess.Popen(
        [*command, "watch.checkpoints.keep=100", *overrides], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    first = None
    while process.poll() is None:
        if first is None and list(out.glob("*/grids/fakes-*.png")):
            first = time.monotonic() - start
        time.sleep(0.05)
    total = time.monotonic() - start
    if process.returncode:
        raise SystemExit(f"the run failed with exit code {process.returncode}")
    (folder,) = [path for path in out.iterdir() if path.is_dir()]
    return folder, {"seconds_to_first_grid": first or total, "seconds_in_all": total}


def judge(folder: Path, pictures: Path | None) -> dict[str, Any]:
    """Judge every checkpoint; the last one gives the result."""
    first = load(checkpoint_files(folder)[0])
    real, real_labels = split(first, "train")
    held_out, held_labels = split(first, "test")
    model = train_classifier(held_out, held_labels)
    halves = halves_distance(model, real)
    curve = []
    for path in reversed(checkpoint_files(folder)):
        run = load(path)
        fakes, labels = samples(run)
        distance = equal_distance(model, fakes, real)
        curve.append(
            {
                "images": run.images,
                "agreement": agreement(model, fakes, labels),
                "frechet": distance,
                "frechet_over_halves": distance / halves,
                "variety": variety(model, fakes, labels) / variety(model, real, real_labels),
            }
        )
    rows = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    for point in curve:
        point["seconds"] = min(rows, key=lambda r: abs(r["images"] - point["images"]))["seconds"]
    if pictures is not None:
        draw(folder, load(checkpoint_files(folder)[0]), real, real_labels, curve, pictures)
    return {
        "classifier_accuracy_on_real_train_split": agreement(model, real, real_labels),
        "frechet_between_real_halves": halves,
        **curve[-1],
        "curve": curve,
    }


def split(run: LoadedRun, name: str) -> tuple[Tensor, Tensor]:
    """Images [N, 1, R, R] in [-1, 1] and class indices of a split of the digits."""
    registry = discover()
    slot = Slot(
        kind="dataset",
        use="ganzoo/digits",
        parameters={**run.recipe.data.parameters, "split": name},
        settings={},
    )
    side = run.recipe.data.settings["resolution"]
    dataset = build(slot, registry, "data")(DatasetSite(resolution=(side, side), channels=1))
    items = [dataset[i] for i in range(len(dataset))]
    images = torch.from_numpy(np.stack([item["image"] for item in items])).float() / 127.5 - 1
    return images, torch.from_numpy(np.stack([item["label"] for item in items])).argmax(dim=1)


@torch.no_grad()
def samples(run: LoadedRun) -> tuple[Tensor, Tensor]:
    """``PER_CLASS`` samples of each class, without truncation."""
    labels = torch.arange(10).repeat_interleave(PER_CLASS)
    request = SampleRequest(
        seeds=tuple(range(1000, 1000 + len(labels))), label=torch.eye(10)[labels], noise="fresh"
    )
    return run.task.sample(run.networks, request).clamp(-1, 1), labels


def halves_distance(model: DigitClassifier, real: Tensor) -> float:
    """Median Frechet distance between random halves of the real images."""
    distances = []
    for seed in range(9):
        order = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))
        a, b = order.chunk(2)
        distances.append(frechet_distance(model.features(real[a]), model.features(real[b])))
    return float(np.median(distances))


def equal_distance(model: DigitClassifier, fakes: Tensor, real: Tensor) -> float:
    """Median Frechet distance to random halves of the real images, as many fakes as reals."""
    count = min(len(real) // 2, len(fakes))
    distances = []
    for seed in range(9):
        generator = torch.Generator().manual_seed(seed)
        a = torch.randperm(len(real), generator=generator)[:count]
        b = torch.randperm(len(fakes), generator=generator)[:count]
        distances.append(frechet_distance(model.features(fakes[b]), model.features(real[a])))
    return float(np.median(distances))


def variety(model: DigitClassifier, images: Tensor, labels: Tensor) -> float:
    """Mean distance between the features of two images of the same class, over the classes."""
    features = model.features(images)
    means = []
    for digit in range(10):
        mine = features[labels == digit]
        means.append(torch.pdist(mine).mean())
    return float(torch.stack(means).mean())


def draw(
    folder: Path,
    run: LoadedRun,
    real: Tensor,
    labels: Tensor,
    curve: list[dict[str, Any]],
    out: Path,
) -> None:
    """The README's pictures: the last grid, the curve, nearest training neighbours."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    out.mkdir(parents=True, exist_ok=True)
    grids = sorted((folder / "grids").glob("fakes-*.png"))
    shutil.copyfile(grids[-1], out / "quickstart.png")
    fakes, _ = samples(run)
    chosen = fakes[:: PER_CLASS // 2][:20]
    distance = torch.cdist(chosen.flatten(1), real.flatten(1))
    nearest = real[distance.topk(4, largest=False).indices]  # [20, 4, 1, R, R]
    tiles = torch.cat([chosen[:, None], nearest], dim=1)
    # two samples a row, each followed by its four nearest training images
    save_png(out / "quickstart-neighbours.png", image_grid(to_uint8(tiles.flatten(0, 1)), 10))
    figure, axis = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    minutes = [point["seconds"] / 60 for point in curve]
    axis.plot(minutes, [100 * p["agreement"] for p in curve], "o-", color="tab:blue")
    axis.set_xlabel("minutes on two CPU cores")
    axis.set_ylabel("agrees with the label, %", color="tab:blue")
    axis.set_ylim(0, 102)
    axis.grid(alpha=0.3)
    other = axis.twinx()
    other.plot(minutes, [p["frechet_over_halves"] for p in curve], "s--", color="tab:red")
    other.set_yscale("log")
    other.set_ylabel("Frechet distance / real halves", color="tab:red")
    figure.savefig(out / "quickstart-curve.png", dpi=110)


if __name__ == "__main__":
    main()
