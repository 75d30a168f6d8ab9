"""The networks, losses and steps agree with the published ones by the plain definitions, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ("test_networks.py", "test_losses.py", "test_trajectories.py", "test_growing_networks.py")


def test_every_golden_network_and_step_passes_with_the_definitions_forced(golden_dir):
    """A process of its own: the fast paths of this one may have been chosen already."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--golden-dir", str(golden_dir)),
            *(str(HERE / name) for name in FILES),
        ],
        env={**os.environ, "GANZOO_OPS": "reference"},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
