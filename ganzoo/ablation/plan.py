"""What an ablation is to do: the points of a grid, each with some seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import UsageError
from ganzoo.recipe.grid import Grid, GridPoint
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.model import Recipe
from ganzoo.recipe.rooms import HASHED, leaves_of, rooms_of
from ganzoo.registry.types import Value

SEED = "training.seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPoint:
    """One point of the grid.

    Args:
        index: in the whole grid, as ``ganzoo run --point`` takes it.
        values: by axis.
        images: budget of each of its runs.
    """

    index: int
    label: str
    values: Mapping[str, Value]
    recipe: Recipe
    images: int

    @property
    def hash(self) -> str:
        """Of the recipe as the grid has it, with the recipe's own seed."""
        return recipe_hash(self.recipe)

    def content(self) -> dict[str, Any]:
        """Dotted paths and values of the rooms that enter the hash, nulls among them."""
        rooms = rooms_of(self.recipe)
        return dict(leaves_of({room: rooms[room] for room in HASHED}))


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """One run of an ablation: a point with a seed."""

    point: int
    seed: int

    @property
    def key(self) -> str:
        """Names its folder and its entry in the record."""
        return f"{self.point}-{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All runs of an ablation.

    Args:
        axes: of the grid; empty for an ordinary recipe, which has one point.
    """

    name: str
    about: str
    axes: tuple[str, ...]
    points: tuple[PlannedPoint, ...]
    seeds: tuple[int, ...]

    def members(self) -> Iterator[Member]:
        """Seed by seed, so that every point has a result early."""
        for seed in self.seeds:
            for point in self.points:
                yield Member(point.index, seed)

    def point(self, index: int) -> PlannedPoint:
        """The point of an index of the grid."""
        return next(point for point in self.points if point.index == index)

    def images(self) -> int:
        """Budgets of all runs together."""
        return len(self.seeds) * sum(point.images for point in self.points)


def plan_of(
    grid: Grid,
    *,
    points: Sequence[int] | None,
    seeds: Sequence[int] | None,
    images: int | None,
) -> Plan:
    """The plan of a grid.

    Args:
        points: indices; None: all.
        seeds: of every point; None: that of the first point's recipe.
        images: budget of every run, instead of its recipe's.

    Raises:
        UsageError: there is no such point, or the grid itself has an axis of seeds.
    """
    if SEED in grid.axes:
        raise UsageError(
            f"ganzoo ablate: {SEED} is an axis of {grid.name}, and seeds are not points here. Take"
            " the axis out of the grid and name the seeds, as: --seeds 0-2"
        )
    chosen = _chosen(grid, points)
    return Plan(
        name=grid.name,
        about=grid.about,
        axes=grid.axes,
        points=tuple(
            PlannedPoint(
                index=point.index,
                label=point.label,
                values=point.values,
                recipe=point.loaded.recipe,
                images=images or point.loaded.recipe.training.images,
            )
            for point in chosen
        ),
        seeds=tuple(dict.fromkeys(seeds or (chosen[0].loaded.recipe.training.seed,))),
    )


def _chosen(grid: Grid, points: Sequence[int] | None) -> tuple[GridPoint, ...]:
    if points is None:
        return grid.points
    there = {point.index: point for point in grid.points}
    missing = [index for index in points if index not in there]
    if missing:
        raise UsageError(
            f"--points: {grid.name} has no point {missing[0]}; it has the points"
            f" 0-{max(there)}.  See: ganzoo grid"
        )
    return tuple(there[index] for index in sorted(set(points)))
