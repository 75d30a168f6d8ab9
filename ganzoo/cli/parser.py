"""Reading the command line: which word is the command, and the options every command takes."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ganzoo import __version__
from ganzoo.errors import UsageError
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.suggest import did_you_mean

_TAKES_A_VALUE = ("-p", "--plugin", "--no-plugin")


class CommandParser(argparse.ArgumentParser):
    """An argument parser that complains by ``UsageError`` and never guesses an abbreviation."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        message = message.replace(", key=value", "")  # may be left out
        hint = ""
        for wrong in re.findall(r"(?<=unrecognized arguments: )--[\w-]+", message):
            nearest = did_you_mean(wrong, re.findall(r"--[a-z][a-z-]+", self.format_help()))
            hint = f"Did you mean {nearest!r}?  " if nearest else ""
        raise UsageError(f"{self.prog}: {message}\n  {hint}See: {self.prog} --help")


def split_command(words: Sequence[str]) -> tuple[list[str], str | None, list[str]]:
    """What stands before the command, the command (None: there is none), and what follows."""
    index = 0
    while index < len(words):
        word = words[index]
        if word in _TAKES_A_VALUE:
            index += 2
        elif word.startswith("-"):
            index += 1
        else:
            return list(words[:index]), word, list(words[index + 1 :])
    return list(words), None, []


def add_global_options(parser: argparse.ArgumentParser) -> None:
    """The options that stand before or after any command."""
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "-p",
        "--plugin",
        action="append",
        default=[],
        metavar="VENDOR=MODULE",
        help="add a plugin that is not installed: a module, or a folder as vendor=./folder",
    )
    group.add_argument(
        "--no-plugin",
        action="append",
        default=[],
        metavar="VENDOR",
        help="do not load this vendor's plugin ('*': none but ganzoo)",
    )
    group.add_argument("--traceback", action="store_true", help="show the stack trace of a message")
    group.add_argument("--version", action="version", version=f"ganzoo {__version__}")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``, for every command that lists."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_point_option(parser: argparse.ArgumentParser) -> None:
    """``--point N``, for every command that takes one recipe and may be given a grid of them."""
    parser.add_argument(
        "--point",
        type=point_index,
        metavar="N",
        help="the point of a grid to take, as ganzoo grid numbers them from 0",
    )


def registry_from(args: argparse.Namespace) -> Registry:
    """The registry that these arguments and the environment ask for.

    The arguments are then written to the environment, where ranks, loader workers and
    ``ganzoo.load`` find them.
    """
    from ganzoo.registry.discovery import discover

    registry = discover(disabled=tuple(args.no_plugin), extra=tuple(args.plugin))
    if args.plugin:
        given = [_absolute(value) for value in args.plugin]
        _prepend("GANZOO_PLUGINS", given, ",")
    if args.no_plugin:
        _prepend("GANZOO_DISABLE", args.no_plugin, ",")
    return registry


def point_index(text: str) -> int:
    """The number of a point, for ``argparse``.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a point; write 4")
    return int(text)


def _absolute(value: str) -> str:
    vendor, _, where = value.partition("=")
    names_a_folder = "/" in where or os.sep in where or where.startswith(".")
    return f"{vendor}={Path(where).expanduser().resolve()}" if names_a_folder else value


def _prepend(variable: str, values: Sequence[str], separator: str) -> None:
    present = [part for part in (os.environ.get(variable),) if part]
    os.environ[variable] = separator.join([*values, *present])
