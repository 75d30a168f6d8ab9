"""Writing an animated GIF whose frames share one palette, so that it does not flicker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import DataError

if TYPE_CHECKING:
    import numpy as np

# Frames looked at for the palette; more change it little and cost much.
_PALETTE_FRAMES = 64
_SMALLEST_SIDE = 128
# A delay is a 16-bit number of hundredths of a second.
LONGEST_SECONDS = 655
SLOWEST = 0.0016  # frames a second; the reciprocal, rounded up


def frame_delay(frames_per_second: float) -> int:
    """Milliseconds a frame stays: a multiple of 10, as GIF counts, and at least 20.

    Viewers slow a delay of 10 ms down to 100.
    """
    return max(20, round(100 / frames_per_second) * 10)


def save_gif(frames: np.ndarray[Any, Any], path: Path, frames_per_second: float) -> None:
    """Write frames uint8 [F, I, H, W] as a GIF that loops for ever; transparency is dropped.

    Small frames are enlarged by a whole factor, without smoothing, so that a person can see them.

    Args:
        frames_per_second: ``SLOWEST`` at least.

    Raises:
        DataError: the file cannot be written, or one picture stands for longer than a GIF can say.
    """
    import numpy as np
    from PIL import Image

    from ganzoo.data.files import atomic_file
    from ganzoo.data.images import to_picture

    factor = -(-_SMALLEST_SIDE // max(frames.shape[2:]))
    pictures = [to_picture(frame.repeat(factor, 1).repeat(factor, 2)) for frame in frames]
    if pictures[0].mode == "L":
        palette = bytes(level for grey in range(256) for level in (grey, grey, grey))
    else:
        pictures = [picture.convert("RGB") for picture in pictures]
        step = -(-len(pictures) // _PALETTE_FRAMES)
        looked_at = np.concatenate([np.asarray(picture) for picture in pictures[::step]])
        # As good as the median cut on frames of a path, and a hundred times as fast.
        shared = Image.fromarray(looked_at).quantize(256, Image.Quantize.FASTOCTREE)
        pictures = [
            picture.quantize(palette=shared, dither=Image.Dither.NONE) for picture in pictures
        ]
        palette = bytes(shared.getpalette() or ())
    # A palette given here is the global one; without it every frame carries a table of its own.
    try:
        with atomic_file(path) as file:
            pictures[0].save(
                file,
                format="GIF",
                save_all=True,
                append_images=pictures[1:],
                duration=frame_delay(frames_per_second),
                loop=0,
                palette=palette,
            )
    except OverflowError as error:  # frames that are alike are written as one that stays longer
        raise DataError(
            f"{path}: cannot be written: frames that are alike would stand for over"
            f" {LONGEST_SECONDS} seconds, the most that a GIF can say. Make fewer of them, or show"
            " more a second.",
            path=path,
        ) from error
