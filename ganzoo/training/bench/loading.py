"""Images a second that a recipe's data can be read at, by the number of threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo.assembly.dataset import open_dataset
from ganzoo.data.batches import Batches
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Dataset
from ganzoo.training.prepared import completed

LEAST_BATCHES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderRate:
    """What one number of threads reads.

    Args:
        workers: threads that read side by side; 0: one that reads ahead.
        images: read.
        seconds: that it took.
    """

    workers: int
    images: int
    seconds: float

    @property
    def images_per_second(self) -> float:
        """The rate."""
        return self.images / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """How fast data can be read.

    Args:
        recipe: completed by the data.
        count: images of the data set.
        batch: images read at a time.
        rates: by number of threads, as asked for.
    """

    recipe: Recipe
    count: int
    batch: int
    rates: tuple[LoaderRate, ...]


def measure_loading(
    recipe: Recipe,
    registry: Registry,
    *,
    data: Path | None = None,
    workers: Sequence[int] = (0,),
    seconds: float = 3.0,
    after_batch: Callable[[], object] = lambda: None,
) -> DataReport:
    """Read a recipe's batches in its order, as fast as they come, with nobody to train on them.

    What the system keeps of files in memory is as it is: a first pass over cold files is slower.

    Args:
        data: where the pictures are, or None.
        workers: numbers of threads to try, one after the other.
        seconds: to read with each.
        after_batch: is called after each batch.

    Raises:
        DataError: the data cannot be read, or does not fit the recipe.
    """
    dataset = open_dataset(recipe, registry, data)
    done, facts = completed(recipe, dataset)
    return DataReport(
        recipe=done,
        count=len(dataset),
        batch=done.training.batch,
        rates=tuple(
            _rate(done, dataset, facts["label_width"] > 0, number, seconds, after_batch)
            for number in workers
        ),
    )


def _rate(
    recipe: Recipe,
    dataset: Dataset,
    labels: bool,
    workers: int,
    seconds: float,
    after_batch: Callable[[], object],
) -> LoaderRate:
    batches = Batches(
        dataset,
        seed=recipe.training.seed,
        mirror=recipe.data.settings["mirror"],
        labels=labels,
        workers=workers,
    )
    size, read = recipe.training.batch, 0
    try:
        batches.batch(0, size)  # the first one also starts the threads
        start = time.perf_counter()
        for number in _until(start + seconds):
            read += len(batches.batch((number + 1) * size, size)["image"])
            after_batch()
        return LoaderRate(workers=workers, images=read, seconds=time.perf_counter() - start)
    finally:
        batches.close()


def _until(end: float) -> Iterator[int]:
    """0, 1, ... until a time of ``perf_counter``, and ``LEAST_BATCHES`` in any case."""
    number = 0
    while number < LEAST_BATCHES or time.perf_counter() < end:
        yield number
        number += 1
