"""The package list, the constraints and the two commands of the README stay true."""

from __future__ import annotations

import configparser
import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_folder_is_listed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(setup["options"]["packages"].split())
    tree = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "ganzoo").rglob("__init__.py")
    }
    assert listed == tree | {"ganzoo.recipes"}


def test_every_file_beside_the_code_is_shipped():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = setup["options.package_data"]["*"].replace(",", " ").split()
    beside = {
        path.name
        for path in (ROOT / "ganzoo").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert {"upfirdn2d.cu", "device.cuh", "gains.json"} <= beside
    assert {name for name in beside if not any(fnmatch(name, p) for p in patterns)} == set()


def test_each_cuda_version_has_an_extra_of_its_own_cupy():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]
    assert extras["cuda12"].split() == ["cupy-cuda12x"]
    assert extras["cuda13"].split() == ["cupy-cuda13x"]


def test_the_compiler_and_the_headers_of_the_test_extra_are_of_one_version():
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    versions = re.findall(r"^nvidia-cuda-(?:nvrtc|runtime)==(\d+\.\d+)\.", pins, re.MULTILINE)
    assert len(versions) == 2
    assert len(set(versions)) == 1


def test_torch_is_pinned():
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()


def test_both_commands_of_the_readme_use_the_constraints():
    commands = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(commands) >= 2
    assert all("-c constraints.txt" in command for command in commands[:2])
