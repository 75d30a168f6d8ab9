"""Make the metrics.npz of tests/golden/data from a complete folder of golden files.

    python tests/golden/trim_metrics.py SOURCE [TARGET]

Keeps the sets that distances between distributions are computed of; keys and arrays stay as they
are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

KEPT = ("real", "fake", "mu_real", "sigma_real", "mu_fake", "sigma_fake", "fid")


def trim(source: Path, target: Path) -> None:
    """Write the kept arrays of every set."""
    with np.load(source / "metrics.npz", allow_pickle=False) as archive:
        arrays = {
            name: archive[name]
            for name in archive.files
            if name.startswith("set") and name.partition("/")[2] in KEPT
        }
    np.savez_compressed(target / "metrics.npz", **arrays)
    print(f"metrics.npz: {len(arrays)} arrays")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with the complete metrics.npz")
    parser.add_argument("target", type=Path, nargs="?", default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    trim(arguments.source, arguments.target)
