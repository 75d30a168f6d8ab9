"""A recipe measured on this machine, with a bar that says what is being measured."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.recipe.model import Recipe

if TYPE_CHECKING:
    import torch

    from ganzoo.training.fit.outlook import Outlook

_UNITS = {"": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

LONGEST = 60.0  # seconds of one measurement, unless told otherwise


def measured(
    recipe: Recipe,
    *,
    data: Path | None,
    device: torch.device,
    workers: int = 0,
    sizes: Sequence[int] = (),
    seconds: float = LONGEST,
    memory: int | None = None,
) -> Outlook:
    """What ``fit`` of ``ganzoo.training.fit.fitting`` finds, with a bar on the terminal."""
    from tqdm import tqdm

    from ganzoo.training.fit.fitting import SIZES, fit

    planned = len(set(sizes)) if sizes else len(SIZES) + 1
    with tqdm(total=planned, unit="measurement", desc="measuring", leave=False) as bar:
        running = False

        def watch(share: int) -> None:
            nonlocal running
            bar.update(int(running))
            running = True
            bar.set_postfix_str(f"{share} image{'s' * (share > 1)} at a time")

        return fit(
            recipe,
            data=data,
            device=device,
            sizes=sizes,
            workers=workers,
            seconds=seconds,
            memory=memory,
            watch=watch,
        )


def memory_size(text: str) -> int:
    """A number of bytes, for ``argparse``: ``8GiB``, ``800 MB``, ``4000000000``.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([A-Za-z]*)", text, re.ASCII)
    factor = _UNITS.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory; write 8GiB")
    return int(float(found[1]) * factor)


def number_of_seconds(text: str) -> float:
    """Seconds, for ``argparse``: above 0, and finite.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write 60")
    return seconds
