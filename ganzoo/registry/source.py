"""Python files read with ``ast``: found, parsed and followed without importing anything."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
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


def read_source(module: str) -> Source | None:
    """The parsed file of a module, or None where there is none that can be read.

    Raises:
        ContractError: the file is not Python.
    """
    spec = locate(module)
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    file = Path(spec.origin)
    if file.suffix != ".py" or not file.is_file():
        return None
    package = module if spec.submodule_search_locations else module.rpartition(".")[0]
    return parse(file, module=module, package=package)


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


def locate(module: str) -> ModuleSpec | None:
    """The spec of a module; its parent packages are looked up, not imported.

    ``importlib.util.find_spec`` would import them, and a stranger's package may import torch.
    """
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    name = top
    places = places_of(spec)
    for part in parts:
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, places) if places else None
        if spec is None:
            return None
        if spec.origin is None:  # a folder without __init__: its own list asks for its parent
            spec.submodule_search_locations = [f"{place}/{part}" for place in places]
        places = places_of(spec)
    return spec


def places_of(spec: ModuleSpec | None) -> list[str]:
    """The folders in which a package's modules are looked for; none for a module."""
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [place for place in spec.submodule_search_locations if Path(place).is_dir()]


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
