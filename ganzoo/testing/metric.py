"""Checks of metrics: a stream of pictures that may be cut, merged and put in another order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ganzoo.errors import DataError
from ganzoo.testing.failure import expect, listed
from ganzoo.testing.feature_extractor import pictures
from ganzoo.testing.global_state import changes, global_state
from ganzoo.testing.subject import Subject

FIELDS = ("real", "fake")
COUNT = 24  # pictures a field
SIZE = (16, 16)
ROUNDING = 1e-6  # relative; sums run in another order

Batch = Mapping[str, Tensor]


def describes_itself(subject: Subject) -> None:
    """``needs``, ``protocol`` and ``lower_is_better`` say what it reads and what it gives."""
    made = _made(subject)
    needs = getattr(made, "needs", None)
    expect(
        isinstance(needs, tuple) and bool(needs) and set(needs) <= set(FIELDS),
        f"needs is {needs!r}, not a tuple out of {FIELDS}",
    )
    protocol = getattr(made, "protocol", None)
    expect(
        isinstance(protocol, str) and bool(protocol) and "\n" not in protocol,
        f"protocol is {protocol!r}, not one line",
    )
    flag = getattr(made, "lower_is_better", None)
    expect(isinstance(flag, bool), f"lower_is_better is {flag!r}, not a truth value")


def gives_numbers_by_name(subject: Subject) -> None:
    """``compute`` gives finite floats under names."""
    values = _after(subject, _stream())
    expect(bool(values), "it computes nothing")
    for name, value in values.items():
        expect(
            isinstance(name, str) and isinstance(value, float) and math.isfinite(value),
            f"it gives {value!r} under {name!r}; promised is a finite float under a name",
        )


def merging_shards_equals_one_pass(subject: Subject) -> None:
    """Two that saw a part each, merged, say what one says that saw everything."""
    stream = _stream()
    whole = _after(subject, stream)
    for cut in (1, len(stream) // 2, len(stream) - 1, len(stream)):
        first, second = _made(subject), _made(subject)
        _feed(first, stream[:cut])
        _feed(second, stream[cut:])
        first.merge(second)
        _expect_same(first.compute(), whole, f"merged after batch {cut}")


def merging_leaves_the_other_alone(subject: Subject) -> None:
    """What was merged into another can be merged again, and goes on by itself."""
    stream = _stream()
    first, second = _made(subject), _made(subject)
    _feed(second, stream)
    before = dict(second.compute())
    first.merge(second)
    _feed(first, stream[:1])
    _expect_same(second.compute(), before, "after it was merged into another")


def order_does_not_matter(subject: Subject) -> None:
    """The same batches in reverse give the same numbers."""
    stream = _stream()
    _expect_same(_after(subject, stream[::-1]), _after(subject, stream), "with batches in reverse")


def asking_changes_nothing(subject: Subject) -> None:
    """``compute`` can be asked twice, and in the middle."""
    stream = _stream()
    made = _made(subject)
    _feed(made, stream[:-1])
    made.compute()
    _feed(made, stream[-1:])
    whole = _after(subject, stream)
    _expect_same(made.compute(), whole, "after it was asked in the middle")
    _expect_same(made.compute(), whole, "when it is asked again")


def leaves_global_state(subject: Subject) -> None:
    """Updating and computing draw from no global generator."""
    made = _made(subject)
    before = global_state()
    _feed(made, _stream())
    made.compute()
    changed = changes(before, global_state())
    expect(not changed, f"it changes {listed(changed)}")


def says_when_there_are_too_few(subject: Subject) -> None:
    """Asked before any picture, it raises a ``DataError``."""
    try:
        values = _made(subject).compute()
    except DataError:
        return
    expect(False, f"without a picture it gives {dict(values)!r}; a DataError is promised")


def checks(subject: Subject) -> tuple[Callable[[Subject], None], ...]:
    """The checks of a metric."""
    del subject
    return (
        describes_itself,
        gives_numbers_by_name,
        merging_shards_equals_one_pass,
        merging_leaves_the_other_alone,
        order_does_not_matter,
        asking_changes_nothing,
        leaves_global_state,
        says_when_there_are_too_few,
    )


def _stream() -> list[Batch]:
    """Uneven batches of reals, of fakes, and of both."""
    real, fake = (pictures(SIZE, COUNT, seed) for seed in (1, 2))
    return [
        {"real": real[:5]},
        {"fake": fake[:9]},
        {"real": real[5:17], "fake": fake[9:16]},
        {"fake": fake[16:]},
        {"real": real[17:]},
    ]


def _made(subject: Subject) -> Any:
    return subject.factory()(None)


def _feed(metric: Any, stream: Sequence[Batch]) -> None:
    for batch in stream:
        metric.update(batch)


def _after(subject: Subject, stream: Sequence[Batch]) -> Mapping[str, float]:
    made = _made(subject)
    _feed(made, stream)
    values: Mapping[str, float] = made.compute()
    return values


def _expect_same(found: Mapping[str, float], wanted: Mapping[str, float], when: str) -> None:
    expect(list(found) == list(wanted), f"{when} its numbers have other names: {list(found)}")
    for name, value in wanted.items():
        expect(
            math.isclose(found[name], value, rel_tol=ROUNDING, abs_tol=ROUNDING),
            f"{when} {name} is {found[name]:.9g} instead of {value:.9g}",
        )
