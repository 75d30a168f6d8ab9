"""Command lines, typed the way a user types them: most of them in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganzoo.cli.main import main

ROOT = Path(__file__).resolve().parents[2]

LONGEST = 300  # seconds that one command may take; machines stall

TOY = """\
ganzoo: 1
extends: ganzoo.recipes:quickstart.yaml
about: A toy for tests.
task:
  generator: {channels_base: 64, channels_max: 16, latent_width: 8, mapping: {width: 8, depth: 1}}
  discriminator: {channels_base: 64, channels_max: 16, head: {mapping: {width: 8, depth: 1}}}
data: {use: ganzoo/shapes, resolution: 16}
training: {images: 24, batch: 8}
watch: {every_images: 16}
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def one_message(self) -> str:
        """What an error says, once it is clear that it says nothing else."""
        assert "Traceback" not in self.err, self.err
        assert not self.out, self.out
        return self.err.strip()


@dataclass(frozen=True)
class CommandLine:
    """Types ``ganzoo ...`` in one folder."""

    folder: Path

    def __call__(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Result:
        with subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "ganzoo", *map(str, words)],
            cwd=self.folder,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=LONGEST)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # faulthandler shows where it hangs
                out, err = process.communicate()
                pytest.fail(f"ganzoo {words} took over {LONGEST} s:\n{out}\n{err}")
        return Result(process.returncode, out, err)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GANZOO_")}
    path = os.pathsep.join(part for part in (str(ROOT), kept.get("PYTHONPATH", "")) if part)
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **(more or {})}


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
