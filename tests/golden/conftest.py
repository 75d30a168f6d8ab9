"""The folder of golden files, for every test here."""

from __future__ import annotations

from pathlib import Path

import pytest
from archives import folder_of


@pytest.fixture(scope="session")
def golden_dir(pytestconfig) -> Path:
    return folder_of(pytestconfig)
