"""Where compiled kernels are kept, and a place for them where that folder cannot be written."""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import cache
from pathlib import Path

VARIABLE = "CUPY_CACHE_DIR"
"""The environment variable that tells CuPy where to keep what it compiled."""


def cache_folder() -> Path:
    """The folder that CuPy keeps compiled kernels in."""
    named = os.environ.get(VARIABLE)
    return Path(named or os.path.expanduser("~/.cupy/kernel_cache"))


def is_writable(folder: Path) -> bool:
    """Whether a file can be made there, or the folder itself where it is missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache
def _kept_while_running() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="ganzoo-kernels-")


def writable_cache() -> Path:
    """The cache folder, exchanged for a temporary one, with a warning, where it is not writable.

    To be called before CuPy is imported, which makes the folder and fails where it cannot. The
    temporary folder belongs to this process alone: compiled code in a place that others can write
    would be theirs.
    """
    folder = cache_folder()
    if is_writable(folder):
        return folder
    kept = Path(_kept_while_running().name)
    os.environ[VARIABLE] = str(kept)
    warnings.warn(
        f"{folder} cannot be written, so kernels are compiled anew in every process. Make it "
        f"writable, or let {VARIABLE} name a folder that is",
        RuntimeWarning,
        stacklevel=2,
    )
    return kept
