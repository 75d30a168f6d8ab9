"""Grids: one file that stands for many recipes, the product of what its axes list.

A point of a grid is an ordinary recipe. The values of its axes lie over what the files say, whole
slots first, as overrides do, and overrides of the command line lie over them. With an axis
``recipe`` the grid's own file lies over each recipe that the axis lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ganzoo.errors import BadValue, RecipeError, RecipeProblems
from ganzoo.recipe.axes import RECIPE, num_points, positions, read_axes
from ganzoo.recipe.compose import compose
from ganzoo.recipe.listed import bases_of, word
from ganzoo.recipe.load import LoadedRecipe, many_points, settle
from ganzoo.recipe.override import lay, rank, words_of
from ganzoo.recipe.place import Place, Problems
from ganzoo.recipe.point_labels import axis_labels, point_label
from ganzoo.recipe.point_problems import PointProblems
from ganzoo.recipe.tree import plain
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.types import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPoint:
    """One recipe of a grid.

    Args:
        index: counted from 0, the last axis fastest; what ``--point`` takes.
        label: short, and unlike that of every other point: ``"original × skip"``.
        values: by axis, as the file writes them.
        loaded: the recipe, resolved and named.
    """

    index: int
    label: str
    values: Mapping[str, Value]
    loaded: LoadedRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A recipe with its grid multiplied out.

    Args:
        name: of the file that holds the grid.
        about: of that file.
        axes: dotted paths, or ``recipe``, in the order of the file; empty for an ordinary recipe.
        points: in the order of their indices; of an ordinary recipe, itself.
    """

    name: str
    about: str
    axes: tuple[str, ...]
    points: tuple[GridPoint, ...]


def load_grid(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    registry: Registry,
    data_use: str | None = None,
) -> Grid:
    """Read a recipe and resolve every point of its grid.

    Args:
        source: a path, or ``"package:file.yaml"``.
        overrides: ``"a.b.c=value"``, applied to every point, last.
        data_use: as of ``load_recipe``.

    Raises:
        RecipeProblems: everything that is wrong, each problem once, with the points that have it.
    """
    plan = _Plan(source, overrides, registry=registry, data_use=data_use)
    return Grid(
        name=word(plan.composed.tree, "name", plan.composed.stem),
        about=word(plan.composed.tree, "about", ""),
        axes=tuple(axis.path for axis in plan.axes),
        points=plan.points(range(plan.count)),
    )


def load_point(
    source: str | Path,
    point: int | None = None,
    overrides: Sequence[str] = (),
    *,
    registry: Registry,
    data_use: str | None = None,
) -> LoadedRecipe:
    """Read a recipe, or one point of a grid, and resolve it.

    Args:
        source: a path, or ``"package:file.yaml"``.
        point: index of a point; None where the recipe has no grid. An ordinary recipe is its own
            point 0.
        overrides: as of ``load_grid``.
        data_use: as of ``load_recipe``.

    Raises:
        RecipeProblems: everything that is wrong; a grid without a point, and a point that the
            grid does not have, among it.
    """
    plan = _Plan(source, overrides, registry=registry, data_use=data_use)
    return plan.points((plan.index(point),))[0].loaded


def is_grid(source: str | Path) -> bool:
    """Whether a recipe has a grid; not where it cannot be read."""
    problems = Problems()
    try:
        return bool(read_axes(compose(source, problems).grid, problems))
    except RecipeError:
        return False


class _Plan:
    """A recipe's files, read once, ready to be resolved at any point."""

    def __init__(
        self,
        source: str | Path,
        overrides: Sequence[str],
        *,
        registry: Registry,
        data_use: str | None,
    ) -> None:
        self._overrides = overrides
        self._registry = registry
        self._data_use = data_use
        self._problems = problems = Problems()
        try:
            self.composed = compose(source, problems)
        except RecipeError as error:
            problems.raise_with(error)
        read = len(problems)
        self.axes = read_axes(self.composed.grid, problems)
        self._bases = bases_of(self.composed, self.axes, problems)
        self._refuse_pinning()
        if len(problems) > read:
            problems.raise_all()  # which points there are is not known
        self.count = num_points(self.axes)
        names = [base.name for base in self._bases]
        self._distinct = len(set(names)) == len(names)
        self._labels = [
            names if axis.path == RECIPE and self._distinct else axis_labels(axis)
            for axis in self.axes
        ]

    def index(self, point: int | None) -> int:
        """The index that a user's choice means.

        Raises:
            RecipeProblems: there is no such point, or there are several and no choice.
        """
        if point is None and self.axes:
            self._problems.raise_with(many_points(self.composed, self.axes))
        index = point or 0
        if not 0 <= index < self.count:
            self._problems.raise_with(self._no_point(index))
        return index

    def points(self, indices: Sequence[int]) -> tuple[GridPoint, ...]:
        """These points, resolved.

        Raises:
            RecipeProblems: what is wrong with any of them, each problem once.
        """
        found: list[GridPoint] = []
        wrong = PointProblems(self.axes, self._problems)
        for index in indices:
            problems = Problems()
            for place, error in self._problems:
                problems.add_error(error, place, "")
            try:
                found.append(self._point(index, problems))
            except RecipeProblems:
                wrong.add(index, problems)
        wrong.raise_all(self._label)
        return tuple(found)

    def _no_point(self, index: int) -> RecipeError:
        source, grid = self.composed.sources[0].shown, self.composed.grid
        if not self.axes or grid is None:
            return RecipeError(
                f"there is no point {index}, because this recipe is no grid. Leave --point out",
                where=source,
            )
        known = f"points 0 to {self.count - 1}" if self.count > 1 else "point 0 alone"
        return RecipeError(
            f"there is no point {index}; this grid has the {known}.\n  See: ganzoo grid {source}",
            where=str(grid.place),
            path="grid",
        )

    def _point(self, index: int, problems: Problems) -> GridPoint:
        places = positions(self.axes, index)
        base, created = self._bases[0], frozenset[str]()
        chosen = list(zip(self.axes, places, strict=True))
        for axis, position in chosen:
            if axis.path == RECIPE:
                base = self._bases[position]
        tree = base.tree
        for axis, position in sorted(chosen, key=lambda each: rank(each[0].words)):
            if axis.path != RECIPE:
                value = axis.values[position]
                tree, missing = lay(tree, axis.words, value, axis.place)
                created |= missing
        loaded = settle(
            tree,
            base.sources,
            self._overrides,
            stem=base.stem,
            registry=self._registry,
            data_use=self._data_use,
            problems=problems,
            created=created,
        )
        return GridPoint(
            index=index,
            label=self._label(index) or loaded.recipe.name,
            values={axis.path: plain(axis.values[position]) for axis, position in chosen},
            loaded=loaded if self._names_itself() else _numbered(loaded, index),
        )

    def _label(self, index: int) -> str:
        places = positions(self.axes, index)
        return point_label(
            [labels[position] for labels, position in zip(self._labels, places, strict=True)]
        )

    def _names_itself(self) -> bool:
        """Whether the points have names of their own: no grid, or recipes and nothing else."""
        if not self.axes:
            return True
        return (
            [axis.path for axis in self.axes] == [RECIPE]
            and self._distinct
            and not any(words_of(text) == ["name"] for text in self._overrides)
        )

    def _refuse_pinning(self) -> None:
        for text in self._overrides:
            words = words_of(text)
            for axis in self.axes:
                if words in (axis.words, [*axis.words, "use"]) or [*words, "use"] == axis.words:
                    self._problems.add(
                        BadValue,
                        f"the grid varies this, at {axis.place}, and an override would make its "
                        "points alike. Leave it out and choose a point",
                        Place(f"override {text}"),
                        axis.path,
                    )


def _numbered(loaded: LoadedRecipe, index: int) -> LoadedRecipe:
    named = replace(loaded.recipe, name=f"{loaded.recipe.name}-{index}")
    return replace(loaded, recipe=named, origin={**loaded.origin, "name": f"point {index}"})
