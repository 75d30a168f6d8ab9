"""What a component must leave alone: global random states, settings of torch, files and sockets."""

from __future__ import annotations

import functools
import gc
import os
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

TORCH_RANDOM = "torch's global generator"
_IO = ("open", "os.", "socket.", "subprocess.", "shutil.", "urllib.", "sqlite3.")
_HARMLESS = ("os.putenv", "os.unsetenv")
_watching: dict[int, list[str]] = {}


def global_state() -> Mapping[str, object]:
    """The states that belong to the whole process, by the names that failures use."""
    return {
        "Python's global generator": random.getstate(),
        "numpy's global generator": [
            part.tolist() if isinstance(part, np.ndarray) else part
            for part in np.random.get_state(legacy=True)
        ],
        TORCH_RANDOM: torch.get_rng_state().tolist(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": torch.get_default_device(),
        "torch's grad mode": torch.is_grad_enabled(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's choice of deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the working folder": os.getcwd(),
    }


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The names of the states that differ."""
    return [name for name, value in before.items() if after[name] != value]


@contextmanager
def watched_io() -> Iterator[list[str]]:
    """Collect what this thread does with files, sockets and processes."""
    _install_hook()
    thread = threading.get_ident()
    found: list[str] = []
    _watching[thread] = found
    collects = gc.isenabled()
    gc.disable()  # what others left behind may close files when it is collected
    try:
        yield found
    finally:
        del _watching[thread]
        if collects:
            gc.enable()


@functools.cache
def _install_hook() -> None:
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    # The hook can never be removed again, so it must cost next to nothing when nobody watches.
    if _watching and event.startswith(_IO) and event not in _HARMLESS:
        found = _watching.get(threading.get_ident())
        if found is not None:
            found.append(f"{event}({arguments[0]!r})" if arguments else event)
