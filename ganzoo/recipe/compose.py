"""One tree of a recipe and what it extends, its grid set aside."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ganzoo.recipe.chain import read_chain
from ganzoo.recipe.merge import merge
from ganzoo.recipe.place import Problems
from ganzoo.recipe.sources import Source
from ganzoo.recipe.tree import Branch, Node, is_null


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What the files of a recipe say together.

    Args:
        tree: without ``grid``.
        grid: as it was written, or None where there is none or ``null`` took it away.
        chain: every file and what it says alone: the recipe first, then those it extends.
    """

    tree: Branch
    grid: Node | None
    chain: tuple[tuple[Source, Branch], ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The recipe's own file first, then those it extends."""
        return tuple(source for source, _ in self.chain)

    @property
    def stem(self) -> str:
        """Of the recipe's own file: its name, unless it says another."""
        return self.chain[0][0].path.stem


def compose(source: str | os.PathLike[str] | Source, problems: Problems) -> Composed:
    """Read a recipe and lay it over what it extends.

    Raises:
        RecipeError: a file cannot be read as a recipe at all.
    """
    chain = read_chain(source, problems)
    _, tree = chain[-1]
    for _, over in reversed(chain[:-1]):
        inherited = Branch({k: v for k, v in tree.entries.items() if k != "name"}, tree.place)
        merged = merge(inherited, over)
        assert isinstance(merged, Branch)
        tree = merged
    grid = tree.entries.get("grid")
    return Composed(
        tree=Branch({k: v for k, v in tree.entries.items() if k != "grid"}, tree.place),
        grid=None if grid is None or is_null(grid) else grid,
        chain=tuple(chain),
    )
