"""The options of ``ganzoo bench``, and what is told of wrong ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ganzoo.cli.measured import number_of_seconds
from ganzoo.cli.parser import add_json_option, add_point_option
from ganzoo.errors import UsageError
from ganzoo.registry.suggest import did_you_mean

SUBJECTS = ("ops", "step", "data")
BELONGS = {  # options, and the subjects that read them
    "dtype": ("ops",),
    "size": ("ops",),
    "layout": ("ops",),
    "compile": ("ops",),
    "device": ("ops", "step", "data"),
    "point": ("step", "data"),
    "data": ("step", "data"),
    "steps": ("step", "data"),
    "workers": ("step", "data"),
    "seconds": ("ops", "data"),
}
DTYPES = ("float32", "bfloat16", "float16", "float64")
LAYOUTS = ("channels_last", "contiguous")
STEPS = 5
OPS_SECONDS, DATA_SECONDS = 1.0, 3.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is measured, with what, and how long."""
    parser.usage = (
        "ganzoo bench ops [NAME ...] [--size N,C,H,W] [--dtype float32,bfloat16] [options]\n"
        "       ganzoo bench step RECIPE [key=value ...] [options]\n"
        "       ganzoo bench data [RECIPE] [key=value ...] [options]"
    )
    parser.add_argument("subject", nargs="?", metavar="ops|step|data", help="what to measure")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NAME|RECIPE|key=value",
        help="operations (default: all of them), or a recipe or run folder with its overrides",
    )
    parser.add_argument("--device", metavar="NAME", help="as of `ganzoo run` (default: auto)")
    add_point_option(parser)
    add_json_option(parser)
    ops = parser.add_argument_group("ops")
    ops.add_argument(
        "--dtype",
        metavar="NAMES",
        help="with commas between them (default: float32; on a GPU float32,bfloat16)",
    )
    ops.add_argument(
        "--size",
        action="append",
        type=_size,
        metavar="N,C,H,W",
        help="of the input; may be given several times (default: 8,128,32,32; on a GPU"
        " 8,128,256,256)",
    )
    ops.add_argument(
        "--layout", metavar="NAMES", help="channels_last (default), contiguous, or both"
    )
    ops.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        help="torch.compile the reference as well (default: on a GPU)",
    )
    recipe = parser.add_argument_group("step and data")
    recipe.add_argument("--data", metavar="PATH", help="where the pictures are, as of `ganzoo run`")
    recipe.add_argument(
        "--steps",
        type=_positive,
        metavar="N",
        help=f"training steps to measure (default: {STEPS}; data: none)",
    )
    recipe.add_argument(
        "--workers",
        type=_workers,
        metavar="N,N",
        help="threads that read pictures side by side (default: 0; data: 0,2,4)",
    )
    parser.add_argument(
        "--seconds",
        type=number_of_seconds,
        metavar="S",
        help=f"ops: for each comparison (default: {OPS_SECONDS:g}); data: for each number of"
        f" workers (default: {DATA_SECONDS:g})",
    )


def refuse_mismatch(args: argparse.Namespace) -> None:
    """Refuse a subject that there is not, and options that belong to another.

    Raises:
        UsageError: one of these was given.
    """
    subject = args.subject
    known = ", ".join(SUBJECTS)
    if subject is None:
        raise UsageError(
            f"ganzoo bench: say what to measure, as: ganzoo bench ops\n  There are: {known}"
        )
    if subject not in SUBJECTS:
        nearest = did_you_mean(subject, SUBJECTS)
        hint = f"Did you mean {nearest!r}?  " if nearest else ""
        raise UsageError(f"ganzoo bench measures no {subject!r}.\n  {hint}There are: {known}")
    for option, subjects in BELONGS.items():
        if subject not in subjects and getattr(args, option) is not None:
            raise UsageError(
                f"ganzoo bench {subject} takes no --{option}; it belongs to"
                f" {' and '.join(f'ganzoo bench {other}' for other in subjects)}."
            )


def names_of(option: str, text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The comma-separated values of an option; none where it was not given."""
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in known:
            nearest = did_you_mean(name, known)
            hint = f"Did you mean {nearest!r}?  " if nearest else ""
            raise UsageError(
                f"ganzoo bench: --{option} {name!r} is unknown.\n  {hint}There are:"
                f" {', '.join(known)}"
            )
    return names


def _size(text: str) -> tuple[int, int, int, int]:
    numbers = _numbers(text)
    if len(numbers) != 4 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write N,C,H,W as 8,128,32,32")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _workers(text: str) -> tuple[int, ...]:
    numbers = _numbers(text)
    if not numbers:
        raise argparse.ArgumentTypeError(f"{text!r} are no numbers of threads; write 0,2,4")
    return numbers


def _numbers(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them; none where the text is something else."""
    words = text.split(",")
    if not all(word.isascii() and word.isdigit() for word in words):
        return ()
    return tuple(map(int, words))


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of steps; write 5")
    return int(text)
