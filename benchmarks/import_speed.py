"""Seconds and memory that reading a foreign weight file of 30 million parameters takes.

``python -m benchmarks.import_speed`` writes the same parameters once as a pickle laid out like
those of StyleGAN2-ADA (persistent modules, each storage an archive of its own) and once by
``torch.save``, and reads each in a process of its own. Then the whole of ``ganzoo import``, into a
folder, of a generator of StyleGAN2 config F at 1024 in the first layout. Peak memory is what the
process holds at most beyond what it held once torch was imported. Writes
``benchmarks/results/import-<date>.json``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import pickle
import subprocess
import sys
import tempfile
import time
import types
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import machine
from ganzoo.recipe.model import Slot

ROOT = Path(__file__).resolve().parents[1]
MODULE = "torch_utils.persistence"
FUNCTION = "_reconstruct_persistent_obj"
WIDTH = 512
LAYERS = 12


def reconstruct(meta: object) -> None:
    """Stands for the function of that name in published pickles; it is written, never called."""
    raise AssertionError(meta)


class Persistent:
    """An object that is pickled as published modules are."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self._meta = meta

    def __reduce__(self) -> tuple[Callable[[object], None], tuple[dict[str, Any]]]:
        return reconstruct, (self._meta,)


def persistent(name: str, tensors: dict[str, Any], modules: dict[str, Any]) -> Persistent:
    """A module with its parameters and the modules in it."""
    hooks: dict[str, Any] = {
        f"_{kind}_hooks": OrderedDict() for kind in ("backward", "forward", "state_dict")
    }
    state = {
        "training": False,
        "_parameters": OrderedDict(tensors),
        "_buffers": OrderedDict(),
        "_modules": OrderedDict(modules),
        **hooks,
    }
    meta = {"type": "class", "version": 6, "module_src": "# source\n" * 4000}
    return Persistent({**meta, "class_name": name, "state": state})


def parameters() -> dict[str, dict[str, torch.nn.Parameter]]:
    """Twelve layers of 3x3 convolutions, 512 wide, with their affine layers: 31.5 million."""
    shapes = {
        "weight": (WIDTH, WIDTH, 3, 3),
        "bias": (WIDTH,),
        "affine": (WIDTH, WIDTH),
    }
    return {
        f"conv{index}": {
            name: torch.nn.Parameter(torch.randn(shape), requires_grad=False)
            for name, shape in shapes.items()
        }
        for index in range(LAYERS)
    }


def write(folder: Path) -> int:
    """Write both files; give the number of parameters."""
    layers = parameters()
    modules = {name: persistent("SynthesisLayer", tensors, {}) for name, tensors in layers.items()}
    with (folder / "ada.pkl").open("wb") as file:
        pickle.dump({"G_ema": persistent("Generator", {}, modules)}, file, protocol=4)
    state = {f"{layer}.{name}": p for layer, ps in layers.items() for name, p in ps.items()}
    torch.save({"g_ema": state}, folder / "zip.pt")
    torch.save({"g_ema": state}, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    return sum(p.numel() for p in state.values())


def write_generator(path: Path) -> int:
    """Write a whole generator of config F as its official pickles have it; count parameters."""
    from ganzoo.assembly.build import build
    from ganzoo.interchange.stylegan2_names import state_to_published
    from ganzoo.recipe.load import load_recipe
    from ganzoo.registry.contracts import NetworkSite
    from ganzoo.registry.discovery import discover

    registry = discover()
    recipe = load_recipe("ganzoo.recipes:stylegan2-f.yaml", registry=registry).recipe
    slot = recipe.task.parameters["generator"]
    assert isinstance(slot, Slot)
    network = build(slot, registry, "task.generator")(NetworkSite(resolution=(1024, 1024)))
    state = state_to_published(network, network.state_dict())
    with path.open("wb") as file:
        pickle.dump({"G_ema": nested("Generator", state)}, file, protocol=4)
    return sum(p.numel() for p in network.parameters())


def nested(name: str, state: Mapping[str, torch.Tensor]) -> Persistent:
    """Modules in modules, as the dots in the names of a state dict say."""
    own = {key: tensor for key, tensor in state.items() if "." not in key}
    inner: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in state.items():
        first, dot, rest = key.partition(".")
        if dot:
            inner.setdefault(first, {})[rest] = tensor
    return persistent(name, own, {key: nested("Module", part) for key, part in inner.items()})


def pose_as_published() -> None:
    """Give the function its published name, so that files can be written with it."""
    module = types.ModuleType(MODULE)
    setattr(module, FUNCTION, reconstruct)
    reconstruct.__module__, reconstruct.__qualname__ = MODULE, FUNCTION
    sys.modules[MODULE] = module
    sys.modules[MODULE.partition(".")[0]] = types.ModuleType("its package")


def peak() -> int:
    """The most memory this process ever held, in bytes.

    Linux only; the maximum that ``getrusage`` tells is inherited from the process that started it.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def read(path: Path) -> dict[str, float]:
    """Read one file in this process."""
    from ganzoo.interchange.foreign import read_foreign

    return measured(path, lambda: read_foreign(path))


def bring_in(path: Path) -> dict[str, float]:
    """All that ``ganzoo import`` does with one file, but for the start of the interpreter."""
    from ganzoo.cli.main import main as ganzoo

    words = ["import", str(path), "--out", str(path.with_suffix("")), "--licence", "none"]
    with contextlib.redirect_stdout(io.StringIO()):
        return measured(path, lambda: ganzoo(words))


def measured(path: Path, work: Callable[[], object]) -> dict[str, float]:
    """Seconds and peak memory of some work with a file."""
    before, start = peak(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    size = path.stat().st_size
    return {
        "file_bytes": size,
        "seconds": round(seconds, 3),
        "peak_bytes": peak() - before,
        "peak_in_file_sizes": round((peak() - before) / size, 2),
    }


def in_a_process(option: str, path: Path) -> dict[str, float]:
    """What this module says of a file in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.import_speed", option, str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--import", dest="bring_in", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read or asked.bring_in:
        print(json.dumps(read(asked.read) if asked.read else bring_in(asked.bring_in)))
        return
    pose_as_published()
    with tempfile.TemporaryDirectory() as name:
        count = write(Path(name))
        readings = {}
        for path in sorted(Path(name).iterdir()):
            readings[path.name] = in_a_process("--read", path)
        generator = Path(name) / "stylegan2-f.pkl"
        imported: dict[str, float] = {"parameters": write_generator(generator)}
        imported |= in_a_process("--import", generator)
    result = {
        "command": "python -m benchmarks.import_speed",
        **machine(),
        "parameters": count,
        "read_foreign": readings,
        "ganzoo_import": imported,
    }
    print(json.dumps(result, indent=2))
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    out = ROOT / "benchmarks" / "results" / f"import-{date}.json"
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
