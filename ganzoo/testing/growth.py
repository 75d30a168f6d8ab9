"""Checks of growths: from images shown to the size of the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ganzoo.registry.contracts import GrowthSite, GrowthState
from ganzoo.testing.failure import expect
from ganzoo.testing.sites import variants
from ganzoo.testing.subject import Subject

TOPS = (0, 1, 5)
IMAGES = tuple(sorted({0, 1, *(int(1.5**k) for k in range(46))}))  # to 8e7, past published budgets


def gives_states_its_networks_have(subject: Subject) -> None:
    """Levels are 0 to the top, a fade is above 0 and at most 1, batches and rates are sizes."""
    for top, growth in _made(subject):
        for images in IMAGES:
            state = growth.at(images)
            expect(isinstance(state, GrowthState), f"at({images}) is {type(state).__name__}")
            where = f"at({images}) with top level {top}"
            expect(
                type(state.level) is int and 0 <= state.level <= top,
                f"{where} says level {state.level!r}",
            )
            expect(0 < state.fade <= 1, f"{where} says fade {state.fade!r}")
            expect(
                state.batch is None or (type(state.batch) is int and state.batch > 0),
                f"{where} says batch {state.batch!r}",
            )
            expect(state.lr is None or state.lr > 0, f"{where} says lr {state.lr!r}")
            expect(state.lr_scale >= 0, f"{where} says lr_scale {state.lr_scale!r}")


def never_shrinks(subject: Subject) -> None:
    """With more images, the level or the fade within it rises or stays."""
    for top, growth in _made(subject):
        before = (-1, 0.0)
        for images in IMAGES:
            state = growth.at(images)
            now = (state.level, state.fade)
            expect(now >= before, f"at({images}) with top level {top} falls from {before} to {now}")
            before = now


def is_a_function_of_the_images(subject: Subject) -> None:
    """Asked in another order, by another instance, it gives the same: a run can resume anywhere."""
    for (top, growth), (_, another) in zip(_made(subject), _made(subject)):
        first = [growth.at(images) for images in IMAGES]
        again = [another.at(images) for images in reversed(IMAGES)]
        expect(
            first == again[::-1],
            f"with top level {top} it depends on the order in which it is asked",
        )


def reaches_the_top(subject: Subject) -> None:
    """Some day the networks are whole."""
    for top, growth in _made(subject):
        last = growth.at(10**12)
        expect(
            (last.level, last.fade) == (top, 1.0),
            f"after 10^12 images it is at level {last.level} of {top}, fade {last.fade}",
        )


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a growth."""
    del subject
    return (
        gives_states_its_networks_have,
        never_shrinks,
        is_a_function_of_the_images,
        reaches_the_top,
    )


def _made(subject: Subject) -> Iterator[tuple[int, Any]]:
    for given in variants(subject):
        for top in TOPS:
            yield top, subject.factory(**given)(GrowthSite(top=top))
