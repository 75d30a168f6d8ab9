"""A folder of weights: a resolved recipe, safetensors, and where all of it comes from.

``recipe.yaml`` is the resolved recipe, ``networks/<name>.safetensors`` hold the weights as trained,
``averages/<name>.safetensors`` their averages, ``state.safetensors`` a task's running means where
there are any, and ``origin.json`` says where they come from, under which licence, and what is
missing. ``ganzoo import`` and ``ganzoo export`` write it; everything that takes a run reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ganzoo.errors import DataError

FORMAT = 1
RECIPE, ORIGIN, STATE = "recipe.yaml", "origin.json", "state.safetensors"
ROOMS = ("networks", "averages")
_BLOCK = 1 << 20

Tensors = Mapping[str, Tensor]


def is_weights_folder(path: Path) -> bool:
    """Whether a path is such a folder; a run folder has no ``origin.json``."""
    return (path / ORIGIN).is_file() and (path / RECIPE).is_file()


def write_weights_folder(
    out: Path,
    *,
    recipe: str,
    origin: Mapping[str, Any],
    networks: Mapping[str, Callable[[], Tensors]],
    averages: Mapping[str, Callable[[], Tensors]],
    state: Tensors | None = None,
) -> None:
    """Write a folder whole or not at all: under a temporary name beside it, then renamed.

    Args:
        out: must not exist, or be empty.
        recipe: resolved, as YAML.
        origin: plain data; the number of the format is added.
        networks: by name, what gives the tensors when their turn comes, so that only one network
            is held at a time.
        averages: as ``networks``.
        state: a task's running means.

    Raises:
        DataError: the folder holds something already, or cannot be written.
    """
    refuse_occupied(out)
    with whole_folder(out) as partial:
        (partial / RECIPE).write_text(recipe, encoding="utf-8")
        for room, sources in zip(ROOMS, (networks, averages)):
            for name, source in sources.items():
                (partial / room).mkdir(exist_ok=True)
                save_tensors(partial / room / f"{name}.safetensors", source())
        if state:
            save_tensors(partial / STATE, state)
        text = json.dumps({"ganzoo": FORMAT, **origin}, indent=2, ensure_ascii=False)
        (partial / ORIGIN).write_text(text + "\n", encoding="utf-8")


def read_origin(folder: Path) -> dict[str, Any]:
    """What ``origin.json`` says.

    Raises:
        DataError: it cannot be read, or is of a newer ganzoo.
    """
    path = folder / ORIGIN
    try:
        origin = json.loads(path.read_text(encoding="utf-8"))
        number = origin["ganzoo"]
        if _is_whole(number) and number > FORMAT:
            raise DataError(
                f"{path}: written by a newer ganzoo (format {number}, this one reads {FORMAT})."
                " Upgrade ganzoo.",
                path=path,
            )
        sound = _is_whole(number) and _is_sound(origin["data"], origin.get("images"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(_damaged(path), path=path) from error
    if not sound:
        raise DataError(_damaged(path), path=path)
    found: dict[str, Any] = origin
    return found


def read_room(folder: Path, room: str, device: str | torch.device) -> dict[str, dict[str, Tensor]]:
    """The tensors of every network that a room (``networks`` or ``averages``) holds."""
    return {
        path.stem: read_tensors(path, device)
        for path in sorted((folder / room).glob("*.safetensors"))
    }


def read_tensors(path: Path, device: str | torch.device) -> dict[str, Tensor]:
    """The tensors of one file.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        return load_file(path, device=str(device))
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path}: the weights cannot be read ({error}). Write the folder again.", path=path
        ) from error


def save_tensors(path: Path, tensors: Tensors) -> None:
    """Write tensors, each in storage of its own, and flush them to the disk."""
    save_file({name: _alone(tensor) for name, tensor in tensors.items()}, path)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def refuse_occupied(out: Path) -> None:
    """Nothing that exists is overwritten.

    Raises:
        DataError: the path is a file, a folder with something in it, or the present folder.
    """
    try:
        if out.exists() and out.samefile(Path.cwd()):
            raise DataError(
                f"{out}: this is the folder you are in, which cannot be put in place whole. Name a"
                " new one with --out.",
                path=out,
            )
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise DataError(
                f"{out}: there is something here already, and nothing is overwritten. Name"
                " another place with --out.",
                path=out,
            )
    except OSError as error:
        raise DataError(f"{out}: cannot be read: {error.strerror}.", path=out) from error


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A temporary sibling to write into, which becomes ``out`` if nothing goes wrong inside.

    Raises:
        DataError: a file cannot be written; nothing half-written stays.
    """
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        try:
            partial.mkdir(parents=True)
            yield partial
            if out.is_dir():
                out.rmdir()
            os.replace(partial, out)
        except (OSError, SafetensorError) as error:
            raise DataError(_unwritable(out, error), path=out) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def whole_file(out: Path) -> Iterator[IO[bytes]]:
    """A temporary sibling to write into, which becomes ``out`` if nothing goes wrong inside.

    Raises:
        DataError: the file cannot be written; nothing half-written stays.
    """
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, out)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError of its archive writer
        raise DataError(_unwritable(out, error), path=out) from error
    finally:
        with suppress(OSError):  # what went wrong before is what is told
            partial.unlink()


def _is_sound(facts: Mapping[str, Any], images: Any) -> bool:
    """Whether the facts of the data are such that networks can be built and named by them."""
    height, width = facts["resolution"]
    names = facts.get("class_names", [])
    return (
        all(_is_whole(size, least=1) for size in (height, width, facts["channels"]))
        and _is_whole(facts["label_width"])
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and (images is None or _is_whole(images))
    )


def _is_whole(value: Any, *, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _alone(tensor: Tensor) -> Tensor:
    """On the CPU, contiguous, and sharing its storage with nobody: what safetensors asks for."""
    kept = tensor.detach().cpu().contiguous()
    whole = kept.untyped_storage().nbytes() == kept.numel() * kept.element_size()
    return kept if whole else kept.clone()


def _unwritable(out: Path, error: Exception) -> str:
    return (
        f"{out}: cannot be written ({error}). Free some space, or choose another place with --out;"
        " nothing was left there."
    )


def _damaged(path: Path) -> str:
    return (
        f"{path}: damaged or not written by ganzoo. Import or export the weights again: this file"
        " says what they are."
    )
