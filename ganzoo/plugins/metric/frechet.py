"""Frechet distance between the features of real and of generated pictures (Heusel et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.registry.contracts import Factory, FeatureExtractor

__all__ = ["FrechetMetric"]


class FrechetMetric:
    """``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`` of two feature clouds taken as Gaussians.

    Means and covariances (divisor N - 1) are kept in float64. Only with the features of the
    Inception network of 2015 is this number the FID that papers print; with any other extractor it
    compares the runs of one data set with one another. It falls with the number of samples, so
    compare equal numbers. It can be a little below 0 where both sets coincide.

    Args:
        extractor: what turns pictures into features.
    """

    needs = ("real", "fake")
    lower_is_better = True

    def __init__(self, site: None = None, *, extractor: Factory[FeatureExtractor]) -> None:
        del site
        self.extractor = extractor(None)
        self.protocol = (
            f"Frechet distance of {self.extractor.name} features (version"
            f" {self.extractor.version}), covariance over N - 1"
        )
        self.moments = {field: Moments() for field in self.needs}

    def update(self, batch: Mapping[str, Tensor]) -> None:
        """Take in pictures, uint8 [N, 3, H, W] under ``real`` or ``fake``."""
        for field, moments in self.moments.items():
            if field in batch:
                features = self.extractor(batch[field])
                moments.add(features.cpu().numpy().astype(np.float64))

    def merge(self, other: FrechetMetric) -> None:
        """Take in what another has taken in."""
        for field, moments in self.moments.items():
            moments.merge(other.moments[field])

    def compute(self) -> Mapping[str, float]:
        """``frechet_distance``; NaN where an extractor gave features that are no numbers.

        Raises:
            DataError: there were fewer than two pictures on a side.
        """
        for field, moments in self.moments.items():
            if moments.count < 2:
                raise DataError(
                    f"a Frechet distance needs at least two {field} pictures and got"
                    f" {moments.count}; give it some thousands"
                )
        real, fake = self.moments["real"], self.moments["fake"]
        return {
            "frechet_distance": frechet_distance(
                real.mean, real.covariance(), fake.mean, fake.covariance()
            )
        }


class Moments:
    """Count, mean and scatter of rows, gathered piece by piece (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = np.zeros(0)
        self.scatter = np.zeros((0, 0))

    def add(self, rows: np.ndarray) -> None:
        """Take in rows [N, F]."""
        piece = Moments()
        piece.count = len(rows)
        if piece.count:
            piece.mean = rows.mean(axis=0)
            centred = rows - piece.mean
            piece.scatter = centred.T @ centred
        self.merge(piece)

    def merge(self, other: Moments) -> None:
        """Take in what another has."""
        if other.count == 0:
            return
        if self.count == 0:
            self.count, self.mean, self.scatter = other.count, other.mean, other.scatter
            return
        total = self.count + other.count
        shift = other.mean - self.mean
        self.scatter = (
            self.scatter
            + other.scatter
            + np.outer(shift, shift) * (self.count * other.count / total)
        )
        self.mean = self.mean + shift * (other.count / total)
        self.count = total

    def covariance(self) -> np.ndarray:
        """[F, F], divisor N - 1."""
        return self.scatter / (self.count - 1)


def frechet_distance(
    first_mean: np.ndarray,
    first_covariance: np.ndarray,
    second_mean: np.ndarray,
    second_covariance: np.ndarray,
) -> float:
    """The squared distance between two Gaussians (Dowson and Landau 1982).

    The trace of the root of ``C1 C2`` is that of the root of ``R C2 R`` with ``R = C1^(1/2)``,
    which is symmetric: so its eigenvalues are real, also where a covariance has no full rank.

    Args:
        first_mean: [F].
        first_covariance: [F, F], symmetric.
        second_mean: [F].
        second_covariance: [F, F], symmetric.
    """
    parts = (first_mean, first_covariance, second_mean, second_covariance)
    if not all(np.isfinite(part).all() for part in parts):
        return float("nan")
    values, vectors = np.linalg.eigh(first_covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    product = root @ second_covariance @ root
    between = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2), 0, None)).sum()
    shift = first_mean - second_mean
    return float(
        shift @ shift + np.trace(first_covariance) + np.trace(second_covariance) - 2 * between
    )
