"""Checkpoints: tensors and plain data only, written whole or not at all."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ganzoo.errors import DataError

FORMAT = 1
REQUIRED = ("ganzoo", "recipe", "hash", "data", "clock", "networks", "averages", "state")


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint under a temporary name, flush it to the disk, then rename it.

    A kill at any moment leaves either the old file or the new one.

    Raises:
        DataError: the disk is full or the folder cannot be written; nothing half-written stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            torch.save({"ganzoo": FORMAT, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError of its archive writer
        partial.unlink(missing_ok=True)
        raise DataError(
            f"{path}: the checkpoint could not be written ({error}). The ones before it are"
            " untouched; free some space and resume the run.",
            path=path,
        ) from error


def read_checkpoint(path: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint; no code in the file is ever run.

    Raises:
        DataError: the file is missing, half-written, holds anything but tensors and plain data, or
            was written by a newer ganzoo.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickles that torch did not write; told below
            content = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such checkpoint", path=path) from error
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path}: not a ganzoo checkpoint: it holds more than tensors and plain data, and"
            " ganzoo never runs code from a file.",
            path=path,
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: the checkpoint is damaged or half-written. Use an older one of the same"
            " folder, if there is one.",
            path=path,
        ) from error
    if not isinstance(content, dict) or any(key not in content for key in REQUIRED):
        raise DataError(f"{path}: not a ganzoo checkpoint", path=path)
    if content["ganzoo"] > FORMAT:
        raise DataError(
            f"{path}: written by a newer ganzoo (format {content['ganzoo']}, this one reads"
            f" {FORMAT}). Upgrade ganzoo.",
            path=path,
        )
    return content


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """State of a checkpoint is loaded inside; a mismatch names the checkpoint.

    Raises:
        DataError: the state is not that of the networks its recipe builds here.
    """
    try:
        yield
    except (RuntimeError, KeyError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path}: the checkpoint does not fit the networks that its recipe builds here: "
            f"{error}. The run's provenance.json says which versions made it.",
            path=path,
        ) from error


def checkpoint_files(folder: Path) -> list[Path]:
    """The checkpoints of a run folder, newest first; their names are the images shown."""
    found = [p for p in (folder / "checkpoints").glob("*.pt") if p.stem.isdigit()]
    return sorted(found, key=lambda p: int(p.stem), reverse=True)


def newest_checkpoint(folder: Path, device: str | torch.device = "cpu") -> tuple[Path, Any, str]:
    """The newest readable checkpoint of a run folder: its path, content, and what was passed over.

    Raises:
        DataError: there is none that can be read; the text says why of the newest.
    """
    files = checkpoint_files(folder)
    if not files and (folder / "origin.json").is_file():
        raise DataError(
            f"{folder}: these are weights, not a run that could go on. Start one from them with:"
            f" ganzoo run {folder}/recipe.yaml --init-from {folder}",
            path=folder,
        )
    if not files:
        raise DataError(f"{folder}: the run has no checkpoint yet", path=folder)
    passed_over: list[str] = []
    for path in files:
        try:
            return path, read_checkpoint(path, device), " ".join(passed_over)
        except DataError as error:
            passed_over.append(str(error))
    raise DataError(" ".join(passed_over), path=folder)
