"""What a value must be beyond its type, in the rooms that are not components.

A component checks its own parameters in its constructor; kinds give the least values of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.errors import BadValue
from ganzoo.recipe.describe import shown
from ganzoo.recipe.place import Problems
from ganzoo.recipe.slots import Settled


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence about one value, and whether it holds; None always does."""

    expected: str
    holds: Callable[[Any], bool]


_AT_LEAST_ONE = Rule("at least 1", lambda value: value >= 1)
_ABOVE_ZERO = Rule("more than 0", lambda value: value > 0)
_NOT_NEGATIVE = Rule("0 or more", lambda value: value >= 0)

RULES: Mapping[str, Rule] = {
    "name": Rule(
        "a name without slashes or line breaks",
        lambda value: value.isprintable() and value.strip() != "" and not set(value) & set("/\\"),
    ),
    "data.resolution": Rule(
        "sides of at least 4",
        lambda value: min(value if isinstance(value, tuple) else (value,)) >= 4,
    ),
    "task.base": Rule("sides of at least 1", lambda value: min(value) >= 1),
    "training.images": _AT_LEAST_ONE,
    "training.batch": _AT_LEAST_ONE,
    "training.micro_batch": _AT_LEAST_ONE,
    "training.precision.low_resolutions": _NOT_NEGATIVE,
    "training.seed": Rule("from 0 to 2^63 - 1", lambda value: 0 <= value < 2**63),
    "training.optimizer.lr": _ABOVE_ZERO,
    "training.optimizer.betas": Rule(
        "both from 0 to below 1", lambda value: all(0 <= beta < 1 for beta in value)
    ),
    "training.optimizer.eps": _ABOVE_ZERO,
    "training.ema.half_life_images": _ABOVE_ZERO,
    "training.ema.ramp_up": _ABOVE_ZERO,
    "training.ema.decay_per_step": Rule("from 0 to below 1", lambda value: 0 <= value < 1),
    "watch.every_images": _AT_LEAST_ONE,
    "watch.every_minutes": _ABOVE_ZERO,
    "watch.checkpoints.keep": _AT_LEAST_ONE,
}


def check_rules(settled: Mapping[str, Settled], problems: Problems) -> None:
    """Note every value that breaks its rule, and batches that fit neither budget nor each other."""
    for path, rule in RULES.items():
        found = settled.get(path)
        if found is not None and found.value is not None and not rule.holds(found.value):
            problems.add(
                BadValue,
                f"expected {rule.expected}, found {shown(found.value)}",
                found.place,
                path,
            )
    part, whole = settled.get("training.micro_batch"), settled.get("training.batch")
    budget = settled.get("training.images")
    if whole is not None and budget is not None and 1 <= budget.value < whole.value:
        problems.add(
            BadValue,
            f"expected at most training.images, which is {budget.value}, found {whole.value}",
            whole.place,
            "training.batch",
        )
    if part is None or whole is None or not part.value or part.value < 0:
        return
    if whole.value % part.value:
        problems.add(
            BadValue,
            f"expected a divisor of training.batch, which is {whole.value}, found {part.value}",
            part.place,
            "training.micro_batch",
        )
