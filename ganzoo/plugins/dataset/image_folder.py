"""A folder of pictures, class subfolders, or a zip of either."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np

from ganzoo.data.cache import PictureCache
from ganzoo.data.fingerprint import fingerprint_of
from ganzoo.data.labels import one_hot
from ganzoo.data.pictures import BrokenPicture, Header, read_header, read_picture
from ganzoo.data.resolution import largest_resolution, levels_of
from ganzoo.data.sources import Source, open_source
from ganzoo.errors import BadValue, DataError
from ganzoo.registry.contracts import DatasetSite, Sample

__all__ = ["ImageFolderDataset"]

log = logging.getLogger(__name__)

_NAMED_AT_MOST = 100
_REMEDY = "Replace or remove {them}, or leave such pictures out with data.broken=skip"

T = TypeVar("T")


class ImageFolderDataset:
    """The pictures at a path, in the order of their names (png, jpg, webp, bmp, gif, tiff).

    A folder that all pictures share is passed over. Below it, where every picture lies in one of
    at least two subfolders, the first level of these are the classes, in sorted order; where some
    lie beside the subfolders there are no classes. Hidden files and ``__MACOSX`` are ignored.

    Without a recipe's word, the resolution is the largest ``base * 2^k``, 1 <= k <= 8 (1024 for a
    base of 4), that no picture is too small for, and the channels are 1 where all pictures are
    grey (palettes count as colour), else 3. A recipe may ask for more pixels than a picture has:
    it is then enlarged. Pictures are turned upright as EXIF says, 16-bit grey is scaled to 8
    bits, and transparency is laid over white; only ``channels: 4`` keeps it.

    The fingerprint is taken of names, sizes and CRC-32 checksums of the files, so a zip has that
    of the folder it was made from.

    Args:
        crop: ``center`` cuts the largest centred piece of the target's shape; ``none`` squashes.
        broken: ``refuse`` names every picture whose header cannot be read at once, and a damaged
            one when it is reached; ``skip`` first decodes all pictures and leaves those out.
    """

    def __init__(
        self,
        site: DatasetSite,
        *,
        crop: Literal["center", "none"] = "center",
        broken: Literal["refuse", "skip"] = "refuse",
    ) -> None:
        if site.path is None:
            raise DataError(
                "ganzoo/image-folder needs to know where the pictures are: give --data PATH, "
                "a folder or a .zip"
            )
        if site.channels not in (None, 1, 3, 4):
            raise BadValue(
                f"{site.channels!r}: pictures have 1 (grey), 3 (RGB) or 4 (RGBA) channels",
                path="data.channels",
            )
        if site.resolution is not None:
            levels_of(site.resolution, site.base)
        self._source = open_source(site.path)
        self._crop = crop
        headers = _survey(self._source, skip=broken == "skip")
        self._names = tuple(headers)
        grey = all(header.grey for header in headers.values())
        self.channels = site.channels or (1 if grey else 3)
        self.resolution = site.resolution or _fitting(headers, site.base)
        _tell_enlarged(headers, self.resolution)
        self._kept = PictureCache(len(self), (self.channels, *self.resolution))
        self.class_names = _class_names(self._source, self._names)
        self.label_width = len(self.class_names)
        number = {name: place for place, name in enumerate(self.class_names)}
        firsts = [name.split("/")[0] for name in self._names] if number else []
        self._classes = np.array([number[first] for first in firsts], dtype=np.int64)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the content; reads every file of a folder the first time it is asked."""
        checksums = _in_threads(self._checksum, self._names)
        parts: list[str | int] = ["image-folder"]
        for name, (size, crc) in zip(self._names, checksums):
            parts += [name, size, crc]
        return fingerprint_of(parts)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        """``image`` uint8 [I, R, R], and ``label`` float32 [K] where there are classes.

        Raises:
            DataError: the picture is damaged or gone.
        """
        image = self._kept.get(index)
        if image is None:
            image = self._read(self._names[index])
            self._kept.put(index, image)
        label = self.label(index)
        return {"image": image} if label is None else {"image": image, "label": label}

    def label(self, index: int) -> np.ndarray | None:
        """One-hot float32 [K], or None where there are no classes."""
        if not self.label_width:
            return None
        return one_hot(self._classes[[index]], self.label_width)[0]

    def _read(self, name: str) -> np.ndarray:
        try:
            with self._source.open(name) as file:
                return read_picture(file, self.resolution, self.channels, self._crop)
        except (OSError, BrokenPicture) as error:
            raise self._unreadable(name, error) from error

    def _checksum(self, name: str) -> tuple[int, int]:
        try:
            return self._source.checksum(name)
        except OSError as error:
            raise self._unreadable(name, error) from error

    def _unreadable(self, name: str, error: Exception) -> DataError:
        path = self._source.path
        remedy = _REMEDY.format(them="it")
        return DataError(f"{path}: {name!r} cannot be read: {error}. {remedy}", path=path)


def _survey(source: Source, *, skip: bool) -> dict[str, Header]:
    """The header of every usable picture.

    Raises:
        DataError: some are broken and not to be skipped, or none is left; names them all.
    """

    def look(name: str) -> Header | str:
        try:
            with source.open(name) as file:
                return read_header(file, whole=skip)
        except (OSError, BrokenPicture) as error:
            return str(error)

    found = dict(zip(source.names, _in_threads(look, source.names)))
    broken = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    if broken:
        lines = [f"  {name}: {reason}" for name, reason in broken.items()][:_NAMED_AT_MOST]
        if len(broken) > len(lines):
            lines.append(f"  and {len(broken) - len(lines)} more")
        listed = "\n".join(lines)
        counted = f"{len(broken)} of {len(found)} pictures"
        if not skip or len(broken) == len(found):
            remedy = _REMEDY.format(them="them") if not skip else "Give other pictures"
            raise DataError(
                f"{source.path}: {counted} cannot be read:\n{listed}\n{remedy}", path=source.path
            )
        log.warning("%s: %s cannot be read and are left out:\n%s", source.path, counted, listed)
    return {name: header for name, header in found.items() if isinstance(header, Header)}


def _in_threads(function: Callable[[str], T], names: Iterable[str]) -> list[T]:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(function, names))


def _fitting(headers: dict[str, Header], base: tuple[int, int]) -> tuple[int, int]:
    height = min(header.height for header in headers.values())
    width = min(header.width for header in headers.values())
    resolution = largest_resolution((height, width), base)
    log.info("no picture is lower than %d or narrower than %d: %dx%d", height, width, *resolution)
    return resolution


def _tell_enlarged(headers: dict[str, Header], resolution: tuple[int, int]) -> None:
    small = sum(h.height < resolution[0] or h.width < resolution[1] for h in headers.values())
    if small:
        log.warning(
            "%d of %d pictures are smaller than %dx%d and are enlarged",
            small,
            len(headers),
            *resolution,
        )


def _class_names(source: Source, names: tuple[str, ...]) -> tuple[str, ...]:
    folders = {name.split("/")[0] for name in names if "/" in name}
    loose = sum("/" not in name for name in names)
    if folders and loose:
        log.warning(
            "%s: %d pictures lie beside the %d subfolders, so these are no classes",
            source.path,
            loose,
            len(folders),
        )
        return ()
    return tuple(sorted(folders)) if len(folders) > 1 else ()
