"""Picks the command, runs it, and turns what goes wrong into one message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from types import ModuleType, TracebackType

from ganzoo.cli.parser import CommandParser, add_global_options, split_command
from ganzoo.errors import GanzooError, UsageError

COMMANDS = (
    "run",
    "sample",
    "list",
    "show",
    "check",
    "diff",
    "inspect",
    "fit",
    "grid",
    "ablate",
    "import",
    "export",
    "plugins",
    "bench",
    "doctor",
)

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    sys.excepthook = _our_fault
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except GanzooError as error:
        if "--traceback" in words:
            traceback.print_exception(error)
        else:
            print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        print(f"\nStopped. {interrupt}".rstrip(), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at exit; by then nobody must be listening for errors.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _dispatch(words: list[str]) -> int:
    before, name, after = split_command(words)
    if name is None:
        return _without_command(before)
    if name not in COMMANDS:
        raise UsageError(_unknown_command(name))
    if "-h" in before or "--help" in before:
        after = ["--help"]
    command = module_of(name)
    parser = CommandParser(prog=f"ganzoo {name}", description=command.__doc__)
    command.add_arguments(parser)
    add_global_options(parser)
    args = parser.parse_intermixed_args([*before, *after])
    return int(command.run(args))


def _without_command(words: list[str]) -> int:
    parser = CommandParser(
        prog="ganzoo",
        usage="ganzoo COMMAND ...",
        description=_overview(),
    )
    add_global_options(parser)
    parser.parse_args(words)
    print(parser.format_help(), file=sys.stderr, end="")
    return UsageError.exit_code


def _overview() -> str:
    lines = [f"  {name:<9} {_summary(module_of(name))}" for name in COMMANDS]
    first = "first steps:\n  ganzoo run quickstart\n  ganzoo sample runs/<the folder it names>"
    about = "A zoo of GAN architectures in which every animal is a plugin."
    return f"{about}\n\ncommands:\n" + "\n".join(lines) + f"\n\n{first}"


def module_of(command: str) -> ModuleType:
    """The module of a command."""
    # a command may be a word that Python keeps to itself
    return import_module(f"ganzoo.cli.{command}{'_' * iskeyword(command)}")


def _summary(module: ModuleType) -> str:
    return (module.__doc__ or "").partition("\n")[0]


def _unknown_command(name: str) -> str:
    from ganzoo.registry.suggest import did_you_mean

    nearest = did_you_mean(name, COMMANDS)
    hint = f"  Did you mean {nearest!r}?" if nearest else " "
    return f"ganzoo has no command {name!r}.\n{hint}  Commands: {', '.join(COMMANDS)}"


def _our_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    traceback.print_exception(kind, error, trace)
    print(
        "\nThis is a mistake in ganzoo, not in what you asked for. Please report it with the lines "
        "above and what `ganzoo doctor` says.",
        file=sys.stderr,
    )
