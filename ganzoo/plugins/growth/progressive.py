"""Hold a resolution, fade the next one in, and so on to the last (ProGAN, 2 and App. A)."""

from __future__ import annotations

from collections.abc import Mapping

from ganzoo.errors import BadValue
from ganzoo.registry.contracts import GrowthSite, GrowthState

__all__ = ["ProgressiveGrowth"]


class ProgressiveGrowth:
    """The networks train ``hold`` images at a resolution, then fade the next one in over ``fade``.

    Resolutions are nominal, 4 x 2^level, whatever the base grid is; tables may name resolutions
    that these networks never reach. Batch and learning rate change when a fade begins. The
    published loops look at the schedule every fourth batch only; this one is exact at every step.

    Args:
        start: resolution to begin with.
        hold_images: images at a full resolution before the next one begins to fade in.
        fade_images: images that a fade takes; 0: the next resolution is there at once.
        hold: images at a full resolution, for those that differ from ``hold_images``.
        fade: images of the fade that leads to a resolution, where it differs from ``fade_images``.
        batch: samples a step by resolution; others: the recipe's.
        lr: learning rate by resolution; others: the recipe's.
        lr_ramp_up_images: images in which the learning rate rises from 0 in a line; 0: none.
    """

    def __init__(
        self,
        site: GrowthSite,
        *,
        start: int = 4,
        hold_images: int = 600_000,
        fade_images: int = 600_000,
        hold: Mapping[int, int] = {},
        fade: Mapping[int, int] = {},
        batch: Mapping[int, int] = {},
        lr: Mapping[int, float] = {},
        lr_ramp_up_images: int = 0,
    ) -> None:
        self._top = site.top
        tables: Mapping[str, Mapping[int, float]] = {
            "hold": hold,
            "fade": fade,
            "batch": batch,
            "lr": lr,
        }
        levels = {
            name: {_level(resolution, name): value for resolution, value in table.items()}
            for name, table in tables.items()
        }
        self._start = _level(start, "start")
        if self._start > site.top:
            raise BadValue(
                f"growing starts at {start}, but the images end at {4 << site.top}; expected a "
                "resolution that the networks have",
                path="start",
            )
        _refuse_below(0, "hold_images", hold_images)
        _refuse_below(0, "fade_images", fade_images)
        _refuse_below(0, "lr_ramp_up_images", lr_ramp_up_images)
        for name in ("hold", "fade"):
            _refuse_below(0, name, *levels[name].values())
        _refuse_below(1, "batch", *levels["batch"].values())
        if any(rate <= 0 for rate in lr.values()):
            raise BadValue(f"lr is {dict(lr)!r}; expected more than 0", path="lr")
        self._batch = {level: int(value) for level, value in levels["batch"].items()}
        self._lr = levels["lr"]
        self._ramp_up = lr_ramp_up_images
        self._hold = {k: levels["hold"].get(k, hold_images) for k in range(site.top + 1)}
        self._fade = {k: levels["fade"].get(k, fade_images) for k in range(site.top + 1)}

    def at(self, images: int) -> GrowthState:
        """The state after ``images`` images."""
        level, fade = self._size(images)
        return GrowthState(
            level=level,
            fade=fade,
            batch=self._batch.get(level),
            lr=self._lr.get(level),
            lr_scale=min(images / self._ramp_up, 1.0) if self._ramp_up else 1.0,
        )

    def _size(self, images: int) -> tuple[int, float]:
        left: float = images
        for level in range(self._start, self._top):
            left -= self._hold[level]
            fading = self._fade[level + 1]
            # a level that is held and has no fade ends when its images are shown, not one later
            if left < 0 or (left == 0 and fading):
                return level, 1.0
            if left < fading:
                return level + 1, left / fading
            left -= fading
        return self._top, 1.0


def _level(resolution: int, name: str) -> int:
    level = resolution.bit_length() - 3
    if level < 0 or 4 << level != resolution:
        raise BadValue(
            f"{name} names the resolution {resolution!r}; expected 4, 8, 16 and so on", path=name
        )
    return level


def _refuse_below(least: int, name: str, *values: float) -> None:
    for value in values:
        if value < least:
            raise BadValue(f"{name} is {value!r}; expected {least} or more", path=name)
