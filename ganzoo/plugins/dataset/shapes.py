"""Circles, squares and triangles drawn from known factors, for tests."""

from __future__ import annotations

import math

import numpy as np

from ganzoo.data.fingerprint import fingerprint_of
from ganzoo.data.labels import one_hot
from ganzoo.data.resolution import largest_resolution, levels_of
from ganzoo.errors import BadValue
from ganzoo.registry.contracts import DatasetSite, Sample

__all__ = ["ShapesDataset"]

_BACKGROUND = 0.08
_SIZES = (0.15, 0.27)  # radius of a circle, as a share of the image's shorter side
# (reach of the edges from the centre in units of the size, directions of the edges): equal areas
_SQUARE = (math.sqrt(math.pi) / 2, (0.0, 0.5, 1.0, 1.5))
_TRIANGLE = (math.sqrt(math.pi / math.sqrt(27)), (0.5, 7 / 6, 11 / 6))  # down, up left, up right
_REACH = 2 * _TRIANGLE[0]  # the furthest corner of any of them


class ShapesDataset:
    """One shape an image, its edges smooth, wholly inside, on a dark ground.

    Image i is drawn from a generator seeded with (seed, i), so it is the same at every resolution.
    The label is the shape. The field ``factors``, float32 [4], holds the centre's x and y as
    shares of width and height, the size (radius of the circle of the same area, as a share of the
    shorter side) and the colour in [0, 1): a turn around the colour wheel, or the brightness where
    there is one channel. Without a site's word, images are RGB and 32x32. The path is not read.

    Args:
        count: number of images, at least 1.
        seed: of all of them, 0 or more.
    """

    class_names = ("circle", "square", "triangle")
    label_width = len(class_names)

    def __init__(self, site: DatasetSite, *, count: int = 1000, seed: int = 0) -> None:
        if count < 1:
            raise BadValue(f"{count!r}: expected at least 1", path="data.count")
        if seed < 0:
            raise BadValue(f"{seed!r}: expected 0 or more", path="data.seed")
        if site.resolution is not None:
            levels_of(site.resolution, site.base)
        self.resolution = site.resolution or largest_resolution((32, 32), site.base)
        self.channels = site.channels or 3
        self.fingerprint = fingerprint_of(("shapes", 1, count, seed))
        self._count = count
        self._seed = seed

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """``image`` uint8 [I, R, R], ``label`` float32 [3], ``factors`` float32 [4]."""
        shape, random = self._start(index)
        height, width = self.resolution
        shorter = min(self.resolution)
        size = random.uniform(*_SIZES)
        reach = _REACH * size * shorter
        x = random.uniform(reach / width, 1 - reach / width)
        y = random.uniform(reach / height, 1 - reach / height)
        colour = random.random()
        inside = _coverage(self.resolution, shape, x * width, y * height, size * shorter)
        paint = _paint(colour, self.channels)[:, None, None]
        image = _BACKGROUND + inside * (paint - _BACKGROUND)  # [I, R, R]
        return {
            "image": (image * 255).round().astype(np.uint8),
            "label": one_hot([shape], self.label_width)[0],
            "factors": np.array([x, y, size, colour], dtype=np.float32),
        }

    def label(self, index: int) -> np.ndarray:
        """One-hot float32 [3]."""
        return one_hot([self._start(index)[0]], self.label_width)[0]

    def _start(self, index: int) -> tuple[int, np.random.Generator]:
        if not -self._count <= index < self._count:
            raise IndexError(f"image {index!r} of {self._count!r}")
        random = np.random.default_rng((self._seed, index % self._count))
        return int(random.integers(self.label_width)), random


def _coverage(
    resolution: tuple[int, int], shape: int, x: float, y: float, size: float
) -> np.ndarray:
    """Share of each pixel inside the shape, [R, R]: its distance to the edge, one pixel wide."""
    rows, columns = np.ogrid[: resolution[0], : resolution[1]]
    down, right = rows + 0.5 - y, columns + 0.5 - x
    if shape == 0:
        distance = np.hypot(down, right) - size
    else:
        reach, directions = _SQUARE if shape == 1 else _TRIANGLE
        edges = [math.cos(math.pi * d) * right + math.sin(math.pi * d) * down for d in directions]
        distance = np.maximum.reduce(edges) - reach * size
    return np.clip(0.5 - distance, 0, 1)


def _paint(colour: float, channels: int) -> np.ndarray:
    """[channels] intensities in [0, 1]."""
    if channels == 1:
        return np.array([0.4 + 0.6 * colour])
    phase = colour - np.arange(channels) / channels
    return 0.6 + 0.4 * np.cos(2 * math.pi * phase)
