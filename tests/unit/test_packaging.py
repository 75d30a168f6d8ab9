"""The package list, the constraints and the two commands of the README stay true."""

from __future__ import annotations

import configparser
import re
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


def test_torch_is_pinned():
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()


def test_both_commands_of_the_readme_use_the_constraints():
    commands = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(commands) >= 2
    assert all("-c constraints.txt" in command for command in commands[:2])
