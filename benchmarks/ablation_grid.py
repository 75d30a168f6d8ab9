"""Table 2 of StyleGAN2 at toy size: nine pairs of architectures on the digits, two seeds each.

``python -m benchmarks.ablation_grid`` runs ``ganzoo ablate recipes/stylegan2-table2.yaml`` with
small widths on the embedded digits, unconditionally, and copies the report with its pictures to
``benchmarks/results/table2-<date>/``. Killed, it goes on where it was. Words behind the options are
handed to ``ganzoo ablate``, as ``--points 0-2`` or ``training.images=8000``.

The overrides keep what the table compares (blocks, normalization, losses, regularizers, mixing) and
shrink the sizes; R1 is weakened as the quickstart has it, because its published weight belongs to
1024 x 1024 pixels.
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

from benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[1]
RECIPE = "recipes/stylegan2-table2.yaml"
OVERRIDES = (
    "data.use=ganzoo/digits",
    "data.resolution=16",
    "data.labels=none",
    "data.mirror=false",
    "task.generator.channels_base=256",
    "task.generator.channels_max=32",
    "task.generator.latent_width=32",
    "task.generator.mapping.width=32",
    "task.generator.mapping.depth=2",
    "task.discriminator.channels_base=256",
    "task.discriminator.channels_max=32",
    "task.regularizers.r1.weight=0.05",
    "training.batch=32",
    "training.images=80_000",
    "training.optimizer.lr=0.003",
    "training.ema.half_life_images=2_000",
    "training.ema.ramp_up=0.05",
    "watch.every_images=20_000",
)
KEPT = ("report.md", "report.html", "report.csv", "report")


def main() -> None:
    """Run what is left to do, and copy the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--seeds", default="0-1")
    parser.add_argument("--out", type=Path, default=ROOT / "ablations" / "table2")
    parser.add_argument("--no-copy", action="store_true", help="leave benchmarks/results alone")
    arguments, more = parser.parse_known_args()
    command = [
        *(sys.executable, "-m", "ganzoo", "ablate", RECIPE, *OVERRIDES),
        *("--jobs", arguments.jobs, "--seeds", arguments.seeds, "--device", "cpu"),
        *("--out", str(arguments.out), *more),
    ]
    began = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.1f} minutes, exit code {code}")
    if not arguments.no_copy and (arguments.out / "report.md").is_file():
        copy(arguments.out, None if "--report-only" in more else minutes)
    raise SystemExit(code)


def copy(source: Path, minutes: float | None) -> None:
    """The report without its runs; where they were trained just now, what it was measured on."""
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    target = ROOT / "benchmarks" / "results" / f"table2-{date}"
    target.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        found, copied = source / name, target / name
        if found.is_dir():
            shutil.rmtree(copied, ignore_errors=True)
            shutil.copytree(found, copied)
        else:
            shutil.copyfile(found, copied)
    if minutes is not None:
        facts = {"command": "python -m benchmarks.ablation_grid", **machine(), "minutes": minutes}
        (target / "machine.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"Copied to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
