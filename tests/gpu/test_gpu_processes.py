"""Kernels in processes of their own: compiled once, kept on disk, clean under the sanitizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.slow, pytest.mark.usefixtures("device")]

SCRIPT = Path(__file__).parent / "every_kernel.py"
SANITIZER = shutil.which("compute-sanitizer")


def run_all(cache: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run every kernel in a new process that keeps compiled kernels in ``cache``."""
    return subprocess.run(
        [*before, sys.executable, str(SCRIPT)],
        env={**os.environ, "CUPY_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )


def kept(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}


def test_a_second_process_compiles_nothing(tmp_path):
    first = run_all(tmp_path)
    assert first.returncode == 0, first.stderr
    before = kept(tmp_path)
    second = run_all(tmp_path)
    assert second.returncode == 0, second.stderr
    print(f"compiled: {first.stdout.strip()}, from the cache: {second.stdout.strip()}")
    assert before
    assert kept(tmp_path) == before


def test_a_damaged_cache_is_mended(tmp_path):
    first = run_all(tmp_path)
    assert first.returncode == 0, first.stderr
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    damaged = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    second = run_all(tmp_path)
    assert second.returncode == 0, second.stderr
    assert all((tmp_path / name).stat().st_size > size for name, size in damaged.items())


def test_an_unwritable_cache_is_warned_of_once(tmp_path):
    (tmp_path / "file").touch()
    done = run_all(tmp_path / "file" / "cache")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be written, so kernels are compiled anew") == 1


@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_the_sanitizer_finds_nothing(tool, tmp_path):
    if SANITIZER is None:
        pytest.skip("no compute-sanitizer here; it comes with the CUDA toolkit")
    done = run_all(tmp_path, SANITIZER, "--tool", tool, "--error-exitcode", "9")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
