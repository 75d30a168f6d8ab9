"""Command lines, typed the way a user types them: most of them in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import TOY, CommandLine, Result, environment

from ganzoo.cli.main import main


@pytest.fixture
def ganzoo(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def in_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Types ``ganzoo ...`` into this process, where torch is loaded already: seconds saved."""
    for name in [name for name in os.environ if name.startswith("GANZOO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.chdir(tmp_path)

    def typed(*words: str | Path) -> Result:
        code = main([*map(str, words)])
        told = capsys.readouterr()
        return Result(code, told.out, told.err)

    return typed


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    path.write_text(TOY, encoding="utf-8")
    return path


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts the interpreter with ganzoo at hand."""

    def start(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@dataclass(frozen=True)
class Trained:
    """A toy that was trained once for all tests; do not write into it."""

    folder: Path
    run: Path
    result: Result


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "toy.yaml").write_text(TOY, encoding="utf-8")
    result = CommandLine(folder)("run", "toy.yaml", "--device", "cpu")
    assert result.code == 0, result.err
    return Trained(folder, folder / result.out.strip(), result)
