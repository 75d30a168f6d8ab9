"""The pictures that metrics see: real ones of a data set, and samples of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ganzoo.assembly.load import LoadedRun
from ganzoo.assembly.sampling import batches
from ganzoo.data.images import to_uint8
from ganzoo.errors import DataError, NonFinite
from ganzoo.registry.contracts import Dataset

CHUNK_PIXELS = 32 * 256 * 256  # pictures made or read in one go
LARGEST_CHUNK = 200


def real_pictures(dataset: Dataset) -> Iterator[Tensor]:
    """Every picture of the data once, in its order and not mirrored: uint8 [n, 3, H, W].

    Not mirrored even where training mirrors, so that all runs of one data set are held against
    the same pictures.
    """
    for part in batches(len(dataset), chunk_of(dataset.resolution)):
        images = [dataset[index]["image"] for index in range(part.start, part.stop)]
        yield as_rgb(torch.from_numpy(np.stack(images)))


def fake_pictures(run: LoadedRun, labels: Tensor | None, count: int) -> Iterator[Tensor]:
    """``count`` samples of a run: uint8 [n, 3, H, W].

    By the averaged networks, untruncated, with fresh noise. Sample i has the latent of seed i, and
    the noise of a piece comes from a seed of its own, so the same run gives the same pictures.

    Args:
        labels: [count, K] or None.

    Raises:
        NonFinite: the generator makes values that are no numbers.
    """
    device = next(p for network in run.networks.values() for p in network.parameters()).device
    devices = [device] if device.type == "cuda" else []
    for part in batches(count, chunk_of(resolution_of(run))):
        seeds = range(part.start, part.stop)
        label = None if labels is None else labels[part]
        with torch.no_grad(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(part.start)
            image = run.sample(seeds=seeds, label=label, noise="fresh")
        if not bool(torch.isfinite(image).all()):
            raise NonFinite(f"{run.path}: its generator makes values that are no numbers")
        yield as_rgb(torch.from_numpy(to_uint8(image)))


def labels_as_data(dataset: Dataset, count: int) -> Tensor:
    """[count, K] labels as often as the data has them: those of its pictures, shuffled once."""
    order = np.random.RandomState(0).permutation(len(dataset))
    rows = [dataset.label(int(index)) for index in np.resize(order, count)]
    return torch.from_numpy(np.stack([row for row in rows if row is not None]))


def strip(run: LoadedRun, seeds: Sequence[int]) -> np.ndarray:
    """One sample a seed, uint8 [N, I, H, W]; the same seeds in two runs are the same latents.

    Fixed noise, and where the run knows classes, sample i is of class i modulo their number.
    """
    width = run.label_width
    classes = [place % width for place in range(len(seeds))] if width else None
    made = []
    for part in batches(len(seeds), chunk_of(resolution_of(run))):
        with torch.no_grad():
            image = run.sample(seeds=seeds[part], label=None if classes is None else classes[part])
        made.append(to_uint8(image))
    return np.concatenate(made)


def as_rgb(pictures: Tensor) -> Tensor:
    """uint8 [N, I, H, W] as [N, 3, H, W]: grey is repeated, opacity is dropped.

    Raises:
        DataError: there are other numbers of channels, which are no colours.
    """
    channels = pictures.shape[1]
    if channels == 1:
        return pictures.expand(-1, 3, -1, -1)
    if channels in (3, 4):
        return pictures[:, :3]
    raise DataError(f"metrics see pictures of 1, 3 or 4 channels, and these have {channels}")


def resolution_of(run: LoadedRun) -> tuple[int, int]:
    """Height and width of a run's images, as its completed recipe has it."""
    side = run.recipe.data.settings["resolution"]
    return (side, side) if isinstance(side, int) else (side[0], side[1])


def chunk_of(resolution: tuple[int, int]) -> int:
    """How many pictures of a size go together; the same on every machine."""
    return max(1, min(LARGEST_CHUNK, CHUNK_PIXELS // (resolution[0] * resolution[1])))
