from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.data.files import atomic_file
from ganzoo.data.images import image_grid, save_png, to_picture, to_tensor, to_uint8
from ganzoo.errors import DataError


def test_every_byte_survives_the_way_to_a_tensor_and_back():
    every = np.arange(256, dtype=np.uint8)
    tensor = to_tensor(every)
    assert tensor.dtype == torch.float32
    assert (tensor[0], tensor[255]) == (-1, 1)
    np.testing.assert_array_equal(to_uint8(tensor), every)


def test_values_outside_the_range_are_clipped_and_nan_is_black():
    image = torch.tensor([-3.0, 3.0, float("nan"), float("inf"), -float("inf"), 0.0])
    assert to_uint8(image).tolist() == [0, 255, 0, 255, 0, 128]


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_channels_with_colours_keep_them(channels, mode):
    image = np.arange(channels * 6, dtype=np.uint8).reshape(channels, 2, 3)
    picture = to_picture(image)
    assert (picture.mode, picture.size) == (mode, (3, 2))
    back = np.asarray(picture).reshape(2, 3, channels).transpose(2, 0, 1)
    np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize("channels", [2, 5])
def test_other_channel_counts_stand_side_by_side_in_grey(channels):
    image = np.arange(channels * 6, dtype=np.uint8).reshape(channels, 2, 3)
    pixels = np.asarray(to_picture(image))
    np.testing.assert_array_equal(pixels, np.concatenate(list(image), axis=1))


def test_a_grid_places_its_tiles_row_by_row():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 3), np.uint8)
    grid = np.asarray(image_grid(images, 3, scale=1, padding=1))
    assert grid.shape == (1 + 2 * 3, 1 + 3 * 4)
    for number in range(5):
        row, column = divmod(number, 3)
        tile = grid[1 + 3 * row : 3 + 3 * row, 1 + 4 * column : 4 + 4 * column]
        assert (tile == number).all()
    assert len(np.unique(grid[3])) == 1  # between the rows there is only ground
    assert grid[5, 10] == grid[3, 0]  # and where the sixth tile would be


def test_small_tiles_are_enlarged_by_whole_pixels():
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 20, 10), dtype=np.uint8)
    grid = np.asarray(image_grid(image, 8, padding=0))
    np.testing.assert_array_equal(
        grid, image[0].repeat(4, axis=1).repeat(4, axis=2).transpose(1, 2, 0)
    )


def test_large_tiles_keep_their_size():
    assert image_grid(np.zeros((2, 4, 70, 64), np.uint8), 2).size == (2 + 2 * 66, 2 + 72)


@pytest.mark.parametrize("images", [np.zeros((0, 1, 8, 8), np.uint8), np.zeros((2, 1, 8, 8))])
def test_a_grid_of_nothing_or_of_floats_is_refused(images):
    with pytest.raises(ValueError, match=r"a grid takes uint8 \[N, I, H, W\]"):
        image_grid(images, 2)


def test_a_png_is_written_whole_into_a_new_folder(tmp_path):
    path = tmp_path / "new" / "grid.png"
    save_png(path, Image.new("RGB", (3, 2), (1, 2, 3)))
    with Image.open(path) as back:
        assert back.getpixel((0, 0)) == (1, 2, 3)
    assert list(path.parent.iterdir()) == [path]


def test_a_write_the_system_refuses_leaves_the_old_file_and_nothing_else(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "grid.png"
    save_png(path, Image.new("L", (2, 2)))
    before = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a full disk: writing fails midway
    try:
        with pytest.raises(DataError, match="See that the disk has room") as refusal:
            save_png(path, Image.fromarray(noise))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refusal.value.path == path
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_where_a_folder_should_be_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DataError, match=r"taken/grid\.png cannot be written"):
        save_png(tmp_path / "taken" / "grid.png", Image.new("L", (2, 2)))


def test_an_interruption_while_writing_leaves_nothing(tmp_path):
    def interrupted():
        with atomic_file(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
