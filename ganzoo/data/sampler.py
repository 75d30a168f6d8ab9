"""The endless shuffled order of training images, without state."""

from __future__ import annotations

import numpy as np

from ganzoo.errors import BadValue


class IndexStream:
    """Which image is shown at which position, forever: a pure function of the seed.

    Position p belongs to epoch ``p // length``; epoch e is a permutation drawn from a generator
    seeded with ``(seed, e)``. A run that resumes at position p thus continues by itself.
    """

    def __init__(self, length: int, seed: int) -> None:
        if length < 1:
            raise ValueError(f"an order needs at least one image, got {length!r}")
        if seed < 0:
            raise BadValue(f"a seed is 0 or more, got {seed!r}", path="training.seed")
        self.length = length
        self.seed = seed
        self._recent: dict[int, np.ndarray] = {}

    def take(self, position: int, count: int) -> np.ndarray:
        """The image indices of positions ``position .. position + count - 1``, int64 [count]."""
        pieces = [np.empty(0, dtype=np.int64)]
        end = position + count
        while position < end:
            epoch, start = divmod(position, self.length)
            stop = min(start + end - position, self.length)
            pieces.append(self._permutation(epoch)[start:stop])
            position += stop - start
        return np.concatenate(pieces)

    def _permutation(self, epoch: int) -> np.ndarray:
        recent = self._recent  # one snapshot, replaced whole: threads may share this stream
        if epoch not in recent:
            drawn = np.random.default_rng((self.seed, epoch)).permutation(self.length)
            recent = {**{e: p for e, p in recent.items() if e == epoch - 1}, epoch: drawn}
            self._recent = recent
        return recent[epoch]
