"""Seconds from the shell to the answer of ``ganzoo --help`` and ``ganzoo list``.

``python -m benchmarks.startup`` interleaves them with ``python -c pass`` and with a bare
``import torch``, and prints medians. Writes ``benchmarks/results/startup-<date>.json``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 15
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import torch": ["-c", "import torch"],
    "ganzoo --help": ["-m", "ganzoo", "--help"],
    "ganzoo list": ["-m", "ganzoo", "list"],
    "ganzoo show generator_block skip": ["-m", "ganzoo", "show", "generator_block", "skip"],
    "ganzoo check recipes/stylegan2-f.yaml": ["-m", "ganzoo", "check", "recipes/stylegan2-f.yaml"],
}


def main() -> None:
    """Measure, print, write."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
            )
            seconds[name].append(time.perf_counter() - start)
    medians = {name: round(statistics.median(times), 3) for name, times in seconds.items()}
    result = {
        "command": "python -m benchmarks.startup",
        **machine(),
        "rounds": ROUNDS,
        "median_seconds": medians,
        "slowest_seconds": {name: round(max(times), 3) for name, times in seconds.items()},
    }
    print(json.dumps(result, indent=2))
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    out = ROOT / "benchmarks" / "results" / f"startup-{date}.json"
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
