"""Every import stays on its floor: read with ast, so an import under TYPE_CHECKING counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "ganzoo"
FLOORS = {
    "backends": 0,
    "ops": 1,
    "nn": 2,
    "registry": 3,
    "recipe": 4,
    "data": 5,
    "interchange": 5,
    "assembly": 5,
    "training": 6,
    "evaluation": 6,
    "ablation": 6,
    "cli": 7,
}
FREE_ROOMS = {"plugins": {"ops", "nn", "registry", "backends", "data", "plugins"}}
TORCH_FREE = {"registry", "recipe", "cli", "", "errors"}
HEAVY = {"torch", "cupy", "numpy", "PIL", "tensorboard", "sklearn", "tqdm"}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, module and whether the import runs when the module is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        ):
            late.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) not in late
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "", id(node) not in late


def complaint(path: Path, line: int, module: str, now: bool) -> str | None:
    """What is wrong with an import, or None."""
    room = room_of(path)
    place = f"{path.relative_to(PACKAGE)}:{line} imports {module}"
    if now and room in TORCH_FREE and module.partition(".")[0] in HEAVY:
        return f"{place}; {room or 'ganzoo'} is torch-free when imported"
    if not module.startswith("ganzoo."):
        return None
    other = module.split(".")[1]
    if other in ("errors", room) or room == "":
        return None
    if other == "plugins":
        return f"{place}; nobody imports plugins"
    if other == "testing":
        return None if room == "cli" and not now else f"{place}; only commands import testing"
    if room == "testing":
        return None if other != "cli" else f"{place}; testing stands below cli"
    if room in FREE_ROOMS:
        return None if other in FREE_ROOMS[room] else f"{place}; {room} may not"
    if FLOORS[other] < FLOORS[room]:
        return None
    return f"{place} (floor {FLOORS[other]}); {room} is floor {FLOORS[room]}"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_keep_to_their_floor(path):
    found = [complaint(path, *imported) for imported in imports(path)]
    assert not [text for text in found if text]


@pytest.mark.parametrize(
    ("file", "module", "expected"),
    [
        ("recipe/merge.py", "torch", "torch-free"),
        ("recipe/merge.py", "ganzoo.assembly.build", "(floor 5)"),
        ("assembly/build.py", "ganzoo.data.images", "(floor 5)"),
        ("training/loop.py", "ganzoo.plugins.loss.logistic", "nobody imports plugins"),
        ("plugins/loss/hinge.py", "ganzoo.training.loop", "plugins may not"),
    ],
)
def test_a_wrong_import_is_found(file, module, expected):
    assert expected in (complaint(PACKAGE / file, 7, module, True) or "")


def test_modules_of_a_room_import_one_another_without_circles():
    graph: dict[str, set[str]] = {}
    for path in files():
        name = ".".join(("ganzoo", *path.relative_to(PACKAGE).with_suffix("").parts))
        targets = {m for _, m, _ in imports(path) if m.startswith("ganzoo.")}
        graph[name] = targets
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done or name not in graph:
            return
        for target in graph[name]:
            visit(target, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())
