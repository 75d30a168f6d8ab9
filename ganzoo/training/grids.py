"""The grids a person watches: real images once, then fakes of the same latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ganzoo.data.images import image_grid, save_png, to_uint8
from ganzoo.registry.contracts import Dataset, SampleRequest, Task

COLUMNS = 10
MAX_ROWS = 10
MAX_PIXELS = 4096 * 4096  # of a whole grid: large images get fewer tiles
CHUNK_PIXELS = 32 * 256 * 256  # images generated in one go


class Grids:
    """Draws the grids of one run: a row for each class, or ten rows without classes.

    Args:
        folder: the PNGs go to ``folder/grids``.
        task: asked to sample.
        dataset: gives the real images, and its classes.
        conditional: whether the networks see the class.
        at_once: images that are generated in one go at most, as many as are trained on at once, so
            that a grid never needs more memory than training does; None: as ``CHUNK_PIXELS`` says.
    """

    def __init__(
        self,
        folder: Path,
        task: Task,
        dataset: Dataset,
        *,
        conditional: bool,
        at_once: int | None = None,
    ) -> None:
        self.folder = folder / "grids"
        self._task = task
        self._dataset = dataset
        self._at_once = at_once
        height, width = dataset.resolution
        tiles = max(4, MAX_PIXELS // (height * width))
        self.columns = min(COLUMNS, max(2, int(tiles**0.5)))
        classes = dataset.label_width if conditional else 0
        self.rows = min(classes or MAX_ROWS, MAX_ROWS, max(2, tiles // self.columns))
        self._labels = None
        if classes:
            self._labels = torch.eye(classes)[: self.rows].repeat_interleave(self.columns, dim=0)

    @torch.no_grad()
    def fakes(self, networks: dict[str, nn.Module], images: int) -> np.ndarray[Any, Any]:
        """Write the grid after ``images`` images; returns it as uint8 [H, W, C]."""
        count = self.rows * self.columns
        like = next(p for network in networks.values() for p in network.parameters())
        height, width = self._dataset.resolution
        chunk = max(1, min(CHUNK_PIXELS // (height * width), self._at_once or count))
        parts = []
        for start in range(0, count, chunk):
            seeds = tuple(range(start, min(start + chunk, count)))
            label = None
            if self._labels is not None:
                label = self._labels[list(seeds)].to(like)
            request = SampleRequest(seeds=seeds, label=label, images=images)
            parts.append(to_uint8(self._task.sample(networks, request)))
        return self._write(np.concatenate(parts), f"fakes-{images:09d}.png")

    def reals(self) -> np.ndarray[Any, Any]:
        """Write a grid of real images, in the same rows."""
        order = np.random.RandomState(0).permutation(len(self._dataset))[:20_000]
        wanted = self.rows * self.columns
        if self._labels is None:
            chosen = [int(i) for i in np.resize(order, wanted)]
        else:
            chosen = self._by_class(order)
        images = np.stack([self._dataset[i]["image"] for i in chosen])
        return self._write(images, "reals.png")

    def _by_class(self, order: np.ndarray[Any, Any]) -> list[int]:
        rows: list[list[int]] = [[] for _ in range(self.rows)]
        for index in order:
            label = self._dataset.label(int(index))
            row = -1 if label is None else int(label.argmax())
            if 0 <= row < self.rows and len(rows[row]) < self.columns:
                rows[row].append(int(index))
        everything = [index for row in rows for index in row]
        return [i for row in rows for i in np.resize(row or everything, self.columns).tolist()]

    def _write(self, images: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
        picture = image_grid(images, self.columns)
        save_png(self.folder / name, picture)
        pixels = np.asarray(picture)
        return pixels[..., None] if pixels.ndim == 2 else pixels
