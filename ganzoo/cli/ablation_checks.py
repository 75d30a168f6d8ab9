"""What would fail every run of an ablation, looked at before the first of them begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.errors import DataError
from ganzoo.registry.catalogue import Registry

if TYPE_CHECKING:
    from ganzoo.recipe.model import Recipe


def check_devices(text: str) -> tuple[str, ...]:
    """The devices that ``--device`` names, with commas between them.

    Raises:
        UsageError: one of them is not here.
    """
    from ganzoo.training.run import choose_device

    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        # to choose a CUDA device takes memory on it, which its runs may need
        if name != "auto" and not _is_cuda_here(name):
            choose_device(name)
    return names


def check_data(recipes: Sequence[Recipe], registry: Registry, data: Path | None) -> None:
    """See that at least one recipe can open its data; where one cannot, its own run says so.

    Raises:
        DataError: none can; told is what is wrong with the first.
    """
    from ganzoo.assembly.dataset import open_dataset

    first: DataError | None = None
    for recipe in recipes:
        try:
            open_dataset(recipe, registry, data)
        except DataError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _is_cuda_here(name: str) -> bool:
    import torch

    found = re.fullmatch(r"cuda(?::(\d+))?", name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return found is not None and int(found[1] or 0) < count
