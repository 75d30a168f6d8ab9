"""What importing a component's module does to the process, seen from a fresh one."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
from importlib import import_module

from ganzoo.testing.failure import CheckFailure
from ganzoo.testing.global_state import changes, global_state

SECONDS = 300


def effects_of_import(modules: tuple[str, ...]) -> dict[str, list[str] | str]:
    """For each module the states that importing it changed, or why it cannot be imported.

    All are imported in one new process, in this order, since starting one takes seconds.
    """
    return _effects(modules, tuple(sys.path))


@functools.cache
def _effects(modules: tuple[str, ...], path: tuple[str, ...]) -> dict[str, list[str] | str]:
    done = subprocess.run(
        [sys.executable, "-m", __name__, *modules],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in path if entry)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise CheckFailure(f"importing {', '.join(modules)} ended the process: {last}")
    found: dict[str, list[str] | str] = json.loads(done.stdout)
    return found


def _report(modules: list[str]) -> dict[str, list[str] | str]:
    found: dict[str, list[str] | str] = {}
    for module in modules:
        before = global_state()
        try:
            import_module(module)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the boundary: code of strangers)
            found[module] = f"{type(error).__name__}: {error}"
        else:
            found[module] = changes(before, global_state())
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        report = _report(sys.argv[1:])
    sys.stdout.write(json.dumps(report))
