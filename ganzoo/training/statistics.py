"""What training says about itself: stats.jsonl first, TensorBoard as its mirror."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.training.world import World


class Observations:
    """Sums of observed values since the last look; stays on the device until then."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    @torch.no_grad()
    def add(self, name: str, value: Tensor) -> None:
        """Add all elements of a value."""
        wide = torch.float32 if value.device.type == "mps" else torch.float64
        total = value.detach().sum(dtype=wide)
        if name in self._sums:
            self._sums[name] += total
            self._counts[name] += value.numel()
        else:
            self._sums[name] = total
            self._counts[name] = value.numel()

    def take(self, world: World) -> dict[str, float]:
        """The means over the ranks since the last take, by name; forgets them."""
        names = sorted(self._sums)
        means = [self._sums[name] / self._counts[name] for name in names]
        world.mean_(means)
        self._sums.clear()
        self._counts.clear()
        return {name: float(mean) for name, mean in zip(names, means)}


class StatsLog:
    """Appends a JSON line a row to ``stats.jsonl``, and the same scalars to TensorBoard.

    A resumed run first drops the rows that lie after its checkpoint, so the log has each row once.
    ``seconds`` is the time that the kept rows say has been trained.
    """

    def __init__(self, folder: Path, *, images: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / "stats.jsonl"
        try:
            rows = [(line, json.loads(line)) for line in self._lines()]
            rows = [(line, row) for line, row in rows if row["images"] <= images]
            kept = [line for line, _ in rows]
            self.seconds: float = rows[-1][1]["seconds"] if rows else 0.0
            self.path.write_text("".join(kept), encoding="utf-8")
            self._file = self.path.open("a", encoding="utf-8")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path}: cannot continue the log: {error}", path=folder
            ) from error
        self._board: Any = SummaryWriter(  # type: ignore[no-untyped-call]
            str(folder / "tensorboard"), purge_step=images
        )

    def close(self) -> None:
        """Flush and close both."""
        self._file.close()
        self._board.close()

    def write(self, row: Mapping[str, Any]) -> None:
        """Append a row; ``images`` is its clock."""
        try:
            self._file.write(json.dumps(dict(row)) + "\n")
            self._file.flush()
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot write: {error.strerror}", path=self.path
            ) from error
        for name, value in row.items():
            if isinstance(value, float):
                self._board.add_scalar(name, value, row["images"])

    def picture(self, name: str, image: Any, images: int) -> None:
        """Mirror a grid, uint8 [H, W, 3 or 1]."""
        self._board.add_image(name, image, images, dataformats="HWC")

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        # a kill in the middle of a write leaves half a line, always the last
        return [line for line in lines if line.endswith("\n")]
