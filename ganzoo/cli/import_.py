"""Bring in weights of other programs, as a folder that every command takes for a run."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.cli.output import say
from ganzoo.cli.parser import registry_from
from ganzoo.cli.paths import refuse_missing
from ganzoo.errors import DataError, RecipeError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.interchange.imported import Imported, StateSource
    from ganzoo.recipe.model import Recipe
    from ganzoo.registry.catalogue import Registry

_ASK = (
    "Weights come with a licence, which stays with the folder.\n"
    "Licence of this file (a name, an address, or 'unknown'): "
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, --out, --licence."""
    parser.usage = "ganzoo import FILE --out FOLDER --licence TEXT"
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a pickle of StyleGAN2-ADA or StyleGAN3 (PyTorch), a rosinality .pt, or a TensorFlow "
        "pickle of ProGAN, StyleGAN or StyleGAN2; nothing in it is run",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="a new folder, or an empty one"
    )
    parser.add_argument(
        "--licence",
        metavar="TEXT",
        help="under which the weights may be used: a name or an address; asked for if left out",
    )


def run(args: argparse.Namespace) -> int:
    """Read, understand, convert, write; nothing is left behind where one of them fails."""
    refuse_missing(args.file, "there is no such file.")

    from ganzoo.assembly.weights_folder import refuse_occupied, sha256_of, write_weights_folder

    refuse_occupied(args.out)
    licence = _licence(args.licence)
    registry = registry_from(args)

    from ganzoo.interchange.foreign import read_foreign
    from ganzoo.interchange.recognise import recognise
    from ganzoo.recipe.dump import dump

    foreign = read_foreign(args.file)
    imported = recognise(foreign, args.file)
    origin = {
        "layout": imported.layout,
        "source": {"file": args.file.name, "sha256": sha256_of(args.file)},
        "licence": licence,
        "classes": list(foreign.classes),
        "data": imported.facts,
        "images": None,
        "missing": list(imported.missing),
        "notes": list(imported.notes),
    }
    del foreign
    recipe, networks = _built(imported, args.file, registry)

    def from_file(sources: Mapping[str, StateSource]) -> dict[str, Callable[[], dict[str, Tensor]]]:
        return {name: _at(args.file, partial(s, networks[name])) for name, s in sources.items()}

    write_weights_folder(
        args.out,
        recipe=dump(recipe),
        origin=origin,
        networks=from_file(imported.networks),
        averages=from_file(imported.averages),
    )
    _tell(imported, args.out)
    return 0


def _licence(given: str | None) -> str:
    if given is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "ganzoo import: foreign weights keep their licence, and nobody is here to be asked"
                " for it.\n  Say it with --licence 'CC BY-NC 4.0', its address, or --licence"
                " unknown."
            )
        print(_ASK, end="", file=sys.stderr, flush=True)
        given = sys.stdin.readline()
    licence = " ".join(given.split())
    if not licence:
        raise UsageError(
            "ganzoo import: the licence is empty; name it, or say 'unknown' where it is not known."
        )
    return licence


def _built(imported: Imported, file: Path, registry: Registry) -> tuple[Recipe, Mapping[str, Any]]:
    """The resolved recipe, and its networks without memory of their own."""
    import torch

    from ganzoo.assembly.build import build
    from ganzoo.assembly.weights import recipe_from_text, task_site
    from ganzoo.interchange.recognise import said_of
    from ganzoo.recipe.dump import as_yaml

    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", file.stem).strip("-.") or "imported"
    about = f"Imported from {file.name}, a {imported.layout}."
    with said_of(file):
        try:
            recipe = recipe_from_text(as_yaml(imported.recipe(name, about)), registry)
            with torch.device("meta"):
                task = build(recipe.task, registry, "task")(task_site(imported.facts))
        except RecipeError as error:
            raise DataError(f"these networks fit no recipe here: {error}") from error
    networks: Mapping[str, Any] = task.networks
    return recipe, networks


def _at(file: Path, source: Callable[[], dict[str, Tensor]]) -> Callable[[], dict[str, Tensor]]:
    """The source, whose errors name the file."""

    from ganzoo.interchange.recognise import said_of

    def read() -> dict[str, Tensor]:
        with said_of(file):
            return source()

    return read


def _tell(imported: Imported, out: Path) -> None:
    classes = f", {imported.label_width} classes" if imported.label_width else ""
    size = f"{imported.resolution} x {imported.resolution} x {imported.channels}"
    for note in imported.notes:
        say(note)
    for path in imported.missing:
        room, _, name = path.partition("/")
        what = f"average of the {name}" if room == "averages" else f"{name} as it was trained"
        say(f"The file has no {what}.")
    print(f"Wrote {out}: {imported.layout}, images of {size}{classes}.")
    print(f"  Look at it with: ganzoo sample {out}")
