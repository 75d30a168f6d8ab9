"""Checks of data sets: named fields by index, and what they say of themselves."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.global_state import changes, global_state
from ganzoo.testing.sites import usual_site
from ganzoo.testing.subject import Subject

LOOKED_AT = 6


def describes_itself(subject: Subject) -> None:
    """Length, resolution, channels and classes are plain numbers and names that fit together."""
    data = _made(subject)
    expect(len(data) > 0, "it is empty")
    resolution = data.resolution
    fits = isinstance(resolution, tuple) and len(resolution) == 2
    expect(
        fits and all(type(side) is int and side > 0 for side in resolution),
        f"resolution is {resolution!r}, not (height, width)",
    )
    for name, least in (("channels", 1), ("label_width", 0)):
        value = getattr(data, name)
        expect(type(value) is int and value >= least, f"{name} is {value!r}, not a number")
    names = data.class_names
    expect(
        isinstance(names, tuple) and len(names) == data.label_width,
        f"class_names has {len(names)} names for a label_width of {data.label_width}",
    )


def gives_declared_fields(subject: Subject) -> None:
    """Every item has a uint8 image of the declared shape and, with classes, a one-hot label."""
    data = _made(subject)
    first = {name: (value.shape, value.dtype) for name, value in data[0].items()}
    for index in _indices(data):
        item = data[index]
        expect("image" in item, f"item {index} has no field 'image', only {listed(item)}")
        _expect_array("image", item["image"], (data.channels, *data.resolution), np.uint8)
        expect(
            ("label" in item) == (data.label_width > 0),
            f"label_width is {data.label_width}, but the fields are {listed(item)}",
        )
        if data.label_width:
            _expect_array("label", item["label"], (data.label_width,), np.float32)
            one_hot = sorted(item["label"].tolist()) == [0.0] * (data.label_width - 1) + [1.0]
            expect(one_hot, f"the label of item {index} is not one-hot: {item['label'].tolist()}")
        here = {name: (value.shape, value.dtype) for name, value in item.items()}
        expect(here == first, f"item {index} has other fields or shapes than item 0")


def honours_its_site(subject: Subject) -> None:
    """A resolution and channels that a recipe fixes are what it gives, or it refuses them."""
    site = usual_site(subject)
    for wanted in (
        replace(site, resolution=(8, 8), channels=1),
        replace(site, resolution=(12, 8), base=(3, 2), channels=3),
    ):
        try:
            data = subject.factory()(wanted)
        except GanzooError:
            continue
        expect(
            data.resolution == wanted.resolution, f"{wanted.resolution} became {data.resolution}"
        )
        expect(data.channels == wanted.channels, f"{wanted.channels} channels: {data.channels}")
        _expect_array("image", data[0]["image"], (wanted.channels, *wanted.resolution), np.uint8)


def labels_agree_with_items(subject: Subject) -> None:
    """``label(i)``, which reads no picture, is the label of item i; None without classes."""
    data = _made(subject)
    for index in _indices(data):
        alone = data.label(index)
        if not data.label_width:
            expect(alone is None, f"label({index}) is {alone!r} although there are no classes")
        else:
            same = alone is not None and np.array_equal(alone, data[index]["label"])
            expect(same, f"label({index}) is not the label of item {index}")


def fingerprint_is_stable(subject: Subject) -> None:
    """Two constructions over the same content have the same hexadecimal fingerprint."""
    first, second = (_made(subject).fingerprint for _ in range(2))
    expect(
        isinstance(first, str) and re.fullmatch("[0-9a-f]{8,}", first) is not None,
        f"its fingerprint is {first!r}, not a hex digest",
    )
    expect(first == second, f"its fingerprint was {first!r}, then {second!r}, of the same content")


def items_are_deterministic(subject: Subject) -> None:
    """Item i is always the same, and reading it draws from no global generator."""
    data, again = _made(subject), _made(subject)
    before = global_state()
    items = [data[index] for index in _indices(data)]
    changed = changes(before, global_state())
    expect(not changed, f"reading items changes {listed(changed)}")
    for index, item in zip(_indices(data), items):
        _expect_same(item, data[index], f"item {index} is another the second time")
        _expect_same(item, again[index], f"item {index} is another in a second construction")


def pickles(subject: Subject) -> None:
    """It can be sent to another process, and is the same there."""
    data = _made(subject)
    try:
        copy = pickle.loads(pickle.dumps(data))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        expect(False, f"it cannot be pickled: {error}")
    expect(copy.fingerprint == data.fingerprint, "its fingerprint changes when it is pickled")
    _expect_same(data[0], copy[0], "item 0 changes when the data set is pickled")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a data set."""
    del subject
    return (
        describes_itself,
        gives_declared_fields,
        honours_its_site,
        labels_agree_with_items,
        fingerprint_is_stable,
        items_are_deterministic,
        pickles,
    )


def _made(subject: Subject) -> Any:
    return subject.factory()(usual_site(subject))


def _indices(data: Any) -> list[int]:
    """A few places over the whole length, both ends among them."""
    count = min(LOOKED_AT, len(data))
    return sorted({round(place) for place in np.linspace(0, len(data) - 1, count)})


def _expect_array(name: str, value: Any, shape: tuple[int, ...], dtype: type[Any]) -> None:
    expect(
        isinstance(value, np.ndarray) and value.shape == shape and value.dtype == dtype,
        f"{name} is {getattr(value, 'dtype', type(value).__name__)} {getattr(value, 'shape', '')};"
        f" declared is {np.dtype(dtype)} {shape}",
    )


def _expect_same(first: Mapping[str, Any], second: Mapping[str, Any], sentence: str) -> None:
    same = list(first) == list(second)
    expect(same and all(np.array_equal(first[name], second[name]) for name in first), sentence)
