"""Every benchmark that runs on a machine without a GPU, one after the other.

``python -m benchmarks.full`` takes about an hour on two cores. Each writes its own dated file under
``benchmarks/results/``; one that fails does not stop the others. ``--only cpu,nvrtc`` takes some.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.quickstart import ROOT

ALL = (
    "startup",
    "import_speed",
    "nvrtc",
    "cpu",
    "quickstart",
    "precision",
    "growing",
    "zoo",
    "ablation_grid",
)


def main() -> None:
    """Run them, tell how each ended; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ALL))
    names = parser.parse_args().only.split(",")
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; expected some of {', '.join(ALL)}")
    failed = []
    for name in names:
        start = time.monotonic()
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT).returncode
        ended = "done" if code == 0 else f"failed with exit code {code}"
        print(f"{name}: {ended} after {(time.monotonic() - start) / 60:.1f} min", flush=True)
        failed += [name] * (code != 0)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
