from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from ganzoo.cli.animation import SLOWEST, frame_delay, save_gif
from ganzoo.errors import DataError


def tables_and_delays(data: bytes) -> tuple[bool, int, list[int]]:
    """Whether a GIF has a global palette, how many frames have their own, delays in ms."""
    flags = data[10]
    place = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
    local, delays = 0, []
    while data[place] != 0x3B:
        if data[place] == 0x21:
            if data[place + 1] == 0xF9:
                delays.append(10 * struct.unpack("<H", data[place + 4 : place + 6])[0])
            place += 2
        else:
            own = data[place + 9]
            local += own >> 7
            place += 11 + (3 * 2 ** ((own & 7) + 1) if own & 0x80 else 0)
        while data[place]:
            place += data[place] + 1
        place += 1
    return bool(flags & 0x80), local, delays


@pytest.mark.parametrize("channels", [1, 3])
def test_all_frames_share_one_palette(tmp_path, channels):
    random = np.random.RandomState(0)
    frames = random.randint(0, 256, (6, channels, 16, 16)).astype(np.uint8)
    save_gif(frames, tmp_path / "a.gif", 25)
    has_global, local, delays = tables_and_delays((tmp_path / "a.gif").read_bytes())
    assert has_global
    assert local == 0
    assert delays == [40] * 6


def test_grey_frames_keep_every_level(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    frames = np.concatenate([ramp, ramp[..., ::-1]])
    save_gif(frames, tmp_path / "a.gif", 10)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.info["loop"] == 0
        for index, frame in enumerate(frames):
            gif.seek(index)
            assert np.array_equal(np.asarray(gif.convert("L"))[::8, ::8], frame[0])


def test_small_frames_are_enlarged_and_large_ones_are_not(tmp_path):
    for side, shown in ((16, 128), (200, 200)):
        save_gif(np.zeros((2, 1, side, side), np.uint8), tmp_path / "a.gif", 10)
        with Image.open(tmp_path / "a.gif") as gif:
            assert gif.size == (shown, shown)


@pytest.mark.parametrize(("speed", "delay"), [(25, 40), (30, 30), (60, 20), (1000, 20), (1, 1000)])
def test_delays_are_whole_hundredths_of_a_second(speed, delay):
    assert frame_delay(speed) == delay


def test_the_slowest_speed_can_be_written(tmp_path):
    frames = np.zeros((2, 1, 8, 8), np.uint8)
    frames[1] = 255
    save_gif(frames, tmp_path / "a.gif", SLOWEST)
    _, _, delays = tables_and_delays((tmp_path / "a.gif").read_bytes())
    assert delays == [625_000] * 2


def test_frames_that_are_alike_for_longer_than_a_gif_can_say_are_refused(tmp_path):
    frames = np.zeros((8, 1, 8, 8), np.uint8)
    with pytest.raises(DataError, match="alike would stand for over 655 seconds"):
        save_gif(frames, tmp_path / "a.gif", 0.01)
    assert not list(tmp_path.iterdir())
