"""The folder of a run: what was asked, with what it was done, and all that came of it."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ganzoo import __version__
from ganzoo.backends.cupy_kernels.gains import OPS
from ganzoo.backends.cupy_kernels.readiness import cupy_distributions
from ganzoo.errors import BackendError, DataError
from ganzoo.nn.precision import LOW_TYPES
from ganzoo.ops.implementation import VARIABLE, choice_and_reason
from ganzoo.recipe.dump import dump
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry


def create_run_folder(
    out: Path,
    recipe: Recipe,
    *,
    sources: Iterable[Path],
    provenance: Mapping[str, Any],
) -> Path:
    """Make ``out/<utc>-<name>-<hash>/`` with the resolved recipe, its sources and provenance.

    Raises:
        DataError: the folder cannot be written.
    """
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", recipe.name) or "run"
    folder = out / f"{stamp}-{name}-{recipe_hash(recipe)}"
    try:
        number = 2
        while folder.exists():
            folder = out / f"{stamp}-{name}-{recipe_hash(recipe)}-{number}"
            number += 1
        (folder / "sources").mkdir(parents=True)
        (folder / "recipe.yaml").write_text(dump(recipe), encoding="utf-8")
        for number, source in enumerate(sources):
            # numbered, since a recipe and the one it extends may have one name in two folders
            copy = folder / "sources" / f"{number}-{source.name}"
            copy.write_bytes(source.read_bytes())
        (folder / "provenance.json").write_text(
            json.dumps(dict(provenance), indent=2) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise DataError(
            f"{folder}: the run folder cannot be written: {error.strerror}. Choose another place"
            " with --out.",
            path=folder,
        ) from error
    return folder


def provenance_of(
    recipe: Recipe, registry: Registry, *, device: torch.device, **more: Any
) -> dict[str, Any]:
    """With what a recipe is run: the distribution of every component, versions, the machine."""
    components = {}
    for room in ("task", "data"):
        for path, slot in getattr(recipe, room).walk(room):
            if slot.use is not None:
                component = registry.find(slot.kind, slot.use)
                components[path] = {
                    "use": slot.use,
                    "distribution": registry.distribution_of(component),
                }
    return {
        "components": components,
        "versions": {
            "python": platform.python_version(),
            "ganzoo": __version__,
            **{name: _version(name) for name in ("torch", "numpy", "pillow", "pluggy")},
        },
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "operations": operations_of(recipe, device),
        **more,
    }


def operations_of(recipe: Recipe, device: torch.device) -> dict[str, Any]:
    """What ``GANZOO_OPS`` said, CuPy's versions, and what runs every operation on the device.

    By element type, for the types that features of the recipe have; a kernel that is taken has been
    compiled for it.
    """
    precision = recipe.training.precision
    dtypes = {"float32": torch.float32}
    if precision.lowers:
        dtypes[precision.dtype] = LOW_TYPES[precision.dtype]
    return {
        VARIABLE: os.environ.get(VARIABLE) or None,
        "cupy": {name: _version(name) for name in cupy_distributions()},
        "chosen": {
            op: {name: _chosen(op, dtype, device) for name, dtype in dtypes.items()} for op in OPS
        },
    }


def _chosen(op: str, dtype: torch.dtype, device: torch.device) -> str:
    try:
        return choice_and_reason(op, dtype, device)[0]
    except BackendError as error:  # a run that does not need this one can do without it
        return f"none: {error}"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
