"""Python files read with ``ast``: found, parsed and followed without importing anything."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ganzoo.errors import ContractError


@dataclass(frozen=True, kw_only=True)
class Source:
    """One parsed file.

    Args:
        module: its dotted name.
        package: the package that its relative imports start from.
        path: as errors show it, from the folder of the top package on.
        tree: its statements.
    """

    module: str
    package: str
    path: str
    tree: ast.Module = field(repr=False)

    def where(self, node: ast.AST | None = None) -> str:
        """``"acme_blocks/generator_block/local_attention.py:14"``."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes of the module's top level."""
        found = _statements(self.tree.body)
        return {node.name: node for node in found if isinstance(node, ast.ClassDef)}

    @cached_property
    def imports(self) -> dict[str, str]:
        """Every name that the module's top level imports, with its full dotted name."""
        names: dict[str, str] = {}
        for node in _statements(self.tree.body):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    names[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom):
                module = _absolute(node, self.package)
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{module}.{alias.name}"
        return names

    def qualified(self, node: ast.expr) -> str:
        """The full dotted name that an expression stands for, or an empty string."""
        if isinstance(node, ast.Name):
            if node.id in self.classes:
                return f"{self.module}.{node.id}"
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.qualified(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def find_class(self, name: str) -> tuple[Source, ast.ClassDef] | None:
        """The class of this full dotted name, followed through imports, or None."""
        source: Source | None = self
        visited: set[str] = set()
        while name not in visited:
            visited.add(name)
            module, _, word = name.rpartition(".")
            if source is None or module != source.module:
                source = read_source(module) if module else None
            if source is None:
                return None
            if word in source.classes:
                return source, source.classes[word]
            name = source.imports.get(word, name)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a module lies.

    Args:
        origin: file of the module, or the ``__init__`` of a package; None for a folder without.
        folders: of a package, where its modules are looked for.
    """

    origin: str | None
    folders: tuple[Path, ...] = ()


def read_source(module: str) -> Source | None:
    """The parsed file of a module, or None where there is none that can be read.

    Raises:
        ContractError: the file is not Python.
    """
    place = locate(module)
    if place is None or place.origin is None or not place.origin.endswith(".py"):
        return None
    package = module if place.folders else module.rpartition(".")[0]
    return parse(Path(place.origin), module=module, package=package)


def parse(file: Path, *, module: str, package: str) -> Source:
    """The parsed file.

    Raises:
        ContractError: it is not Python.
    """
    path = short_path(str(file), module)
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, before Python 3.12
        line = getattr(error, "lineno", None) or 1
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise ContractError(f"{path}:{line}: this is not Python: {reason}.") from error
    return Source(module=module, package=package, path=path, tree=tree)


def locate(module: str) -> Place | None:
    """Where a module lies; its parent packages are looked up, not imported.

    ``importlib.util.find_spec`` imports the parents of what it is asked for, and a stranger's
    package may import torch; so only the top package is asked for.
    """
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    place: Place | None = Place(
        origin=spec.origin if spec.has_location else None,
        folders=tuple(Path(folder) for folder in spec.submodule_search_locations or ()),
    )
    for part in parts:
        place = _inside(place.folders, part) if place else None
    return place


def _inside(folders: tuple[Path, ...], name: str) -> Place | None:
    """A module of a package, found in the order in which Python looks."""
    for folder in folders:
        if (file := folder / name / "__init__.py").is_file():
            return Place(origin=str(file), folders=(folder / name,))
        if (file := folder / f"{name}.py").is_file():
            return Place(origin=str(file))
    bare = tuple(folder / name for folder in folders if (folder / name).is_dir())
    return Place(origin=None, folders=bare) if bare else None


def short_path(file: str, module: str) -> str:
    """``file`` from the folder of the module's top package on; its last two parts elsewhere."""
    parts = Path(file).parts
    top = module.partition(".")[0]
    if top in parts[:-1]:
        index = len(parts) - 1 - parts[::-1].index(top)
        return "/".join(parts[index:])
    return "/".join(parts[-1:] if Path(file).stem == top else parts[-2:])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's top level, those under ``if`` and ``try`` included."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            yield from _statements(node.body)
            yield from _statements(node.orelse)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])
