"""The recipe of a command that trains, with its data slot filled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ganzoo.cli.data_choice import DIGITS, choose_data, choosing, data_path
from ganzoo.cli.output import say
from ganzoo.cli.sources import recipe_source
from ganzoo.recipe.grid import load_point
from ganzoo.recipe.load import LoadedRecipe
from ganzoo.registry.catalogue import Registry


def recipe_for_training(
    word: str,
    point: int | None,
    overrides: Sequence[str],
    given: str | None,
    registry: Registry,
    *,
    doing: str | None = "training",
) -> tuple[LoadedRecipe, Path | None]:
    """The recipe that a word means, and the path of its pictures, or None.

    Args:
        given: what ``--data`` says, or None.
        doing: what the command does with it, for the line that tells of the embedded digits; None:
            that line has been told.
    """
    load = partial(load_point, recipe_source(word), point, registry=registry)
    looked_at = load(choosing(overrides)).recipe
    choice = choose_data(looked_at.data.use, data_path(given), explicit=given is not None)
    if choice.digits and doing is not None:
        say(f"No --data given: {doing} {looked_at.name} on the embedded digits ({DIGITS}).")
    return load([*choice.overrides, *overrides], data_use=choice.use), choice.path
