"""What a docstring says about each argument (Google style)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))?:(?:\s+(.*))?$")


def argument_docs(docstring: str) -> dict[str, str]:
    """The text of each entry under ``Args:``, its continuation lines joined to one line.

    Args:
        docstring: cleaned, as ``ast.get_docstring`` gives it.
    """
    docs: dict[str, list[str]] = {}
    current: list[str] = []
    entry_indent = -1
    for line in _section(docstring):
        indent = len(line) - len(line.lstrip())
        if entry_indent < 0:
            entry_indent = indent
        found = _ENTRY.match(line.strip()) if indent == entry_indent else None
        if found:
            current = [found[2]] if found[2] else []
            for name in found[1].split(", "):
                docs[name.lstrip("*")] = current
        elif indent > entry_indent:
            current.append(line.strip())
    return {name: " ".join(parts) for name, parts in docs.items()}


def without_arguments(docstring: str) -> str:
    """The docstring but for its ``Args:``."""
    lines = docstring.splitlines()
    start = _start(lines)
    if start is None:
        return docstring.strip()
    rest = list(lines[start + 1 :])
    while rest and (not rest[0].strip() or rest[0].startswith(" ")):
        rest.pop(0)
    return "\n".join([*lines[:start], *rest]).strip()


def _section(docstring: str) -> Iterator[str]:
    """The lines that are indented under ``Args:``, without the blank ones."""
    lines = docstring.splitlines()
    start = _start(lines)
    for line in [] if start is None else lines[start + 1 :]:
        if line.strip():
            if not line.startswith(" "):
                return
            yield line


def _start(lines: list[str]) -> int | None:
    return next((index for index, line in enumerate(lines) if line.rstrip() == "Args:"), None)
