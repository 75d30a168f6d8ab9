"""Which of the layouts that ganzoo knows a foreign file has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzoo.errors import DataError, RecipeError
from ganzoo.interchange.ada_pickle import LAYOUT as ADA
from ganzoo.interchange.ada_pickle import holds_modules, read_ada_pickle
from ganzoo.interchange.foreign import Foreign
from ganzoo.interchange.imported import Imported
from ganzoo.interchange.recorded import Recorded
from ganzoo.interchange.rosinality import LAYOUT as ROSINALITY
from ganzoo.interchange.rosinality import is_checkpoint, read_rosinality
from ganzoo.interchange.tensorflow_pickle import LAYOUT as TENSORFLOW
from ganzoo.interchange.tensorflow_pickle import holds_networks, read_tensorflow

KNOWN = (ADA, ROSINALITY, TENSORFLOW)
_SHOWN = 12  # keys that an error names
# What Python says of shapes, types and numbers that nobody expects.
_ODD = (RecipeError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError)


def recognise(foreign: Foreign, path: Path) -> Imported:
    """Understand what a file holds.

    Args:
        foreign: its content.
        path: for errors.

    Raises:
        DataError: the layout is unknown, or its networks are none that a recipe can describe.
    """
    with said_of(path):
        return _read(foreign.value)


@contextmanager
def said_of(path: Path) -> Iterator[None]:
    """What goes wrong inside is said of a file: the shapes in it are anybody's guess.

    Raises:
        DataError: whatever it was.
    """
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}.", path=path) from error
    except _ODD as error:
        raise DataError(
            f"{path}: its tensors and numbers are not what their names say ({error}). The file is"
            " damaged, or of a program that ganzoo does not know.",
            path=path,
        ) from error


def _read(value: Any) -> Imported:
    if holds_modules(value):
        return read_ada_pickle(value)
    if holds_networks(value):
        return read_tensorflow(value)
    if is_checkpoint(value):
        return read_rosinality(value)
    raise DataError(
        f"the layout is unknown: {_described(value)}; expected one of: {'; '.join(KNOWN)}"
    )


def _described(value: Any) -> str:
    if isinstance(value, Recorded):
        return f"an object of {value.class_name}"
    if isinstance(value, Mapping):
        keys = [str(key) for key in list(value)[:_SHOWN]]
        more = ", ..." if len(value) > _SHOWN else ""
        return f"a dict with the keys {', '.join(keys)}{more}" if keys else "an empty dict"
    if isinstance(value, (list, tuple)):
        kinds = ", ".join(_described(item) for item in value[:3])
        return f"a {type(value).__name__} of {len(value)} ({kinds})"
    return f"a {type(value).__name__}"
