"""``ganzoo ...`` typed the way a user types it, and a toy recipe to type it for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

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
