"""What every test folder shares: where the golden files are, and reproducible properties."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Seconds are measured in benchmarks, and a test that fails must fail again.
settings.register_profile("ganzoo", deadline=None, derandomize=True)
settings.load_profile("ganzoo")


def pytest_addoption(parser):
    parser.addoption(
        "--golden-dir",
        metavar="DIR",
        type=Path,
        default=None,
        help="folder of golden .npz files to check instead of tests/golden/data",
    )


def pytest_configure(config):
    folder = config.getoption("--golden-dir")
    if folder is not None and not any(folder.glob("*.npz")):
        raise pytest.UsageError(
            f"--golden-dir {str(folder)!r} holds no .npz file; expected a folder laid out as "
            "tests/golden/README.md says"
        )
