"""Make the net_*.npz of tests/golden/data from a complete folder of golden files.

    python tests/golden/trim_networks.py SOURCE [TARGET]

Weights and configurations stay as they are; loss files need them. Filter taps go. A generator
sees no other sample of its batch, so the first sample is kept, with what belongs to it; of a
discriminator, whose samples see each other, the whole batch or the stored first samples. Two files
give fewer outputs; other files have those outputs of the same kind. Arrays are never changed
otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

DROPPED = {
    "net_G_skip_resnet": ("img_noise_none", "img_trunc_cutoff", "img_trunc_all", "img_mixed"),
    "net_D_skip_resnet": ("logits", "dimg_stat", "dimg_corner", "feat_"),
}


def trim(source: Path, target: Path) -> None:
    """Write the kept arrays of every network file to ``target``."""
    for path in sorted(source.glob("net_*.npz")):
        with np.load(path, allow_pickle=False) as archive:
            arrays = {n: archive[n] for n in archive.files if not n.endswith("resample_filter")}
        batched = "in/z" if "in/z" in arrays else "in/img"
        batch = arrays[batched].shape[0]
        first = 1 if batched == "in/z" else batch
        if path.stem in DROPPED:
            dropped = tuple(f"out/{start}" for start in DROPPED[path.stem])
            stays = "out/logits_first"
            arrays = {n: a for n, a in arrays.items() if n == stays or not n.startswith(dropped)}
            first = int(arrays.get("in/first", first))
        for name, array in arrays.items():
            if name.startswith(("in/", "out/")) and array.shape[:1] == (batch,):
                arrays[name] = array[:first]
        np.savez_compressed(target / path.name, **arrays)
        print(f"{path.name}: {len(arrays)} arrays, {(target / path.name).stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with the complete net_*.npz")
    parser.add_argument("target", type=Path, nargs="?", default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    trim(arguments.source, arguments.target)
