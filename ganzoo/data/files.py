"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ganzoo.errors import DataError


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when all of it is on the disk.

    Folders above it are made. Whatever goes wrong, an older file of that name is untouched and
    nothing half-written is left.

    Raises:
        DataError: the system refused (disk full, no permission).
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}. "
            "See that the disk has room and that you may write to the folder.",
            path=path,
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
