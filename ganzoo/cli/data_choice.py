"""Which data set a recipe is trained on: its own, the one that --data fills, or the digits."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The data sets of ours that need no path; --data PATH replaces them.
EMBEDDED = ("ganzoo/digits", "ganzoo/shapes")
DIGITS = "1,618 handwritten digits that ship with scikit-learn"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    """What becomes of the data slot.

    Args:
        use: component that fills it, whatever the recipe names there; None: the recipe's own.
        path: that goes with it, or None.
        overrides: of the recipe, before those of the user.
        digits: whether the embedded digits step in because nothing was given.
    """

    use: str | None = None
    path: Path | None = None
    overrides: tuple[str, ...] = ()
    digits: bool = False


def choose_data(use: str | None, data: Path | None, *, explicit: bool) -> DataChoice:
    """The choice for a recipe that names ``use`` there (None: it leaves the slot to its user).

    A data set that the recipe names keeps its name; the embedded ones give way to ``--data``, but
    not to ``GANZOO_DATA``: an environment does not change what a recipe says.

    Args:
        data: what the user or the environment gave.
        explicit: whether the user gave it.
    """
    if use is None and data is None:
        return DataChoice(use="ganzoo/digits", overrides=("data.mirror=false",), digits=True)
    if use is None or (use in EMBEDDED and explicit):
        return DataChoice(use="ganzoo/image-folder", path=data)
    return DataChoice(path=None if use in EMBEDDED else data)


def choosing(overrides: Sequence[str]) -> list[str]:
    """The overrides that name a data set; others may only make sense once it is chosen."""
    return [text for text in overrides if re.match(r"data(\.use)?=", text)]


def data_path(given: str | None) -> Path | None:
    """What ``--data`` or ``GANZOO_DATA`` says."""
    path = given or os.environ.get("GANZOO_DATA")
    return Path(path).expanduser() if path else None
