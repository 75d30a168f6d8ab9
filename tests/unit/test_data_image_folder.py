"""Reading pictures: layouts, sizes, modes, fingerprints; what is broken is in test_data_broken."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganzoo.data.cache import PictureCache
from ganzoo.errors import BadValue
from ganzoo.plugins.dataset.image_folder import ImageFolderDataset
from ganzoo.registry.contracts import DatasetSite


def save(path, size=(16, 16), mode="RGB", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = len(mode)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
    Image.fromarray(noise.squeeze()).save(path)
    return path


def zipped(folder, to):
    with zipfile.ZipFile(to, "w") as archive:
        for path in sorted(folder.rglob("*"), reverse=True):
            archive.write(path, path.relative_to(folder.parent))
    return to


def opened(path, resolution=None, channels=None, base=(4, 4), **parameters):
    site = DatasetSite(path=path, resolution=resolution, channels=channels, base=base)
    return ImageFolderDataset(site, **parameters)


def images_of(dataset):
    return np.stack([sample["image"] for sample in dataset])


@pytest.fixture
def classes(tmp_path):
    for number in range(6):
        save(tmp_path / "set" / ("cat", "dog", "bird")[number % 3] / f"{number}.png", seed=number)
    return tmp_path / "set"


def test_a_flat_folder_has_no_classes(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}.png", seed=number)
    flat = opened(tmp_path)
    assert (len(flat), flat.label_width, flat.class_names, flat.label(0)) == (3, 0, (), None)
    assert list(flat[0]) == ["image"]
    with Image.open(tmp_path / "1.png") as second:
        np.testing.assert_array_equal(flat[1]["image"], np.asarray(second).transpose(2, 0, 1))


def test_subfolders_are_classes_in_sorted_order(classes):
    dataset = opened(classes)
    assert dataset.class_names == ("bird", "cat", "dog")
    assert [int(dataset.label(i).argmax()) for i in range(6)] == [0, 0, 1, 1, 2, 2]
    assert dataset[0]["label"].dtype == np.float32


def test_only_the_first_level_of_subfolders_counts(tmp_path):
    save(tmp_path / "a" / "x" / "1.png")
    save(tmp_path / "a" / "y" / "2.png")
    save(tmp_path / "b" / "3.png")
    assert opened(tmp_path).class_names == ("a", "b")


def test_pictures_beside_the_subfolders_mean_no_classes(classes, caplog):
    save(classes / "loose.png")
    dataset = opened(classes)
    assert (len(dataset), dataset.label_width) == (7, 0)
    assert "1 pictures lie beside the 3 subfolders, so these are no classes" in caplog.text


def test_a_folder_that_all_share_is_no_class(tmp_path):
    save(tmp_path / "photos" / "all" / "1.png")
    save(tmp_path / "photos" / "all" / "2.png")
    assert opened(tmp_path).class_names == ()


def test_a_zip_equals_its_folder_in_all_respects(classes, tmp_path):
    folder = opened(classes)
    archive = opened(zipped(classes, tmp_path / "set.zip"))
    np.testing.assert_array_equal(images_of(folder), images_of(archive))
    assert folder.class_names == archive.class_names
    assert [folder.label(i).tolist() for i in range(6)] == [
        archive.label(i).tolist() for i in range(6)
    ]
    assert folder.fingerprint == archive.fingerprint


def test_a_zip_made_with_backslashes_has_the_same_layout(tmp_path):
    first = save(tmp_path / "1.png")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("a", "b"):
            info = zipfile.ZipInfo("x")
            info.filename = f"{name}\\1.png"
            archive.writestr(info, first.read_bytes())
    assert opened(tmp_path / "set.zip").class_names == ("a", "b")


def test_hidden_files_and_other_files_are_ignored(classes):
    for name in ("._1.png", ".hidden/1.png", "__MACOSX/cat/1.png", "notes.txt", "empty/.keep"):
        (classes / name).parent.mkdir(parents=True, exist_ok=True)
        (classes / name).write_text("no picture")
    assert len(opened(classes)) == 6


def test_links_are_followed_and_circles_end(classes, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "one").symlink_to(classes / "cat")
    (tmp_path / "linked" / "two").symlink_to(classes / "dog")
    (classes / "dog" / "round").symlink_to(tmp_path / "linked")
    linked = opened(tmp_path / "linked")
    assert (len(linked), linked.class_names) == (4, ("one", "two"))


def test_a_pickled_or_forked_reader_of_a_zip_reads_the_same(classes, tmp_path):
    dataset = opened(zipped(classes, tmp_path / "set.zip"))
    copy = pickle.loads(pickle.dumps(dataset))
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=lambda: theirs.send(images_of(dataset)))
    child.start()
    assert ours.poll(20)
    forked = ours.recv()
    child.join()
    expected = images_of(dataset)
    np.testing.assert_array_equal(forked, expected)
    np.testing.assert_array_equal(images_of(copy), expected)


def test_the_resolution_is_the_largest_that_no_picture_is_too_small_for(tmp_path):
    save(tmp_path / "a.png", (70, 200))
    save(tmp_path / "b.png", (300, 65))
    assert opened(tmp_path).resolution == (64, 64)
    assert opened(tmp_path, base=(3, 5)).resolution == (24, 40)
    save(tmp_path / "c.png", (5, 5))
    assert opened(tmp_path).resolution == (8, 8)


def test_more_pixels_than_there_are_come_only_when_asked_for(tmp_path, caplog):
    save(tmp_path / "a.png", (16, 16))
    assert opened(tmp_path, (64, 64))[0]["image"].shape == (3, 64, 64)
    assert "1 of 1 pictures are smaller than 64x64 and are enlarged" in caplog.text


def test_a_resolution_off_the_base_grid_is_refused(classes):
    with pytest.raises(BadValue, match="20x20 does not fit the base grid 4x4"):
        opened(classes, (20, 20))


def test_crop_cuts_the_centre_and_none_squashes(tmp_path):
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, :8] = pixels[:, 24:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    cropped = opened(tmp_path, (16, 16))[0]["image"]
    squashed = opened(tmp_path, (16, 16), crop="none")[0]["image"]
    assert cropped.max() == 0
    assert squashed[0, :, 0].min() > 250
    assert squashed[0, :, 8].max() < 5


def test_a_crop_without_scaling_keeps_the_pixels(tmp_path):
    path = save(tmp_path / "a.png", (35, 32))
    with Image.open(path) as picture:
        expected = np.asarray(picture)[:, 1:33].transpose(2, 0, 1)
    np.testing.assert_array_equal(opened(tmp_path, (32, 32))[0]["image"], expected)


def test_channels_follow_the_pictures_and_the_recipe(tmp_path):
    save(tmp_path / "a.png", mode="L")
    assert opened(tmp_path).channels == 1
    assert opened(tmp_path, channels=3)[0]["image"].shape == (3, 16, 16)
    save(tmp_path / "b.png")
    mixed = opened(tmp_path)
    assert mixed.channels == 3
    np.testing.assert_array_equal(mixed[0]["image"][0], mixed[0]["image"][2])
    assert opened(tmp_path, channels=1)[1]["image"].shape == (1, 16, 16)
    with pytest.raises(BadValue, match=r"data\.channels: 2: pictures have 1 \(grey\), 3"):
        opened(tmp_path, channels=2)


def test_transparency_is_laid_over_white_or_kept(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :4] = (200, 0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    over = opened(tmp_path)[0]["image"]
    assert over[:, 0, 0].tolist() == [200, 0, 0]
    assert over[:, 0, 7].tolist() == [255, 255, 255]
    kept = opened(tmp_path, channels=4)[0]["image"]
    np.testing.assert_array_equal(kept, pixels.transpose(2, 0, 1))


def test_grey_with_transparency_stays_grey(tmp_path):
    pixels = np.full((8, 8, 2), 77, np.uint8)
    pixels[..., 1] = 255
    Image.fromarray(pixels, "LA").save(tmp_path / "a.png")
    dataset = opened(tmp_path)
    assert dataset.channels == 1
    assert (dataset[0]["image"] == 77).all()


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_palettes_are_colours_and_may_be_transparent(tmp_path, suffix):
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30, 250, 0, 0])
    picture.putpixel((0, 0), 2)
    picture.save(tmp_path / f"a{suffix}", transparency=2)
    image = opened(tmp_path)[0]["image"]
    assert image[:, 4, 4].tolist() == [10, 20, 30]
    assert image[:, 0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_is_scaled(tmp_path, suffix):
    values = (np.arange(64, dtype=np.uint16) * 1040).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    dataset = opened(tmp_path)
    assert dataset.channels == 1
    np.testing.assert_array_equal(dataset[0]["image"][0], np.round(values / 257))


def test_cmyk_bilevel_and_webp_pictures_are_read(tmp_path):
    Image.new("CMYK", (8, 8), (0, 0, 0, 255)).save(tmp_path / "a.jpg")
    Image.new("1", (8, 8), 1).save(tmp_path / "b.png")
    Image.new("RGB", (8, 8), (255, 255, 255)).save(tmp_path / "c.WEBP")
    black, white, also_white = images_of(opened(tmp_path))
    assert black.max() < 5
    assert white.min() == 255
    assert also_white.min() > 250


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_a_picture_upright(tmp_path, turn, suffix):
    upright = np.zeros((16, 24), np.uint8)
    upright[:8, :8] = 255  # bright at the top left
    upright[8:, :8] = 128
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's number of each inverse turn
    stored = Image.fromarray(upright)
    if turn > 1:
        stored = stored.transpose(Image.Transpose(undo[turn]))
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path / f"a{suffix}", exif=exif, **({"quality": 98} if suffix == ".jpg" else {}))
    dataset = opened(tmp_path, base=(2, 3))
    assert dataset.resolution == (16, 24)
    np.testing.assert_allclose(dataset[0]["image"][0].astype(int), upright, atol=3)  # JPEG


def test_damaged_exif_does_not_damage_the_picture(tmp_path):
    Image.new("L", (8, 8), 9).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00garbage!")
    assert opened(tmp_path)[0]["image"].shape == (1, 8, 8)


def test_the_fingerprint_stays_over_time_size_and_crop(classes):
    fingerprint = opened(classes).fingerprint
    assert len(fingerprint) == 32
    (classes / "cat" / "0.png").touch()
    assert fingerprint == opened(classes, (8, 8), channels=1, crop="none").fingerprint


@pytest.mark.parametrize("change", ["pixel", "rename", "class", "remove"])
def test_the_fingerprint_tells_content_and_layout_apart(classes, change):
    before = opened(classes).fingerprint
    picture = classes / "cat" / "0.png"
    if change == "pixel":
        save(picture, seed=99)
    elif change == "rename":
        picture.rename(picture.with_name("9.png"))
    elif change == "class":
        shutil.move(picture, classes / "dog" / "0.png")
    else:
        picture.unlink()
    assert opened(classes).fingerprint != before


def test_a_small_set_is_decoded_once(classes):
    dataset = opened(classes)
    first = images_of(dataset)
    shutil.rmtree(classes)
    np.testing.assert_array_equal(images_of(dataset), first)


def test_pictures_are_kept_only_if_all_fit():
    picture = np.ones((1, 2, 2), np.uint8)
    for limit, kept in ((8, True), (7, False)):
        cache = PictureCache(2, (1, 2, 2), limit)
        assert cache.get(1) is None
        cache.put(1, picture)
        assert (cache.get(1) is not None) == kept
        assert cache.get(0) is None
        assert pickle.loads(pickle.dumps(cache)).get(1) is None


def test_what_is_kept_cannot_be_written_to(classes):
    dataset = opened(classes)
    dataset[0]
    with pytest.raises(ValueError, match="read-only"):
        dataset[0]["image"][:] = 0
