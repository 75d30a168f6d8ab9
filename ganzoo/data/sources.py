"""Where picture files lie: a folder or a zip, by the same relative names."""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

from ganzoo.data.pictures import SUFFIXES, BrokenPicture
from ganzoo.errors import DataError

LARGEST_MEMBER = 512 * 2**20  # bytes; a zip can promise far more than it weighs


class Source(Protocol):
    """Picture files by name.

    ``names`` are relative, with ``/``, in sorted order. Hidden files, what lies in hidden folders
    or ``__MACOSX``, and files that are not named as pictures are left out; a folder that all of
    them share is not part of the names.
    """

    path: Path
    names: tuple[str, ...]

    def open(self, name: str) -> IO[bytes]:
        """A new file object at the start of the picture; any thread or process may ask.

        Raises:
            OSError: the file is gone or may not be read.
            BrokenPicture: the zip is damaged there.
        """
        ...

    def checksum(self, name: str) -> tuple[int, int]:
        """Size in bytes and CRC-32 of the file."""
        ...


def open_source(path: str | Path) -> Source:
    """Find the pictures of a folder or a zip.

    Raises:
        DataError: the path is missing, neither of the two, damaged, or holds no pictures.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: give a folder of pictures or a .zip", path=path)
    if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return ZipSource(path)
    raise DataError(
        f"{path} is neither a folder nor a .zip: give the folder that holds the pictures", path=path
    )


class FolderSource:
    """Pictures in a folder and the folders below it; links are followed, each folder once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root, self.names = _layout(path, _walk(path))

    def open(self, name: str) -> IO[bytes]:
        """As ``Source`` says."""
        return (self.path / f"{self._root}{name}").open("rb")

    def checksum(self, name: str) -> tuple[int, int]:
        """As ``Source`` says; reads the whole file."""
        size = crc = 0
        with self.open(name) as file:
            while chunk := file.read(2**20):
                size += len(chunk)
                crc = zlib.crc32(chunk, crc)
        return size, crc


class ZipSource:
    """Pictures in a zip, read in memory; nothing is ever unpacked to the disk.

    Raises:
        DataError: the zip is damaged, encrypted, or has a member that points outside it.
    """

    _opened: tuple[int, zipfile.ZipFile] | None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.__setstate__({})
        members = {}
        for info in self._archive().infolist():
            name = info.filename.replace("\\", "/")
            if not info.is_dir() and _wanted(name):
                self._check(info, name)
                members[name] = info.filename
        self._root, self.names = _layout(path, members)
        self._members = {name.removeprefix(self._root): raw for name, raw in members.items()}

    def open(self, name: str) -> IO[bytes]:
        """As ``Source`` says."""
        try:
            return self._archive().open(self._members[name])
        except (zipfile.BadZipFile, RuntimeError) as error:
            raise BrokenPicture(str(error)) from error

    def checksum(self, name: str) -> tuple[int, int]:
        """As ``Source`` says; both are in the zip's own index."""
        info = self._archive().getinfo(self._members[name])
        return info.file_size, info.CRC

    def _check(self, info: zipfile.ZipInfo, name: str) -> None:
        if name.startswith("/") or ".." in name.split("/"):
            problem = "points outside the zip; do not trust it"
        elif info.flag_bits & 1:
            problem = "is encrypted; unpack the zip and give the folder"
        elif info.file_size > LARGEST_MEMBER:
            problem = f"unpacks to {info.file_size} bytes, more than {LARGEST_MEMBER}"
        else:
            return
        raise DataError(f"{self.path}: member {info.filename!r} {problem}", path=self.path)

    def _archive(self) -> zipfile.ZipFile:
        """The open zip of this process: a forked child must not share its parent's position."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                try:
                    self._opened = (os.getpid(), zipfile.ZipFile(self.path))
                except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
                    raise DataError(
                        f"{self.path} cannot be read as a zip: {error}. Copy or download it again.",
                        path=self.path,
                    ) from error
            return self._opened[1]

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_opened")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._opened = None


def _wanted(name: str) -> bool:
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return not any(map(_hidden, parts)) and name.lower().endswith(SUFFIXES)


def _hidden(part: str) -> bool:
    return part.startswith(".") or part == "__MACOSX"


def _walk(root: Path) -> Iterator[str]:
    seen = set()

    def refuse(error: OSError) -> NoReturn:
        raise DataError(
            f"{error.filename} cannot be read: {error.strerror}. See that you may read it.",
            path=error.filename,
        ) from error

    for folder, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        # sorted, so that of two links to one folder the same one always counts
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for file in files:
            name = (Path(folder) / file).relative_to(root).as_posix()
            if _wanted(name):
                yield name


def _layout(path: Path, found: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """The folder that all names share, with its ``/``, and the sorted names below it."""
    names = sorted(found)
    if not names:
        raise DataError(
            f"{path} holds no pictures: expected files named {', '.join(SUFFIXES)}", path=path
        )
    first, last = names[0].split("/")[:-1], names[-1].split("/")[:-1]
    # what the first and the last of sorted names share, all between them share too
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, last))
    root = "".join(f"{folder}/" for folder, _ in shared)
    return root, tuple(name.removeprefix(root) for name in names)
