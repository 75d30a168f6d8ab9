"""A folder of small pictures, for data sets that read one."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

_SIZES = ((12, 10), (16, 16), (9, 20))  # height and width


def picture_folder() -> Path:
    """Two classes of three colour pictures each; made once, and gone with the process."""
    return Path(_folder().name)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="ganzoo-pictures-")
    random = np.random.default_rng(0)
    for name in ("first", "second"):
        inside = Path(folder.name) / name
        inside.mkdir()
        for number, size in enumerate(_SIZES):
            pixels = random.integers(256, size=(*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(inside / f"{number}.png")
    return folder
