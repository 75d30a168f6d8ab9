"""Checks of feature extractors: pictures of any size in, rows of numbers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganzoo.testing.case import tensor_of
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.global_state import changes, global_state
from ganzoo.testing.subject import Subject

SIZES = ((16, 16), (9, 20), (70, 64))
ROUNDING = 1e-4  # of float32, where a batch may be cut in another way


def names_itself(subject: Subject) -> None:
    """``name`` and ``version`` are words that a report can print."""
    made = _made(subject)
    for field in ("name", "version"):
        value = getattr(made, field, None)
        expect(isinstance(value, str) and bool(value), f"{field} is {value!r}, not a word")


def gives_rows_of_one_width(subject: Subject) -> None:
    """[N, F] of a float type for pictures of every size, F the same for all."""
    made = _made(subject)
    widths = set()
    for size in SIZES:
        for count in (3, 1):
            features = tensor_of(made(pictures(size)[:count]), "[N, F]")
            expect(
                features.ndim == 2 and features.shape[0] == count,
                f"{count} pictures of {size} give the shape {list(features.shape)}, not [{count},"
                " F]",
            )
            expect(features.is_floating_point(), f"it gives {features.dtype}, no float type")
            expect(not features.requires_grad, "its features ask for gradients")
            widths.add(features.shape[1])
    expect(len(widths) == 1, f"its rows have the widths {sorted(widths)}; one is promised")


def is_the_same_wherever_it_is_built(subject: Subject) -> None:
    """Features depend on pictures and parameters alone, not on torch's generator."""
    torch.manual_seed(1)
    first = _made(subject)(pictures(SIZES[0]))
    torch.manual_seed(2)
    second = _made(subject)(pictures(SIZES[0]))
    expect(torch.equal(first, second), "built with another seed of torch, it gives other features")


def changes_nothing(subject: Subject) -> None:
    """A call leaves its pictures and everything global as they were, and repeats itself."""
    made = _made(subject)
    given = pictures(SIZES[0])
    before, state = given.clone(), global_state()
    first = made(given)
    expect(torch.equal(given, before), "it changes the pictures")
    changed = changes(state, global_state())
    expect(not changed, f"it changes {listed(changed)}")
    expect(torch.equal(first, made(given)), "a second call gives other features")


def pictures_are_independent(subject: Subject) -> None:
    """The features of a picture do not depend on those beside it."""
    made = _made(subject)
    given = pictures(SIZES[0])
    together, alone = made(given), torch.cat([made(given[i : i + 1]) for i in range(len(given))])
    error = float((together - alone).abs().max() / together.abs().max().clamp_min(1e-6))
    expect(error < ROUNDING, f"a picture alone has other features than in a batch, by {error:.2g}")


def tells_pictures_apart(subject: Subject) -> None:
    """Two pictures that differ have different features."""
    first, second, *_ = _made(subject)(pictures(SIZES[0]))
    expect(not torch.equal(first, second), "two different pictures have the same features")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a feature extractor."""
    del subject
    return (
        names_itself,
        gives_rows_of_one_width,
        is_the_same_wherever_it_is_built,
        changes_nothing,
        pictures_are_independent,
        tells_pictures_apart,
    )


def pictures(size: tuple[int, int], count: int = 3, seed: int = 0) -> Tensor:
    """Random uint8 [count, 3, H, W]."""
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 3, *size), generator=random, dtype=torch.uint8)


def _made(subject: Subject) -> Any:
    return subject.factory()(None)
