"""Labels as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganzoo.registry.contracts import Dataset


def one_hot(classes: Sequence[int] | np.ndarray, width: int) -> np.ndarray:
    """Class numbers [N] as float32 [N, width]: 1 in the column of the class."""
    return np.eye(width, dtype=np.float32)[np.asarray(classes, dtype=np.int64)]


def label_table(dataset: Dataset) -> np.ndarray | None:
    """Every label, float32 [len, K], without reading a picture; None where there are no classes."""
    if not dataset.label_width:
        return None
    rows = [dataset.label(index) for index in range(len(dataset))]
    return np.stack([row for row in rows if row is not None])
