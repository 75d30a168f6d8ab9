"""Which line of a plugin raised: any exception as one sentence."""

from __future__ import annotations

import traceback
from pathlib import Path

from ganzoo.errors import PluginError, PluginLoadError
from ganzoo.registry.source import short_path


def fault_of(error: BaseException, module: str) -> PluginError:
    """The error as the user reads it: what went wrong, and the plugin's file and line.

    Args:
        error: what a plugin raised; a ``PluginError`` already says where, and stays.
        module: dotted name of the plugin's module.
    """
    if isinstance(error, PluginError):
        return error
    if isinstance(error, ImportError):
        text = str(error)
    elif isinstance(error, SyntaxError):
        text = error.msg
    else:
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
    where = _where(error, module)
    wrapped = PluginLoadError(f"{text} ({where})" if where else text)
    wrapped.__cause__ = error
    return wrapped


def _where(error: BaseException, module: str) -> str:
    """``"acme_blocks/__init__.py:3"``: the innermost line of the plugin; empty if none is."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{short_path(error.filename, module)}:{error.lineno}"
    top = module.partition(".")[0]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if frame.filename.startswith("<") or path.is_relative_to(_HERE):
            continue
        if top in path.parts[:-1] or path.stem == top:
            return f"{short_path(frame.filename, module)}:{frame.lineno}"
    return ""


_HERE = Path(__file__).parent
