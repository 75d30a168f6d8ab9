"""Golden files: reading them, and comparing with them by the rules of the README."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

TOLERANCES = {
    "op": 1e-12,
    "layer": 1e-12,
    "schedule": 1e-12,
    "table": 0.0,
    "setup_filter": 1e-12,
    "network": 1e-9,
    "loss": 1e-9,
    "gradient": 1e-8,
    "trajectory": 1e-9,
    "demodulation_epsilon": 1e-8,
    "fid": 1e-6,
    "metric": 1e-9,
    "ppl_on": 1e-6,
}
"""Relative to the largest absolute value of the array, in float64."""


def folder_of(config) -> Path:
    """The folder under test: ``--golden-dir``, or the one beside this file."""
    return config.getoption("--golden-dir") or Path(__file__).with_name("data")


def load(path: Path) -> dict[str, Tensor]:
    """Every array of a file: numbers as float64, integers and flags as int64."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: _tensor(archive[name]) for name in archive.files}


@cache
def load_once(path: Path) -> Mapping[str, Tensor]:
    """`load`, for files that many cases share. Leave the tensors as they are."""
    return load(path)


def names(path: Path) -> tuple[str, ...]:
    """The keys of a file, read without its arrays."""
    with np.load(path, allow_pickle=False) as archive:
        return tuple(archive.files)


def cases(path: Path) -> tuple[str, ...]:
    """What stands before the first ``/`` of the keys, in the order of the file."""
    return tuple(dict.fromkeys(name.split("/", 1)[0] for name in names(path)))


def sub(arrays: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The arrays below ``prefix``, under the rest of their names."""
    start = prefix if prefix.endswith("/") else prefix + "/"
    return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}


def number(arrays: Mapping[str, Tensor], name: str, default=None):
    """A scalar as int or float; ``default`` where the file does not have it."""
    return arrays[name].item() if name in arrays else default


def numbers(arrays: Mapping[str, Tensor], prefix: str) -> dict[str, int | float]:
    """All scalars below ``prefix``, as a configuration is stored."""
    return {name: array.item() for name, array in sub(arrays, prefix).items() if array.ndim == 0}


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Largest difference over the largest expected value; infinite where shapes differ or NaN."""
    if actual.shape != expected.shape:
        return math.inf
    if expected.numel() == 0:
        return 0.0
    difference = (actual.detach().double() - expected.double()).abs().max().item()
    if difference == 0:
        return 0.0
    largest = expected.abs().max().item()
    return difference / largest if largest > 0 and not math.isnan(difference) else math.inf


def assert_agrees(actual: Tensor, expected: Tensor, tolerance: float, what: str) -> None:
    """Elementwise agreement, relative to the largest value."""
    error = relative_error(actual, expected)
    assert error <= tolerance, (
        f"{what}: off by {error:.3g} of its largest value, and {tolerance:g} is allowed; "
        f"shape {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    )


def stat(tensor: Tensor, *, per_sample: bool = False) -> Tensor:
    """[sum, L2 norm] of a tensor, or one such row for each sample."""
    flat = tensor.detach().double()
    flat = flat.flatten(1) if per_sample else flat.reshape(1, -1)
    rows = torch.stack((flat.sum(1), flat.square().sum(1).sqrt()), dim=1)
    return rows if per_sample else rows[0]


def stat_error(actual: Tensor, expected: Tensor) -> float:
    """How far the [sum, L2 norm] of ``actual`` is from a stored pair or rows of pairs.

    The norm counts relative to itself; the sum relative to the norm times the square root of the
    number of elements, for sums cancel. Infinite where they cannot be compared.
    """
    per_sample = expected.ndim == 2
    mine = stat(actual, per_sample=per_sample)
    if mine.shape != expected.shape:
        return math.inf
    elements = actual[0].numel() if per_sample else actual.numel()
    worst = 0.0
    for (my_sum, my_norm), (its_sum, its_norm) in _pairs(mine, expected):
        differences = (abs(my_norm - its_norm), abs(my_sum - its_sum) / math.sqrt(elements or 1))
        if any(math.isnan(difference) for difference in differences):
            return math.inf
        if max(differences) > 0:
            worst = max(worst, max(differences) / its_norm if its_norm > 0 else math.inf)
    return worst


def assert_stat_agrees(actual: Tensor, expected: Tensor, tolerance: float, what: str) -> None:
    """Agreement of a tensor with its stored [sum, L2 norm]."""
    error = stat_error(actual, expected)
    assert error <= tolerance, (
        f"{what}: its sum or its L2 norm is off by {error:.3g}, and {tolerance:g} is allowed; "
        f"shape {tuple(actual.shape)}, [sum, L2] {stat(actual).tolist()}, "
        f"expected {expected.tolist()}"
    )


def _pairs(
    mine: Tensor, expected: Tensor
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    for row, other in zip(mine.reshape(-1, 2).tolist(), expected.reshape(-1, 2).tolist()):
        yield (row[0], row[1]), (other[0], other[1])


def _tensor(array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(np.array(array))
    return tensor.double() if tensor.is_floating_point() else tensor.long()
