"""What a foreign file turns out to hold: a recipe, facts, and where each network's tensors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

# From one of our networks (names and shapes only) to its state dict in our names.
StateSource = Callable[[nn.Module], dict[str, Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A foreign file, understood but not yet converted.

    Args:
        layout: of the file, in words: ``"rosinality checkpoint of StyleGAN2 (PyTorch)"``.
        extends: a recipe that ships with ganzoo, for what the file does not say: how to train.
        task: what its task slot says otherwise, of plain mappings and values.
        resolution: side of the square images.
        channels: of the images.
        label_width: number of classes; 0: none.
        networks: by our names, what makes the state dict as trained; absent: the file lacks it.
        averages: as ``networks``, the average over training.
        notes: sentences about what was assumed, for ``origin.json`` and the user.
    """

    layout: str
    extends: str
    task: Mapping[str, Any]
    resolution: int
    channels: int
    label_width: int
    networks: Mapping[str, StateSource]
    averages: Mapping[str, StateSource]
    notes: tuple[str, ...] = ()

    def recipe(self, name: str, about: str) -> dict[str, Any]:
        """A recipe of plain mappings and values, to be resolved."""
        return {
            "ganzoo": 1,
            "extends": f"ganzoo.recipes:{self.extends}",
            "name": name,
            "about": about,
            "task": self.task,
            "data": {
                "resolution": self.resolution,
                "channels": self.channels,
                "labels": "class" if self.label_width else "none",
            },
        }

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the data, as checkpoints record them."""
        return {
            "resolution": [self.resolution, self.resolution],
            "channels": self.channels,
            "label_width": self.label_width,
            "class_names": [],
        }

    @property
    def missing(self) -> tuple[str, ...]:
        """Which parts the file lacks, as paths in the folder: they start fresh in training."""
        wanted = {
            "networks/generator": self.networks.get("generator"),
            "networks/discriminator": self.networks.get("discriminator"),
            "averages/generator": self.averages.get("generator"),
        }
        return tuple(path for path, source in wanted.items() if source is None)


def grown(resolution: int) -> dict[str, int]:
    """The growth of imported networks: all layers are there, and training goes on at full size."""
    return {"start": resolution}
