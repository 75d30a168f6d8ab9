"""Weight files of strangers, read without running anything in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ganzoo.errors import DataError
from ganzoo.interchange.known_globals import KNOWN, Global
from ganzoo.interchange.ledger import Ledger, Refused
from ganzoo.interchange.limits import Limits
from ganzoo.interchange.lookalike import looks_like
from ganzoo.interchange.opcodes import starts_a_pickle
from ganzoo.interchange.recorded import Recorded
from ganzoo.interchange.restricted_pickle import PickleMachine
from ganzoo.interchange.settle import settle
from ganzoo.interchange.torch_legacy import NESTED, is_legacy, read_legacy
from ganzoo.interchange.torch_zip import is_zip, read_torch_zip

__all__ = ["Foreign", "Limits", "Recorded", "read_foreign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What a foreign weight file holds.

    Args:
        value: plain data: dict (OrderedDict is one too), list, tuple, set, frozenset, str, bytes,
            int, float, bool, None, ``torch.Tensor`` and ``numpy.ndarray`` of numbers, and
            ``Recorded`` for objects of the few classes that published files are made of. A number
            of numpy is a Python number, a torch dtype or device its name, ``"torch.float32"``. No
            container holds itself.
        classes: every global that the file names, sorted.
        container: how the file is built.
    """

    value: Any
    classes: tuple[str, ...]
    container: Literal["pickle", "torch-zip", "torch-legacy"]


def read_foreign(path: Path, limits: Limits | None = None) -> Foreign:
    """Read a pickle or a file of ``torch.save``; nothing in it is imported, called or executed.

    Tensors are on the CPU, contiguous, need no gradient, and share no memory with one another or
    with the file. Byte order is made the machine's.

    Args:
        path: the file; its name's suffix says nothing.
        limits: how much it may ask for.

    Raises:
        DataError: the file cannot be read, is no such file, is damaged, or names anything but
            tensors, arrays, plain containers and the recorded classes. One sentence says which.
    """
    limits = limits or Limits()
    try:
        data = _content(path, limits)
        ledger = Ledger(limits, len(data))
        value, container = _read(data, ledger)
        settle(value, limits)
    except Refused as error:
        raise DataError(f"{path}: the file {error}", path=path) from error
    except MemoryError as error:
        raise DataError(f"{path}: the file needs more memory than there is.", path=path) from error
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise DataError(f"{path}: the file cannot be read: {reason}.", path=path) from error
    return Foreign(value=value, classes=tuple(sorted(ledger.classes)), container=container)


def _content(path: Path, limits: Limits) -> memoryview:
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe could wait for ever
        raise Refused("is a folder, a device or a pipe; expected a file of weights.")
    with path.open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if status.st_size > limits.file_bytes:
            raise Refused(
                f"has {status.st_size:,} bytes; ganzoo reads at most {limits.file_bytes:,}."
            )
        content = memoryview(bytearray(status.st_size))
        filled = 0
        while filled < len(content):
            count = file.readinto(content[filled:])
            if not count:
                raise Refused("became shorter while it was read; try again.")
            filled += count
    return content


def _read(
    data: memoryview, ledger: Ledger
) -> tuple[Any, Literal["pickle", "torch-zip", "torch-legacy"]]:
    if is_zip(data):
        return read_torch_zip(data, ledger), "torch-zip"
    if is_legacy(data):
        return read_legacy(data, ledger), "torch-legacy"
    if not starts_a_pickle(data):
        raise Refused(looks_like(data))
    machine = PickleMachine(data, ledger, _PICKLE)
    value = machine.run()
    if machine.position != len(data):
        raise Refused(f"goes on for {len(data) - machine.position:,} bytes after its pickle ends.")
    return value, "pickle"


# Only a plain pickle keeps its storages in archives of their own; torch files may not.
_PICKLE: Mapping[tuple[str, str], Global] = {**KNOWN, **NESTED}
