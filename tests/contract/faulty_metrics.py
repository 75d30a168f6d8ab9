"""Metrics and feature extractors with one fault each; the kit must find it."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.errors import DataError


class MeanBrightness:
    """The difference of mean brightness, without a fault."""

    needs = ("real", "fake")
    protocol = "difference of mean brightness"
    lower_is_better = True

    def __init__(self, site: None = None) -> None:
        self.sums = dict.fromkeys(self.needs, 0.0)
        self.counts = dict.fromkeys(self.needs, 0)

    def update(self, batch: dict[str, Tensor]) -> None:
        for field in self.needs:
            if field in batch:
                self.sums[field] += float(batch[field].double().sum())
                self.counts[field] += batch[field].numel()

    def merge(self, other: MeanBrightness) -> None:
        for field in self.needs:
            self.sums[field] += other.sums[field]
            self.counts[field] += other.counts[field]

    def compute(self) -> dict[str, float]:
        if not all(self.counts.values()):
            raise DataError("brightness needs pictures")
        means = [self.sums[field] / self.counts[field] for field in self.needs]
        return {"brightness": abs(means[0] - means[1])}


class LastBatchMetric(MeanBrightness):
    """Remembers the last batch alone."""

    def update(self, batch: dict[str, Tensor]) -> None:
        for field in batch:
            self.sums[field], self.counts[field] = 0.0, 0
        super().update(batch)


class ForgetfulMerge(MeanBrightness):
    """Takes the counts of another, and not its sums."""

    def merge(self, other: MeanBrightness) -> None:
        for field in self.needs:
            self.counts[field] += other.counts[field]


class SharingMerge(MeanBrightness):
    """Goes on with the other's own sums."""

    def merge(self, other: MeanBrightness) -> None:
        if not any(self.counts.values()):
            self.sums, self.counts = other.sums, other.counts
        else:
            super().merge(other)


class SpendingMetric(MeanBrightness):
    """Forgets how bright the reals were when it is asked."""

    def compute(self) -> dict[str, float]:
        values = super().compute()
        self.sums["real"] = 0.0
        return values


class HopefulMetric(MeanBrightness):
    """Says 0 before it has seen anything."""

    def compute(self) -> dict[str, float]:
        return super().compute() if all(self.counts.values()) else {"brightness": 0.0}


class WordyMetric(MeanBrightness):
    """Gives its number as a text."""

    def compute(self) -> dict[str, str]:
        return {name: f"{value:.3f}" for name, value in super().compute().items()}


class DrawingMetric(MeanBrightness):
    """Shuffles what it sees, with torch's global generator."""

    def update(self, batch: dict[str, Tensor]) -> None:
        super().update({name: part[torch.randperm(len(part))] for name, part in batch.items()})


class SilentMetric(MeanBrightness):
    """Says not what its numbers are."""

    protocol = ""


class MeanColour:
    """Three means a picture, without a fault."""

    name = "acme/mean-colour"
    version = "1"

    def __init__(self, site: None = None) -> None:
        del site

    def __call__(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean(dim=(2, 3))


class CentredColour(MeanColour):
    """Relative to the mean of the batch."""

    def __call__(self, pictures: Tensor) -> Tensor:
        features = super().__call__(pictures)
        return features - features.mean(dim=0)


class DrawnColour(MeanColour):
    """Through weights that torch's generator draws."""

    def __init__(self, site: None = None) -> None:
        self.weight = torch.randn(3, 3)

    def __call__(self, pictures: Tensor) -> Tensor:
        return super().__call__(pictures) @ self.weight


class PixelFeatures(MeanColour):
    """As many features as the picture has pixels."""

    def __call__(self, pictures: Tensor) -> Tensor:
        return pictures.float().flatten(1)


class NamelessColour(MeanColour):
    """Has no version."""

    version = ""


class DarkeningColour(MeanColour):
    """Halves the pictures that it is given."""

    def __call__(self, pictures: Tensor) -> Tensor:
        return super().__call__(pictures.div_(2, rounding_mode="floor"))


class BlindColour(MeanColour):
    """Sees no difference between pictures."""

    def __call__(self, pictures: Tensor) -> Tensor:
        return torch.ones_like(super().__call__(pictures))
