"""Picture files as arrays: every mode Pillow reads, upright, cropped and scaled."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")

_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_ORIENTATION = 0x0112  # the EXIF tag; 1 is upright
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMAT_ERRORS = (  # what Pillow and zipfile raise for damaged files
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    NotImplementedError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)


class BrokenPicture(Exception):
    """A file is not a picture that can be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a picture says of itself before its pixels are decoded; the size is that upright."""

    height: int
    width: int
    grey: bool


def read_header(file: IO[bytes], *, whole: bool = False) -> Header:
    """Read a picture's size and kind; ``whole`` also decodes its pixels, to see that it can.

    Raises:
        BrokenPicture: it cannot be read, or is larger than Pillow's limit.
    """
    with _opened(file) as picture:
        _refuse_floats(picture)
        # Pillow decodes a PNG to look for EXIF behind its pixels; one in front is enough here
        turn = _orientation(picture) if picture.format != "PNG" or "exif" in picture.info else 1
        if whole:
            picture.load()
        width, height = picture.size if turn < 5 else picture.size[::-1]
        return Header(height=height, width=width, grey=picture.mode in _GREY)


def read_picture(
    file: IO[bytes],
    resolution: tuple[int, int],
    channels: int,
    crop: Literal["center", "none"] = "center",
) -> np.ndarray:
    """Decode the first frame: uint8 [channels, *resolution].

    ``channels`` is 1 (grey), 3 (RGB) or 4 (RGBA). The picture is turned upright as its EXIF says.
    16-bit grey is scaled to 8 bits. Transparency is laid over white unless RGBA is asked for.
    ``center`` crops the largest centred piece of the target's shape, ``none`` squashes; then
    Lanczos resampling.

    Raises:
        BrokenPicture: it cannot be read or decoded, or is larger than Pillow's limit.
    """
    with _opened(file) as opened:
        opened.load()
        picture = _eight_bit(opened)
        turn = _TURNS.get(_orientation(opened))
        if turn is not None:
            picture = picture.transpose(turn)
        picture = _with_channels(picture, channels)
        height, width = resolution
        box = _centre(picture.size, (width, height)) if crop == "center" else None
        scaled = picture.resize((width, height), Image.Resampling.LANCZOS, box=box)
    pixels = np.asarray(scaled, dtype=np.uint8)
    return np.ascontiguousarray(pixels.reshape(height, width, channels).transpose(2, 0, 1))


@contextlib.contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    try:
        with Image.open(file) as picture:
            yield picture
    except UnidentifiedImageError as error:
        raise BrokenPicture("not a picture, whatever its name says") from error
    except _FORMAT_ERRORS as error:
        raise BrokenPicture(str(error) or type(error).__name__) from error


def _orientation(picture: Image.Image) -> int:
    try:
        turn = picture.getexif().get(_ORIENTATION, 1)
    except _FORMAT_ERRORS:  # damaged remarks do not damage the pixels
        return 1
    return turn if turn in _TURNS else 1


def _refuse_floats(picture: Image.Image) -> None:
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no agreed range; store it with 8 or 16 bits")


def _eight_bit(picture: Image.Image) -> Image.Image:
    _refuse_floats(picture)
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its grey values go beyond 16 bits; store it with 8 or 16 bits")
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _with_channels(picture: Image.Image, channels: int) -> Image.Image:
    if channels == 4:
        return picture.convert("RGBA")
    if picture.mode in _TRANSPARENT or "transparency" in picture.info:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("L" if channels == 1 else "RGB")


def _centre(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest centred box of the target's shape; on whole pixels, so that 1:1 stays exact."""
    scale = min(size[0] / target[0], size[1] / target[1])
    width, height = target[0] * scale, target[1] * scale
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, min(left + width, size[0]), min(top + height, size[1])
