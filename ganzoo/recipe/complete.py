"""The record of a run: a recipe whose data slot says what the data turned out to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ganzoo.recipe.model import Recipe, Slot
from ganzoo.recipe.resolve import squared
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.types import Mismatch, Value, coerce


def complete(
    recipe: Recipe,
    *,
    use: str,
    resolution: int | tuple[int, int],
    channels: int,
    labels: str,
    mirror: bool | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Recipe:
    """The recipe with its data slot written out.

    Args:
        use: the data set component.
        resolution: side, or (height, width).
        labels: ``"none"`` or ``"class"``.
        mirror: None: as the recipe says.
        parameters: of the component, all of them; None: the recipe's where it names the same
            component, else the component has none.

    Raises:
        ValueError: a value that the data slot cannot hold.
    """
    if parameters is None:
        parameters = recipe.data.parameters if recipe.data.use == use else {}
    given = {
        "resolution": resolution,
        "channels": channels,
        "labels": labels,
        "mirror": recipe.data.settings["mirror"] if mirror is None else mirror,
    }
    settings = {}
    for setting in KINDS["dataset"].settings:
        try:
            settings[setting.name] = coerce(setting.type, given[setting.name])
        except Mismatch as error:
            raise ValueError(
                f"data.{setting.name}: expected {error}, found {given[setting.name]!r}"
            ) from error
    data = Slot(kind="dataset", use=use, parameters=dict(parameters), settings=settings)
    return replace(recipe, data=squared(data))
