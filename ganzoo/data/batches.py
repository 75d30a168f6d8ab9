"""Training images by position, read ahead in the background."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ganzoo.data.labels import label_table
from ganzoo.data.sampler import IndexStream
from ganzoo.errors import BadValue
from ganzoo.registry.contracts import Dataset, Sample

_FLIPS = 1  # sets the draws of the flips apart from those of the order, which pads with 0

Request = tuple[int, int, int, int]


class Batches:
    """Batches of a data set, a pure function of (seed, position).

    After each batch a background thread reads the one that follows it; a caller who asks for
    another gets that other one, only later. Nothing here has state that a checkpoint must keep.

    Args:
        dataset: where the samples come from; read from several threads.
        seed: of the order and of the flips.
        mirror: flip each sample left to right with probability 1/2. Every field whose last two
            sizes are the image's is flipped with it; fields of other shapes stay as they are.
        labels: False leaves the label out of batches and of ``labels``.
        workers: threads that read pictures side by side (Pillow decodes without the interpreter
            lock); 0: the background thread reads them one after the other.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        seed: int,
        mirror: bool,
        labels: bool = True,
        workers: int = 0,
    ) -> None:
        self.dataset = dataset
        self.seed = seed
        self.mirror = mirror
        self._order = IndexStream(len(dataset), seed)
        self._table = label_table(dataset) if labels else None
        self._drop = () if labels else ("label",)
        self._background = ThreadPoolExecutor(1, thread_name_prefix="ganzoo-batches")
        self._readers = (
            ThreadPoolExecutor(workers, thread_name_prefix="ganzoo-pictures") if workers else None
        )
        self._request: Request | None = None
        self._ahead: Future[dict[str, np.ndarray]] | None = None

    def batch(
        self, position: int, count: int, rank: int = 0, world: int = 1
    ) -> dict[str, np.ndarray]:
        """The fields of positions ``position + i`` for every ``i < count`` with i mod world = rank.

        Returns:
            Each field stacked; ``image`` uint8 [n, I, R, R], ``label`` float32 [n, K].

        Raises:
            BadValue: the batch is too small to give every rank a sample.
            DataError: a picture cannot be read.
        """
        if count < world:
            raise BadValue(
                f"a batch of {count!r} leaves some of {world!r} ranks without a sample: "
                "give at least one to each",
                path="training.batch",
            )
        request = (position, count, rank, world)
        if self._ahead is not None and self._request == request:
            result = self._ahead.result()
        else:
            result = self._read(*request)
        self._request = (position + count, count, rank, world)
        self._ahead = self._background.submit(self._read, *self._request)
        return result

    def labels(self, count: int, generator: torch.Generator) -> Tensor | None:
        """[count, K] labels of images drawn at random, on the generator's device, or None."""
        if self._table is None:
            return None
        device = generator.device
        drawn = torch.randint(len(self._table), (count,), generator=generator, device=device).cpu()
        return torch.from_numpy(self._table)[drawn].to(device)

    def close(self) -> None:
        """End the background threads."""
        self._background.shutdown(cancel_futures=True)
        if self._readers is not None:
            self._readers.shutdown(cancel_futures=True)

    def _read(self, position: int, count: int, rank: int, world: int) -> dict[str, np.ndarray]:
        positions = range(position + rank, position + count, world)
        indices = self._order.take(position, count)[rank::world].tolist()
        apply = self._readers.map if self._readers is not None else map
        samples = list(apply(self._sample, indices, positions))
        names = [name for name in samples[0] if name not in self._drop]
        return {name: np.stack([sample[name] for sample in samples]) for name in names}

    def _sample(self, index: int, position: int) -> Sample:
        sample = self.dataset[index]
        if not self.mirror or not self._flips(position):
            return sample
        size = sample["image"].shape[-2:]
        return {
            name: value[..., ::-1] if value.ndim > 1 and value.shape[-2:] == size else value
            for name, value in sample.items()
        }

    def _flips(self, position: int) -> bool:
        return bool(np.random.default_rng((self.seed, position, _FLIPS)).random() < 0.5)
