"""No golden file is passed over in silence."""

from __future__ import annotations

import fnmatch

import pytest
from archives import folder_of

CHECKED = {
    "channel_tables": "test_networks",
    "loss_*": "test_losses",
    "metrics": "test_metrics",
    "net_[DG]_*": "test_networks",
    "op_*": "test_ops",
    "progan_[DG]_*": "test_growing_networks",
    "schedules": "test_schedules",
    "stylegan1_[DG]_*": "test_growing_networks",
    "trajectory_*": "test_trajectories",
}
NOT_YET = {
    "augment_ada": "there is no augmentation to check yet",
    "ppl_on_*": "there is no perceptual path length to check yet",
}


def pytest_generate_tests(metafunc):
    if "file" in metafunc.fixturenames:
        found = sorted(folder_of(metafunc.config).glob("*.npz"))
        metafunc.parametrize("file", found, ids=[path.stem for path in found])


def matching(stem, patterns):
    return [pattern for pattern in patterns if fnmatch.fnmatchcase(stem, pattern)]


def test_a_file_has_a_test_that_reads_it(file):
    for pattern in matching(file.stem, NOT_YET):
        pytest.skip(NOT_YET[pattern])
    assert matching(file.stem, CHECKED), f"no test reads {file.name}"


def test_every_test_that_is_named_exists(pytestconfig):
    folder = pytestconfig.rootpath / "tests" / "golden"
    assert not [name for name in CHECKED.values() if not (folder / f"{name}.py").exists()]


def test_a_folder_without_files_is_an_error(golden_dir):
    assert list(golden_dir.glob("*.npz")), f"{golden_dir} holds no .npz"
