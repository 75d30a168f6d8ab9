"""Metrics over trained runs: the reals are seen once, the samples of every run once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.assembly.build import build
from ganzoo.assembly.load import LoadedRun
from ganzoo.evaluation.choice import plain_slot
from ganzoo.evaluation.pictures import fake_pictures, labels_as_data, real_pictures
from ganzoo.recipe.model import Slot
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import Dataset, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the metrics say of one run.

    Args:
        values: name of the metric's component, a colon, name of the number; the number.
        protocols: by component: what its numbers are, and of how many pictures.
        lower_is_better: by component.
        seconds: that sampling and computing took.
    """

    values: Mapping[str, float]
    protocols: Mapping[str, str]
    lower_is_better: Mapping[str, bool]
    seconds: float


class Evaluator:
    """Applies metrics to runs.

    Args:
        slots: of the metrics, by the name their numbers go under.
        samples: generated pictures a run; the real ones are all of the data.
        device: where features are computed.
        report: is told of long work.
    """

    def __init__(
        self,
        slots: Mapping[str, Slot],
        registry: Registry,
        *,
        samples: int | None = None,
        device: str = "cpu",
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._factories = {name: build(slot, registry, name) for name, slot in slots.items()}
        self._samples = samples
        self._device = device
        self.report = report
        self.request: Mapping[str, Any] = {
            "metrics": {name: plain_slot(slot) for name, slot in slots.items()},
            "samples": samples,
        }
        """What is asked of every run, in plain data."""
        self._reals: dict[tuple[Any, ...], dict[str, Metric]] = {}

    def evaluate(self, run: LoadedRun, dataset: Dataset) -> Evaluation:
        """The numbers of a run, its samples held against a data set.

        Raises:
            DataError: there are too few pictures, or they cannot be read.
            NonFinite: the run makes values that are no numbers.
        """
        began = time.perf_counter()
        count = samples_for(dataset, self._samples)
        metrics = self._fresh()
        for name, seen in self._seen(dataset).items():
            metrics[name].merge(seen)
        wanting = [metric for metric in metrics.values() if "fake" in metric.needs]
        if wanting:
            labels = labels_as_data(dataset, count) if run.label_width else None
            for pictures in fake_pictures(run, labels, count):
                batch = {"fake": pictures.to(self._device)}
                for metric in wanting:
                    metric.update(batch)
        return Evaluation(
            values={
                f"{name}:{key}": float(value)
                for name, metric in metrics.items()
                for key, value in metric.compute().items()
            },
            protocols={
                name: f"{metric.protocol}; {count:,} samples, averaged generator, no truncation,"
                f" against all {len(dataset):,} pictures of the data, not mirrored"
                for name, metric in metrics.items()
            },
            lower_is_better={name: metric.lower_is_better for name, metric in metrics.items()},
            seconds=time.perf_counter() - began,
        )

    def _seen(self, dataset: Dataset) -> dict[str, Metric]:
        """Metrics that have taken in the reals, kept for the next run of the same data."""
        key = (dataset.fingerprint, dataset.resolution, dataset.channels, len(dataset))
        if key not in self._reals:
            metrics = self._fresh()
            wanting = [metric for metric in metrics.values() if "real" in metric.needs]
            if wanting:
                self.report(f"Looking at {len(dataset):,} real pictures ...")
                for pictures in real_pictures(dataset):
                    batch = {"real": pictures.to(self._device)}
                    for metric in wanting:
                        metric.update(batch)
            self._reals[key] = metrics
        return self._reals[key]

    def _fresh(self) -> dict[str, Metric]:
        return {name: factory(None) for name, factory in self._factories.items()}


DEFAULT_SAMPLES = 2_000


def samples_for(dataset: Dataset, asked: int | None) -> int:
    """How many pictures to generate: as asked, else 2,000, or as many as the data has if fewer."""
    return min(DEFAULT_SAMPLES, len(dataset)) if asked is None else asked
