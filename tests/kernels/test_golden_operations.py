"""The golden files of the operations, through the definitions and through the emulated kernels.

`tests/golden/test_ops.py` takes them through what runs on CPUs by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
if str(GOLDEN) not in sys.path:
    sys.path.insert(0, str(GOLDEN))

import archives  # noqa: E402
import test_ops as golden  # noqa: E402


def pytest_generate_tests(metafunc):
    files = sorted(archives.folder_of(metafunc.config).glob("op_*.npz"))
    found = [(path, case) for path in files for case in archives.cases(path)]
    ids = [f"{path.stem}-{case}" for path, case in found]
    metafunc.parametrize(("path", "case"), found, ids=ids)


def test_the_definition_agrees_with_the_published_operation(path, case, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    golden.test_op_agrees_with_the_published_one(path, case)


def test_the_kernel_agrees_with_the_published_operation(path, case, monkeypatch, emulator):
    monkeypatch.setenv("GANZOO_OPS", "cupy")
    golden.test_op_agrees_with_the_published_one(path, case)
