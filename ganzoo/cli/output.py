"""What the commands print: aligned tables, JSON, and lines that do not break a progress bar."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def table(rows: Sequence[Sequence[str]], headings: Sequence[str] = (), indent: str = "") -> str:
    """Rows in columns two spaces apart; the last column may be as long as it likes."""
    everything = [tuple(headings), *rows] if headings else list(rows)
    if not everything:
        return ""
    columns = len(everything[0])
    widths = [max(len(row[column]) for row in everything) for column in range(columns)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in everything
    )
    return "\n".join(indent + line for line in lines)


def print_json(value: Any) -> None:
    """Print plain data as JSON."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """Mappings as dicts with string keys, sequences as lists, what JSON lacks as its text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def leads() -> bool:
    """Whether this process speaks: the first, or the only one, of those that run together."""
    return os.environ.get("RANK", "0") == "0"


def say(text: str) -> None:
    """Print a line to stderr without breaking a progress bar; other ranks are silent."""
    from tqdm import tqdm

    if leads():
        tqdm.write(text, file=sys.stderr)
