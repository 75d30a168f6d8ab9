"""Say what is here and what is wrong: versions, devices, plugins, recipes."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ganzoo import __version__
from ganzoo.cli.failures import reason, title
from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.cli.sources import shipped_recipes
from ganzoo.registry.catalogue import Registry

NEEDED = (
    "torch",
    "numpy",
    "pillow",
    "scikit-learn",
    "safetensors",
    "pluggy",
    "pyyaml",
    "tqdm",
    "tensorboard",
)
OPTIONAL = ("cupy-cuda12x", "cupy-cuda13x")
OLDEST_TORCH = (2, 6)
GIB = 2**30
LITTLE_DISK = 1 * GIB
LITTLE_MEMORY = 2 * GIB


@dataclass
class Findings:
    """What was found: facts by section, and the problems with their remedies."""

    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def problem(self, what: str, remedy: str) -> None:
        """Note that something is wrong, and what to do."""
        self.problems.append((what, remedy))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--json."""
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print problems first, then facts; 1 if there is a problem."""
    registry = registry_from(args)
    findings = Findings()
    _versions(findings)
    if _devices(findings):
        _operations(findings)
    _machine(findings)
    _plugins(findings, registry)
    _recipes_and_data(findings)
    if args.json:
        problems = [{"problem": what, "remedy": remedy} for what, remedy in findings.problems]
        print_json({"problems": problems, **findings.facts})
    else:
        print(_text(findings))
    return 1 if findings.problems else 0


def _text(findings: Findings) -> str:
    parts = ["No problems."]
    if findings.problems:
        lines = [f"  {what}\n    {remedy}" for what, remedy in findings.problems]
        parts = ["Problems:\n" + "\n".join(lines)]
    width = max(len(name) for facts in findings.facts.values() for name in facts)
    for section, facts in findings.facts.items():
        rows = [(name.ljust(width), value) for name, value in facts.items()]
        parts.append(f"{section}\n" + table(rows, indent="  "))
    return "\n\n".join(parts)


def _versions(findings: Findings) -> None:
    found = {"python": platform.python_version(), "ganzoo": __version__}
    for name in (*NEEDED, *OPTIONAL):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
            if name in NEEDED:
                findings.problem(f"{name} is not installed.", f"pip install {name}")
    findings.facts["versions"] = found


def _devices(findings: Findings) -> bool:
    """Whether torch works, without which there is nothing to say of operations."""
    facts = findings.facts["devices"] = {}
    try:
        import torch
    except Exception as error:  # noqa: BLE001  (whatever a broken installation raises)
        findings.problem(
            f"torch cannot be imported: {error}", "pip install --force-reinstall torch"
        )
        return False
    release = torch.__version__.partition("+")[0].split(".")
    if tuple(int(part) for part in release[:2]) < OLDEST_TORCH:
        wanted = ".".join(map(str, OLDEST_TORCH))
        findings.problem(
            f"torch {torch.__version__} is older than {wanted}.", "pip install --upgrade torch"
        )
    facts["cpu"] = f"{torch.get_num_threads()} threads of {os.cpu_count()} cores"
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            facts[f"cuda:{index}"] = f"{card.name}, {card.total_memory / GIB:.0f} GiB"
    else:
        facts["cuda"] = f"no: {_why_no_cuda(torch)}"
    facts["mps"] = "yes" if torch.backends.mps.is_available() else "no"
    facts["auto means"] = _automatic(torch)
    return True


def _operations(findings: Findings) -> None:
    from ganzoo.cli.operations import kernel_facts, operation_facts, operation_problems

    findings.facts["operations"] = dict(operation_facts())
    findings.facts["kernels"] = dict(kernel_facts())
    for what, remedy in operation_problems():
        findings.problem(what, remedy)


def _automatic(torch: Any) -> str:
    from ganzoo.training.run import choose_device

    device = choose_device("auto")
    if device.type == "cpu":
        return "cpu (large recipes are hopeless there; the quickstart is made for it)"
    return str(device)


def _why_no_cuda(torch: Any) -> str:
    if torch.version.cuda is None:
        return "this torch is built without CUDA; with an NVIDIA GPU, install a CUDA build of torch"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides every GPU"
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).partition("\n")[0]
    return "no GPU was found"


def _machine(findings: Findings) -> None:
    disk = shutil.disk_usage(Path.cwd()).free
    memory = _free_memory()
    findings.facts["machine"] = {
        "platform": platform.platform(),
        "free disk": f"{disk / GIB:.1f} GiB",
        "free memory": "unknown" if memory is None else f"{memory / GIB:.1f} GiB",
    }
    if disk < LITTLE_DISK:
        findings.problem(
            "Less than 1 GiB of disk is free here.", "Free some, or train with --out elsewhere."
        )
    if memory is not None and memory < LITTLE_MEMORY:
        findings.problem(
            "Less than 2 GiB of memory is free.", "Close programs, or lower training.micro_batch."
        )
    if not os.access(Path.cwd(), os.W_OK):
        findings.problem(
            "This folder cannot be written.", "Train elsewhere, or name a folder with --out."
        )


def _free_memory() -> int | None:
    """Bytes that programs could still have, or None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def _plugins(findings: Findings, registry: Registry) -> None:
    findings.facts["plugins"] = {
        title(plugin): f"{plugin.state}, {len(plugin.components)} components"
        for plugin in registry.plugins
    } or {"none": ""}
    for plugin in registry.failures:
        findings.problem(
            f"The plugin {title(plugin)} failed to load: {reason(plugin)}.",
            f"See: ganzoo plugins {plugin.vendor}",
        )
    if not registry.components():
        findings.problem("No component is installed.", "pip install --force-reinstall ganzoo")


def _recipes_and_data(findings: Findings) -> None:
    recipes = shipped_recipes()
    facts: dict[str, str] = {"recipes": ", ".join(Path(name).stem for name in recipes) or "none"}
    if not recipes:
        findings.problem(
            "The recipes that ship with ganzoo are not found.",
            "Reinstall ganzoo, or name recipe files by their path.",
        )
    facts.update(_environment())
    data = os.environ.get("GANZOO_DATA")
    if data and not Path(data).expanduser().exists():
        findings.problem(
            f"GANZOO_DATA={data!r} names nothing that exists.", "Correct it, or unset GANZOO_DATA."
        )
    findings.facts["recipes and settings"] = facts


def _environment() -> Mapping[str, str]:
    names = ("GANZOO_DATA", "GANZOO_DISABLE", "GANZOO_PLUGINS", "OMP_NUM_THREADS")
    return {name: os.environ[name] for name in names if name in os.environ}
