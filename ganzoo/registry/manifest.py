"""The folder is the manifest: a package's components, read from its files without importing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ganzoo.errors import ContractError
from ganzoo.registry.component import Component
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.source import Source, locate, parse, short_path

_STEM = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def components_in(package: str) -> tuple[Component, ...]:
    """The components of a package that keeps one folder per kind and one file per component.

    The folder is the kind; the file's stem, its underscores read as hyphens, is the name; the
    first line of its docstring is the summary; the only name in ``__all__`` is the class. A line
    ``contract = 2`` says which version of the kind's contract the file was written against (1).
    Files and folders that start with an underscore, and folders of other names, are the
    package's own affair.

    The names are bare: a package does not know which vendor it is installed as. The registry
    writes the vendor in front.

    Args:
        package: dotted name, usually ``__package__``.

    Raises:
        ContractError: a file breaks the convention, or there is no such package.
    """
    place = locate(package) if package else None
    if place is None or not place.folders:
        raise ContractError(
            f"components_in({package!r}): this is not a package. Call it as"
            " components_in(__package__) in the __init__.py beside the folders of components."
        )
    found = [
        _component(file, package, folder.name)
        for where in place.folders
        for folder in _folders(where, package)
        for file in sorted(folder.glob("*.py"))
        if not file.name.startswith("_")
    ]
    return tuple(sorted(found, key=lambda component: (component.kind, component.name)))


def _folders(where: Path, package: str) -> Iterator[Path]:
    for folder in sorted(where.iterdir()):
        if not folder.is_dir() or folder.name.startswith(("_", ".")):
            continue
        if folder.name in KINDS:
            yield folder
        elif (meant := _misspelt(folder)) is not None:
            raise ContractError(
                f"{short_path(str(folder), package)}: no kind is named {folder.name!r}. Did you"
                f" mean {meant!r}? A folder of helpers needs another name, or a leading underscore."
            )


def _misspelt(folder: Path) -> str | None:
    """The kind that a folder's name was meant to be.

    Nearly right is refused, not skipped: the components inside would vanish without a word.
    """
    from ganzoo.registry.suggest import did_you_mean

    return did_you_mean(folder.name, KINDS, cutoff=0.8) if any(folder.glob("*.py")) else None


def _component(file: Path, package: str, kind: str) -> Component:
    source = parse(file, module=f"{package}.{kind}.{file.stem}", package=f"{package}.{kind}")
    if not _STEM.fullmatch(file.stem):
        raise ContractError(
            f"{source.path}: a component's file is named in lower case, words joined by one"
            f" underscore, not {file.stem!r}. A helper starts with an underscore."
        )
    summary = (ast.get_docstring(source.tree) or "").partition("\n")[0].strip()
    if not summary:
        raise ContractError(
            f"{source.where()}: the file has no docstring. Its first line is the summary that"
            " `ganzoo list` shows."
        )
    return Component(
        kind=kind,
        name=file.stem.replace("_", "-"),
        target=f"{source.module}:{_class_name(source)}",
        summary=summary,
        contract=_contract(source),
    )


def _class_name(source: Source) -> str:
    node = _assigned(source, "__all__")
    names = _names(node)
    if names is None or len(names) != 1:
        raise ContractError(
            f"{source.where(node)}: __all__ names the component's class and nothing else, as in"
            f' __all__ = ["LocalAttention"]; here it is {ast.unparse(node) if node else "missing"}.'
            " A helper's file starts with an underscore."
        )
    if names[0] not in source.classes:
        raise ContractError(
            f"{source.where(node)}: __all__ names {names[0]!r}, but the file defines no such class."
        )
    return names[0]


def _names(node: ast.expr | None) -> list[str] | None:
    if not isinstance(node, (ast.List, ast.Tuple)):
        return None
    values = [item.value for item in node.elts if isinstance(item, ast.Constant)]
    names = [value for value in values if isinstance(value, str)]
    return names if len(names) == len(node.elts) else None


def _contract(source: Source) -> int:
    node = _assigned(source, "contract")
    if node is None:
        return 1
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    raise ContractError(
        f"{source.where(node)}: 'contract' is the version of the kind's contract, a number as in"
        f" contract = 2, not {ast.unparse(node)}."
    )


def _assigned(source: Source, name: str) -> ast.expr | None:
    """What the module's top level assigns to a name, the last time it does."""
    value = None
    for node in source.tree.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = node.value
    return value
