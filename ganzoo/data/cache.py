"""Decoded pictures kept in memory, where all of them fit."""

from __future__ import annotations

from typing import Any

import numpy as np

LIMIT = 512 * 2**20  # bytes


class PictureCache:
    """Rows of one uint8 array, filled as pictures are first read; a large data set keeps none.

    Threads may share it: a row is written before it is marked, and two writers write the same.
    A pickled copy starts empty.
    """

    def __init__(self, length: int, shape: tuple[int, int, int], limit: int = LIMIT) -> None:
        self._shape = (length, *shape)
        self._fits = length * shape[0] * shape[1] * shape[2] <= limit
        self._allocate()

    def _allocate(self) -> None:
        # zeros, not empty: the system then commits a page when it is first written
        self._pictures = np.zeros(self._shape if self._fits else (0,), dtype=np.uint8)
        self._known = np.zeros(self._shape[0] if self._fits else 0, dtype=bool)

    def get(self, index: int) -> np.ndarray | None:
        """The picture, uint8 [I, R, R] and read-only, or None if it is not kept."""
        if not self._fits or not self._known[index]:
            return None
        picture = self._pictures[index]
        picture.flags.writeable = False
        return picture

    def put(self, index: int, picture: np.ndarray) -> None:
        """Keep a picture, if all of them fit."""
        if self._fits:
            self._pictures[index] = picture
            self._known[index] = True

    def __getstate__(self) -> dict[str, Any]:
        return {"_shape": self._shape, "_fits": self._fits}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._allocate()
