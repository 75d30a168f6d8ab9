from __future__ import annotations

import pytest

from ganzoo import __version__
from ganzoo.cli.main import COMMANDS

HEAVY = "('torch', 'numpy', 'PIL', 'sklearn', 'tensorboard')"


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["list"],
        ["list", "--json"],
        ["show", "loss", "logistic"],
        ["plugins"],
        ["check", "quickstart"],
        ["show", "quickstart", "--origin"],
        ["diff", "quickstart", "stylegan2-e"],
        ["grid", "quickstart"],
    ],
    ids=" ".join,
)
def test_a_light_command_imports_nothing_heavy(python, words):
    script = (
        "import sys\nfrom ganzoo.cli.main import main\n"
        f"try:\n    code = main({words!r})\nexcept SystemExit as end:\n    code = end.code\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert code == 0, code\nassert not heavy, heavy\n"
    )
    _, err = python("-c", script).communicate(timeout=60)
    assert err == ""


def test_help_names_every_command_in_one_sentence(ganzoo):
    result = ganzoo("--help")
    assert result.code == 0
    lines = {line.split()[0]: line for line in result.out.splitlines() if line.startswith("  ")}
    for command in COMMANDS:
        assert len(lines[command].split()) > 3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(ganzoo, command):
    result = ganzoo(command, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: ganzoo {command}")
    assert "--no-plugin" in result.out


def test_help_before_a_command_is_its_help(ganzoo):
    assert ganzoo("--help", "diff").out.startswith("usage: ganzoo diff")


@pytest.mark.parametrize("words", [["--version"], ["list", "--version"]], ids=" ".join)
def test_the_version_is_told_before_and_after_a_command(ganzoo, words):
    result = ganzoo(*words)
    assert (result.code, result.out.strip()) == (0, f"ganzoo {__version__}")


def test_nothing_at_all_gets_the_help_and_a_failing_code(ganzoo):
    result = ganzoo()
    assert result.code == 2
    assert "commands:" in result.one_message


def test_an_unknown_command_gets_its_neighbour_named(ganzoo):
    result = ganzoo("lsit")
    assert result.code == 2
    assert result.one_message.startswith("ganzoo has no command 'lsit'.")
    assert "Did you mean 'list'?" in result.err


def test_an_unknown_option_is_one_message(ganzoo):
    result = ganzoo("list", "--jason")
    assert result.code == 2
    assert "--jason" in result.one_message
    assert "Did you mean '--json'?" in result.err
    assert "ganzoo list --help" in result.err


def test_a_stack_trace_is_shown_when_asked_for(ganzoo):
    result = ganzoo("--traceback", "lsit")
    assert result.code == 2
    assert "Traceback" in result.err


def test_a_closed_pipe_is_quiet(python):
    process = python("-m", "ganzoo", "list", "--json")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141


def test_a_mistake_of_ours_shows_its_trace_and_asks_for_a_report(python):
    script = (
        "import sys\nfrom ganzoo.cli import list as command\nfrom ganzoo.cli.main import main\n"
        "command.run = lambda args: 1 / 0\nsys.exit(main(['list']))\n"
    )
    process = python("-c", script)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "ZeroDivisionError" in err
    assert "Please report it" in err


def test_an_interrupt_ends_with_a_short_line(python):
    script = (
        "import sys\nfrom ganzoo.cli import list as command\nfrom ganzoo.cli.main import main\n"
        "def run(args):\n    raise KeyboardInterrupt('resume with: ganzoo run X')\n"
        "command.run = run\nsys.exit(main(['list']))\n"
    )
    process = python("-c", script)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "Stopped. resume with: ganzoo run X"
