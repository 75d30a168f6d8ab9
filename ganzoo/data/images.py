"""Images between tensors, arrays and PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.data.files import atomic_file

SMALLEST_TILE = 64  # pixels of the longer side of a tile in a grid
BACKGROUND = 56  # between the tiles: visible beside black as beside white

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_tensor(image: np.ndarray) -> Tensor:
    """uint8 of any shape as float32 in [-1, 1]: ``x / 127.5 - 1``."""
    return torch.from_numpy(np.array(image)).to(torch.float32) / 127.5 - 1


def to_uint8(image: Tensor) -> np.ndarray:
    """Float in [-1, 1] of any shape as uint8, rounded and clipped; NaN becomes 0."""
    scaled = (image.detach().to("cpu", torch.float32) + 1) * 127.5
    return torch.nan_to_num(scaled.round().clamp(0, 255), nan=0.0).to(torch.uint8).numpy()


def to_picture(image: np.ndarray) -> Image.Image:
    """One image, uint8 [I, H, W], as a picture of mode L, RGB or RGBA.

    Any other number of channels has no colours of its own: the channels stand side by side in
    grey, [H, I * W].
    """
    channels, height, width = image.shape
    if channels in _MODES:
        pixels = image[0] if channels == 1 else image.transpose(1, 2, 0)
    else:
        pixels = image.transpose(1, 0, 2).reshape(height, channels * width)
    return Image.fromarray(np.ascontiguousarray(pixels))


def image_grid(
    images: np.ndarray, columns: int, *, scale: int | None = None, padding: int = 2
) -> Image.Image:
    """Images in rows of ``columns``, from the top left; a last row may be short.

    Args:
        images: uint8 [N, I, H, W]; shown as ``to_picture`` says.
        columns: tiles in a row.
        scale: whole factor by which tiles are enlarged, without smoothing; None: the smallest
            that makes their longer side 64 pixels.
        padding: pixels between the tiles and around the grid.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or columns < 1:
        raise ValueError(
            f"a grid takes uint8 [N, I, H, W] and at least one image and column, "
            f"got {images.dtype} {list(images.shape)} in {columns!r} columns"
        )
    channels, height, width = images.shape[1:]
    factor = scale or -(-SMALLEST_TILE // max(height, width))
    tiles = [to_picture(image) for image in images]
    tile_width, tile_height = (side * factor for side in tiles[0].size)
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    mode = _MODES.get(channels, "L")
    fill = (*(BACKGROUND,) * min(len(mode), 3), 255)[: len(mode)]  # opaque
    size = (
        padding + columns * (tile_width + padding),
        padding + rows * (tile_height + padding),
    )
    grid = Image.new(mode, size, fill)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        place = (
            padding + column * (tile_width + padding),
            padding + row * (tile_height + padding),
        )
        enlarged = tile.resize((tile_width, tile_height), Image.Resampling.NEAREST)
        grid.paste(enlarged, place)
    return grid


def save_png(path: str | Path, image: Image.Image) -> None:
    """Write a PNG that is either whole or not there.

    Raises:
        DataError: the system refused (disk full, no permission).
    """
    with atomic_file(path) as file:
        image.save(file, format="PNG")
