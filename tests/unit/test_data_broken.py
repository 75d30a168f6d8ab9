"""Every way in which a path to pictures can be wrong, and what is said then."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from ganzoo.errors import DataError
from ganzoo.plugins.dataset.image_folder import ImageFolderDataset
from ganzoo.registry.contracts import DatasetSite


def opened(path, **parameters):
    return ImageFolderDataset(DatasetSite(path=path), **parameters)


def picture_bytes(kind="PNG", side=64):
    noise = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format=kind)
    return buffer.getvalue()


def zip_of(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def refusal(path, **parameters):
    with pytest.raises(DataError) as caught:
        opened(path, **parameters)
    assert caught.value.path == path
    return str(caught.value)


def test_no_path_is_answered_with_the_flag():
    with pytest.raises(DataError, match=r"give --data PATH, a folder or a \.zip"):
        ImageFolderDataset(DatasetSite())


def test_a_missing_path_is_named(tmp_path):
    assert "nowhere does not exist: give a folder" in refusal(tmp_path / "nowhere")


def test_a_file_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(picture_bytes())
    assert "a.png is neither a folder nor a .zip" in refusal(tmp_path / "a.png")


def test_an_empty_folder_and_an_empty_zip_say_what_was_expected(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    assert "holds no pictures: expected files named .png, .jpg" in refusal(tmp_path)
    assert "holds no pictures" in refusal(zip_of(tmp_path / "set.zip", {"notes.txt": ""}))


def test_a_cut_zip_is_refused(tmp_path):
    path = zip_of(tmp_path / "set.zip", {"a.png": picture_bytes()})
    path.write_bytes(path.read_bytes()[:-40])
    assert "set.zip cannot be read as a zip" in refusal(path)


def test_a_damaged_member_of_a_zip_is_named(tmp_path):
    path = zip_of(tmp_path / "set.zip", {"a.png": picture_bytes(), "b.png": picture_bytes()})
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.zip: 'a\.png' cannot be read"):
        opened(path)[0]
    assert len(opened(path, broken="skip")) == 1


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "x/../../a.png"])
def test_a_zip_that_points_outside_itself_is_refused(tmp_path, name):
    path = zip_of(tmp_path / "set.zip", {name: picture_bytes()})
    assert "points outside the zip" in refusal(path)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = zip_of(tmp_path / "set.zip", {"a.png": picture_bytes()})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "'a.png' is encrypted; unpack the zip" in refusal(path)


def test_a_member_that_would_fill_the_memory_is_refused(tmp_path):
    path = zip_of(tmp_path / "set.zip", {"a.png": picture_bytes()})
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    assert "'a.png' unpacks to 2147483648 bytes" in refusal(path)


@pytest.fixture
def mixed(tmp_path):
    (tmp_path / "a.png").write_bytes(picture_bytes())
    (tmp_path / "b.png").write_bytes(b"not a picture")
    (tmp_path / "c.jpg").write_bytes(b"")
    (tmp_path / "d.jpg").write_bytes(picture_bytes("JPEG")[:20])
    return tmp_path


def test_all_pictures_with_unreadable_headers_are_named_at_once(mixed):
    text = refusal(mixed)
    assert "3 of 4 pictures cannot be read" in text
    for name in ("b.png", "c.jpg", "d.jpg"):
        assert f"\n  {name}: " in text
    assert "a.png" not in text
    assert "Replace or remove them, or leave such pictures out with data.broken=skip" in text


def test_broken_pictures_can_be_skipped(mixed, caplog):
    dataset = opened(mixed, broken="skip")
    assert len(dataset) == 1
    assert "3 of 4 pictures cannot be read and are left out" in caplog.text


def test_skipping_leaves_no_empty_data_set(tmp_path):
    (tmp_path / "b.png").write_bytes(b"not a picture")
    assert "1 of 1 pictures cannot be read" in refusal(tmp_path, broken="skip")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF"])
def test_a_cut_picture_is_named_when_it_is_reached_or_skipped(tmp_path, kind):
    whole = picture_bytes(kind)
    (tmp_path / f"a.{kind.lower()}").write_bytes(picture_bytes(kind))
    (tmp_path / f"b.{kind.lower()}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as caught:
        opened(tmp_path)[1]  # some formats already notice at the header
    assert f"b.{kind.lower()}" in str(caught.value)
    assert "data.broken=skip" in str(caught.value)
    assert len(opened(tmp_path, broken="skip")) == 1


def test_a_picture_that_is_gone_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(picture_bytes())
    dataset = opened(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"'a\.png' cannot be read: .*No such file"):
        dataset[0]
    with pytest.raises(DataError, match=r"'a\.png' cannot be read: .*No such file"):
        _ = dataset.fingerprint


def test_a_picture_beyond_pillows_limit_is_refused(tmp_path):
    content = bytearray(picture_bytes())
    content[16:24] = struct.pack(">II", 20000, 20000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "huge.png").write_bytes(content)
    assert "huge.png: Image size (400000000 pixels) exceeds limit" in refusal(tmp_path)


def test_floating_point_pixels_are_refused_with_the_remedy(tmp_path):
    Image.new("F", (8, 8)).save(tmp_path / "a.tif")
    assert "no agreed range; store it with 8 or 16 bits" in refusal(tmp_path)


def test_grey_beyond_sixteen_bits_is_refused_when_it_is_reached(tmp_path):
    Image.fromarray(np.full((8, 8), 70000, np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="grey values go beyond 16 bits"):
        opened(tmp_path)[0]
