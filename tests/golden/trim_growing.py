"""Make the progan_*.npz and stylegan1_*.npz of tests/golden/data from a complete folder.

    python tests/golden/trim_growing.py SOURCE [TARGET]

Discriminators stay as they are. A generator sees no other sample of its batch, so the first sample
is kept, with what belongs to it. Images of a latent that is normalized twice go, and the constant
taps of blurs; one file gives no images of mixed styles, which another one has. Arrays are never
changed otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

PER_SAMPLE = ("in/z", "in/label", "in/ws_mixed")
DROPPED = {
    "progan_G_fuse": ("out/img_lod",),
    "progan_G_nofuse": ("out/img_lod",),
    "stylegan1_G_fuse_cond": ("out/img_mixed",),
}


def trim(source: Path, target: Path) -> None:
    """Write the kept arrays of every file of growing networks to ``target``."""
    for path in sorted([*source.glob("progan_*.npz"), *source.glob("stylegan1_*.npz")]):
        with np.load(path, allow_pickle=False) as archive:
            arrays = {n: archive[n] for n in archive.files if not n.endswith("blur.kernel")}
        if "in/z" in arrays:
            batch = arrays["in/z"].shape[0]
            dropped = DROPPED.get(path.stem, ())
            arrays = {n: a for n, a in arrays.items() if not n.startswith(dropped)}
            for name, array in arrays.items():
                per_sample = name in PER_SAMPLE or name.startswith("out/")
                if per_sample and array.shape[:1] == (batch,):
                    arrays[name] = array[:1]
        np.savez_compressed(target / path.name, **arrays)
        print(f"{path.name}: {len(arrays)} arrays, {(target / path.name).stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with the complete files")
    parser.add_argument("target", type=Path, nargs="?", default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    trim(arguments.source, arguments.target)
