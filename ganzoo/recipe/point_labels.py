"""Short names for the points of a grid: what tells them apart, as a table would say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ganzoo.recipe.axes import Axis
from ganzoo.recipe.describe import shown
from ganzoo.recipe.merge import as_slot
from ganzoo.recipe.tree import Branch, Leaf, Node, plain
from ganzoo.registry.types import Value

_LONGEST = 32
_BETWEEN = " \N{MULTIPLICATION SIGN} "


def axis_labels(axis: Axis) -> tuple[str, ...]:
    """A short text for each value of an axis, no two of them alike.

    A component goes by its name without the vendor, with its parameters where several values name
    it; other values by the last word of the path and the value: ``batch=16``.
    """
    short = [_component(value, axis) for value in axis.values]
    times = Counter(short)
    labels = [
        text if text is not None and times[text] == 1 else _in_full(value, axis)
        for text, value in zip(short, axis.values, strict=True)
    ]
    times = Counter(labels)
    return tuple(
        label if len(label) <= _LONGEST and times[label] == 1 else f"{axis.words[-1]}[{position}]"
        for position, label in enumerate(labels)
    )


def point_label(parts: Sequence[str]) -> str:
    """The labels of a point's values, axis by axis: ``original × skip``."""
    return _BETWEEN.join(parts)


def _component(value: Node, axis: Axis) -> str | None:
    """The name of the component that a value chooses, without its vendor."""
    name = _use(value, axis)
    return None if name is None else name.rpartition("/")[2]


def _use(value: Node, axis: Axis) -> str | None:
    node = as_slot(value)
    use = node.entries.get("use") if isinstance(node, Branch) else None
    if axis.words[-1] == "use":
        use = value
    return use.value if isinstance(use, Leaf) and isinstance(use.value, str) else None


def _in_full(value: Node, axis: Axis) -> str:
    name = _use(value, axis)
    if name is None:
        return f"{axis.words[-1]}={_bare(plain(value))}"
    rest = value.entries if isinstance(value, Branch) else {}
    given = ", ".join(f"{k}={_bare(plain(v))}" for k, v in rest.items() if k != "use")
    return f"{name} ({given})" if given else name


def _bare(value: Value) -> str:
    return value if isinstance(value, str) else shown(value)
