"""Which recipe a word of the command line means: a file, a run folder, or a shipped recipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ganzoo.errors import RecipeError
from ganzoo.recipe.sources import locate
from ganzoo.registry.suggest import did_you_mean

SHIPPED = "ganzoo.recipes"
QUICKSTART = "quickstart.yaml"
RUN_RECIPE = "recipe.yaml"


def shipped_recipes() -> tuple[str, ...]:
    """File names of the recipes that came with ganzoo."""
    try:
        folder = locate(f"{SHIPPED}:{QUICKSTART}").path.parent
    except RecipeError:
        return ()
    return tuple(sorted(entry.name for entry in folder.glob("*.yaml")))


def run_folder(word: str) -> Path | None:
    """The run folder that a word names, or None where it names something else."""
    folder = Path(word)
    return folder if os.path.isfile(folder / RUN_RECIPE) else None


def recipe_source(word: str) -> str | Path:
    """What ``load_recipe`` takes for a word of the command line.

    In this order: a file, a run folder (its own recipe), ``package:file.yaml``, and a recipe that
    ships with ganzoo by its bare name or under ``recipes/``.

    Raises:
        RecipeError: the word is none of these.
    """
    path = Path(word)
    if os.path.isfile(path):  # unlike that of pathlib, it bears names that no disk takes
        return path
    if os.path.isdir(path):
        if run_folder(word) is None:
            raise RecipeError(
                f"this folder holds no {RUN_RECIPE}, so it is no run of ganzoo. "
                "Name a recipe file or a run folder.",
                where=word,
            )
        return path / RUN_RECIPE
    package, colon, _ = word.partition(":")
    if colon and "/" not in package and "\\" not in package and len(package) > 1:
        return word
    shipped = shipped_recipes()
    name = path.name if path.suffix == ".yaml" else f"{path.name}.yaml"
    if name in shipped and path.parent in (Path(), Path("recipes")):
        if path.parent != Path():
            print(f"{word} is not here; using the one that ships with ganzoo.", file=sys.stderr)
        return f"{SHIPPED}:{name}"
    raise RecipeError(_missing(path.stem, shipped), where=word)


def _missing(stem: str, shipped: tuple[str, ...]) -> str:
    names = [Path(name).stem for name in shipped]
    nearest = did_you_mean(stem, names)
    hint = f"\n  Did you mean {nearest!r}?" if nearest else ""
    known = f"\n  Shipped with ganzoo: {', '.join(names)}" if names else ""
    return f"there is no such recipe file.{hint}{known}"
