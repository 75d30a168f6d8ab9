"""Numbers as a report writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ganzoo.registry.types import written


def duration(seconds: float) -> str:
    """A length of time: ``42 s``, ``17 min``, ``3.2 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def memory(amount: int | None) -> str:
    """Bytes as MiB or GiB."""
    if amount is None:
        return "-"
    mebibytes = amount / 2**20
    return f"{mebibytes:,.0f} MiB" if mebibytes < 10_000 else f"{mebibytes / 1024:,.1f} GiB"


def figure(value: float | None, digits: int = 4) -> str:
    """A measured number with so many significant digits, never in powers of ten below 10^6."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def spread(values: list[float]) -> str:
    """Mean and standard deviation (divisor n - 1): ``4.21 ± 0.13``; without the latter for one."""
    if not values:
        return "-"
    middle = mean(values)
    if len(values) == 1:
        return figure(middle)
    deviation = standard_deviation(values)
    if not (math.isfinite(middle) and math.isfinite(deviation)) or middle == 0:
        return f"{figure(middle)} ± {figure(deviation)}"
    places = max(0, 3 - math.floor(math.log10(abs(middle))))
    return f"{figure(middle)} ± {deviation:,.{places}f}"


def mean(values: list[float]) -> float:
    """Arithmetic mean; NaN of nothing."""
    return sum(values) / len(values) if values else math.nan


def standard_deviation(values: list[float]) -> float:
    """Of a sample: divisor n - 1; NaN of fewer than two."""
    if len(values) < 2:
        return math.nan
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def amount(count: int | None) -> str:
    """A large count in three digits: ``24.9 M``, ``1.80 G``."""
    if count is None:
        return "-"
    rounded = float(f"{count:.3g}")  # first, since 999,999 is no 1,000 k
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rounded >= limit:
            return f"{rounded / limit:#.3g}".rstrip(".") + f" {letter}"
    return str(count)


def brief(value: Any) -> str:
    """A value of an axis in a word or two: vendors and folders left out."""
    if isinstance(value, Mapping) and "use" in value:
        rest = {key: inner for key, inner in value.items() if key != "use"}
        more = f" {written(rest)}" if rest else ""
        return f"{brief(value['use'])}{more}"
    text = written(value)
    return text.rpartition("/")[2].removesuffix(".yaml") if isinstance(value, str) else text
