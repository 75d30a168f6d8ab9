"""The way from a file to a recipe: read, merge, override, resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo.errors import RecipeError
from ganzoo.recipe.axes import Axis, num_points, read_axes
from ganzoo.recipe.compose import Composed, compose
from ganzoo.recipe.model import Recipe
from ganzoo.recipe.override import apply_overrides
from ganzoo.recipe.place import Problems
from ganzoo.recipe.resolve import resolve, with_data
from ganzoo.recipe.sources import Source
from ganzoo.recipe.tree import Branch
from ganzoo.registry.catalogue import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRecipe:
    """A recipe, and where it comes from.

    Args:
        origin: dotted path to ``"file.yaml:14"``, ``"override task.x=1"``, ``"--data"`` or
            ``"default"``.
        files: the recipe's own first, then those it extends.
    """

    recipe: Recipe
    origin: Mapping[str, str]
    files: tuple[Path, ...]


def load_recipe(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    registry: Registry,
    data_use: str | None = None,
) -> LoadedRecipe:
    """Read and resolve a recipe.

    Args:
        source: a path, or ``"package:file.yaml"``.
        overrides: ``"a.b.c=value"``, applied last; of two that name one key the later wins.
        data_use: data set component that fills the data slot, whatever the recipe names there.

    Raises:
        RecipeProblems: everything that is wrong, in the order of files and lines; a grid of
            recipes is wrong here too (``grid.load_point`` reads one of its points).
    """
    problems = Problems()
    try:
        composed = compose(source, problems)
    except RecipeError as error:
        problems.raise_with(error)
    axes = read_axes(composed.grid, problems)
    if axes:
        problems.raise_with(many_points(composed, axes))
    return settle(
        composed.tree,
        composed.sources,
        overrides,
        stem=composed.stem,
        registry=registry,
        data_use=data_use,
        problems=problems,
    )


def many_points(composed: Composed, axes: Sequence[Axis]) -> RecipeError:
    """That a grid stands where one recipe is wanted."""
    count = num_points(axes)
    last = "one point, 0" if count == 1 else f"{count:,} points, 0 to {count - 1}"
    assert composed.grid is not None
    return RecipeError(
        f"this recipe is a grid of {last}. Choose one with --point N, or train all of them with "
        f"ganzoo ablate.\n  See: ganzoo grid {composed.sources[0].shown}",
        where=str(composed.grid.place),
        path="grid",
    )


def settle(
    tree: Branch,
    sources: Sequence[Source],
    overrides: Sequence[str],
    *,
    stem: str,
    registry: Registry,
    data_use: str | None,
    problems: Problems,
    created: frozenset[str] = frozenset(),
) -> LoadedRecipe:
    """A merged tree, overridden and resolved.

    Args:
        sources: the files it was read from, the recipe's own first.
        stem: the name, unless the tree says another.
        created: dotted paths of the tree that no file had before a grid's axes were laid over it.

    Raises:
        RecipeProblems: everything that is wrong, ``problems`` from earlier steps included.
    """
    tree, new = apply_overrides(tree, overrides, problems)
    if data_use is not None:
        tree = with_data(tree, data_use)
    recipe, settled = resolve(tree, registry, stem=stem, problems=problems, created=created | new)
    return LoadedRecipe(
        recipe=recipe,
        origin={path: str(found.place) for path, found in settled.items()},
        files=tuple(source.path for source in sources),
    )
