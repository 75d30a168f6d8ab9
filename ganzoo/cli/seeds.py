"""Reading numbers of the command line: seeds, layers, and the classes of a run."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.errors import UsageError
from ganzoo.registry.suggest import did_you_mean

LARGEST_SEED = 2**32 - 1
MOST_NUMBERS = 100_000


def parse_numbers(text: str, what: str = "seeds") -> tuple[int, ...]:
    """``0-15,20`` as 0, 1, ..., 15, 20; ranges include both ends, the written order stays.

    Raises:
        UsageError: something else is written.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _is_number(first) or (dash and not _is_number(last)):
            raise UsageError(f"{what} {text!r}: {part!r} is no number and no range. Write 0-15,20.")
        low, high = int(first), int(last or first)
        if high < low:
            raise UsageError(f"{what} {text!r}: the range {part!r} runs backwards.")
        if high > LARGEST_SEED or len(numbers) + high - low >= MOST_NUMBERS:
            raise UsageError(
                f"{what} {text!r}: at most {MOST_NUMBERS:,} numbers up to {LARGEST_SEED} are taken."
            )
        numbers.extend(range(low, high + 1))
    return tuple(numbers)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def parse_layers(text: str, num_styles: int) -> tuple[int, ...]:
    """Layers of a generator, as ``0-6``.

    Raises:
        UsageError: one of them is not in ``0 .. num_styles - 1``.
    """
    layers = parse_numbers(text, "styles")
    if max(layers) >= num_styles:
        raise UsageError(
            f"styles {text!r}: this generator has the styles 0-{num_styles - 1}, "
            f"there is no {max(layers)}."
        )
    return layers


def parse_classes(text: str, names: Sequence[str], width: int) -> tuple[int, ...]:
    """Indices of comma-separated classes, each a name or an index; a name wins over an index.

    Args:
        text: as the user wrote it.
        names: of the classes; may be empty.
        width: number of classes.

    Raises:
        UsageError: the run has no classes, or not this one.
    """
    if not width:
        raise UsageError(f"class {text!r}: this run was trained without labels; leave --class out.")
    return tuple(_class(part.strip(), names, width) for part in text.split(","))


def _class(word: str, names: Sequence[str], width: int) -> int:
    if word in names:
        return list(names).index(word)
    if _is_number(word) and int(word) < width:
        return int(word)
    nearest = did_you_mean(word, names)
    hint = f"Did you mean {nearest!r}?  " if nearest else ""
    known = f"Classes: {', '.join(names)}" if names else f"Classes: 0-{width - 1}"
    raise UsageError(f"there is no class {word!r}.\n  {hint}{known}")
