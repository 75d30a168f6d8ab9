"""The way from a file to a recipe: read, merge, override, resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo.errors import RecipeError
from ganzoo.recipe.chain import read_chain
from ganzoo.recipe.merge import merge
from ganzoo.recipe.model import Recipe
from ganzoo.recipe.override import apply_overrides
from ganzoo.recipe.place import Problems
from ganzoo.recipe.resolve import resolve, with_data
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
        RecipeProblems: everything that is wrong, in the order of files and lines.
    """
    problems = Problems()
    try:
        chain = read_chain(source, problems)
    except RecipeError as error:
        problems.raise_with(error)
    _, tree = chain[-1]
    for _, over in reversed(chain[:-1]):
        inherited = Branch({k: v for k, v in tree.entries.items() if k != "name"}, tree.place)
        merged = merge(inherited, over)
        assert isinstance(merged, Branch)
        tree = merged
    tree, created = apply_overrides(tree, overrides, problems)
    if data_use is not None:
        tree = with_data(tree, data_use)
    recipe, settled = resolve(
        tree, registry, stem=chain[0][0].path.stem, problems=problems, created=created
    )
    return LoadedRecipe(
        recipe=recipe,
        origin={path: str(found.place) for path, found in settled.items()},
        files=tuple(source.path for source, _ in chain),
    )
