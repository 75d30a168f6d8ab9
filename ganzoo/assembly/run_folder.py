"""The folder of a run: what was asked, with what it was done, and all that came of it."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ganzoo import __version__
from ganzoo.errors import DataError
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


def provenance_of(recipe: Recipe, registry: Registry, **more: Any) -> dict[str, Any]:
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
        **more,
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
