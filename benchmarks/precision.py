"""The quickstart in float32 and in bfloat16: how long it takes, and how good its digits are.

``python -m benchmarks.precision`` trains both, one after the other, judges them as
``benchmarks.quickstart`` does, and writes ``benchmarks/results/precision-<date>.json``. Several
seeds say how much two trainings of one kind differ.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone

from benchmarks.machine import machine
from benchmarks.quickstart import ROOT, judge, timed_run

JUDGED = ("agreement", "frechet_over_halves", "variety")


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    runs = []
    for seed in range(arguments.seeds):
        for dtype in ("float32", "bfloat16"):
            folder, timing = timed_run(
                "recipes/quickstart.yaml",
                [f"training.precision.dtype={dtype}", f"training.seed={seed}"],
            )
            judged = judge(folder, None)
            runs.append(
                {
                    "dtype": dtype,
                    "seed": seed,
                    **timing,
                    **{name: judged[name] for name in JUDGED},
                }
            )
            print(json.dumps(runs[-1]))
    result = {"command": "python -m benchmarks.precision", **machine(), "runs": runs}
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    out = ROOT / "benchmarks" / "results" / f"precision-{date}.json"
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
