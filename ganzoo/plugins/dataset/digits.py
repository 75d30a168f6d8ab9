"""The handwritten digits that scikit-learn ships: 1797 images of 8x8, ten classes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from ganzoo.data.cache import PictureCache
from ganzoo.data.fingerprint import fingerprint_of
from ganzoo.data.labels import one_hot
from ganzoo.data.resolution import largest_resolution, levels_of
from ganzoo.errors import BadValue
from ganzoo.registry.contracts import DatasetSite, Sample

__all__ = ["DigitsDataset"]


class DigitsDataset:
    """Digits on black, enlarged with a bicubic filter inside a margin.

    An original fills its 8x8 pixels to the edge; a ring of black pixels around them lets its
    strokes fade out, and these 10x10 are what stands inside the margin.

    Image i of the original order is ``test`` where ``i % 10 == 9`` (179 images), else ``train``
    (1618 images). Unless the recipe says otherwise they are grey and 32x32 (the largest size
    within that, where the base grid is not square); more channels repeat the grey. The path is
    not read.

    Args:
        split: which images; ``all`` is both.
        margin: share of the shorter side left quite black on each side, from 0 to below 0.5.
    """

    label_width = 10
    class_names = tuple("0123456789")

    def __init__(
        self,
        site: DatasetSite,
        *,
        split: Literal["train", "test", "all"] = "train",
        margin: float = 0.0625,
    ) -> None:
        if not 0 <= margin < 0.5:
            raise BadValue(f"{margin!r}: expected from 0 to below 0.5", path="data.margin")
        from sklearn.datasets import load_digits  # a second; only who asks for digits pays it

        if site.resolution is not None:
            levels_of(site.resolution, site.base)
        self.resolution = site.resolution or largest_resolution((32, 32), site.base)
        self.channels = site.channels or 1
        bunch = load_digits()
        held_out = np.arange(len(bunch.target)) % 10 == 9
        chosen = {"train": ~held_out, "test": held_out, "all": held_out | ~held_out}[split]
        self._originals = bunch.images[chosen].astype(np.float32)  # [N, 8, 8], 0 to 16
        self._labels = one_hot(bunch.target[chosen], self.label_width)
        self._side = max(1, round(min(self.resolution) * (1 - 2 * margin)))
        self._rendered = PictureCache(len(self), (1, *self.resolution))
        classes = self._labels.argmax(1).astype(np.uint8)
        content = self._originals.astype(np.uint8)
        self.fingerprint = fingerprint_of(("digits", content.tobytes(), classes.tobytes()))

    def __len__(self) -> int:
        return len(self._originals)

    def __getitem__(self, index: int) -> Sample:
        """``image`` uint8 [I, R, R] and ``label`` float32 [10]."""
        image = self._rendered.get(index)
        if image is None:
            image = self._render(index)
            self._rendered.put(index, image)
        return {"image": np.repeat(image, self.channels, axis=0), "label": self._labels[index]}

    def label(self, index: int) -> np.ndarray:
        """One-hot float32 [10]."""
        return self._labels[index]

    def _render(self, index: int) -> np.ndarray:
        original = Image.fromarray(np.pad(self._originals[index], 1) * (255 / 16))
        enlarged = original.resize((self._side, self._side), Image.Resampling.BICUBIC)
        height, width = self.resolution
        top, left = (height - self._side) // 2, (width - self._side) // 2
        image = np.zeros((1, height, width), dtype=np.uint8)
        pixels = np.asarray(enlarged).round().clip(0, 255)
        image[0, top : top + self._side, left : left + self._side] = pixels
        return image
