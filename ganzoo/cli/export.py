"""Write a run's weights for others: a folder of safetensors, or a rosinality checkpoint."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.cli.output import say
from ganzoo.cli.parser import registry_from
from ganzoo.errors import DataError, UsageError

if TYPE_CHECKING:
    from ganzoo.assembly.weights import StoredWeights
    from ganzoo.registry.catalogue import Registry

FORMATS = ("folder", "rosinality")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RUN, --format, --out, --licence."""
    parser.usage = "ganzoo export RUN --format folder|rosinality --out PATH"
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a run, a checkpoint, or imported weights"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="folder",
        help="folder: safetensors with the recipe (default); rosinality: a .pt file",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="what to write; must not exist yet"
    )
    parser.add_argument(
        "--licence", metavar="TEXT", help="under which the weights may be used (default: as before)"
    )


def run(args: argparse.Namespace) -> int:
    """Read, convert, write."""
    if args.licence is not None and not args.licence.strip():
        raise UsageError("ganzoo export: the licence is empty; name it, or leave --licence out.")
    if not args.run.exists():
        raise DataError(
            f"{args.run}: there is no such run folder, checkpoint or folder of weights.",
            path=args.run,
        )
    registry = registry_from(args)

    from ganzoo.assembly.weights import read_weights
    from ganzoo.assembly.weights_folder import refuse_occupied

    refuse_occupied(args.out)
    stored = read_weights(args.run)
    if stored.note:
        say(stored.note)
    if args.format == "folder":
        _folder(stored, args.out, args.licence or stored.licence)
    else:
        _rosinality(stored, args.out, registry)
    print(f"Wrote {args.out}.")
    return 0


def _folder(stored: StoredWeights, out: Path, licence: str) -> None:
    from ganzoo.assembly.weights_folder import write_weights_folder

    wanted = ("resolution", "channels", "label_width", "class_names")
    origin: dict[str, Any] = {
        "layout": "ganzoo",
        "source": {"file": stored.path.name},
        "licence": licence,
        "classes": [],
        "data": {key: stored.data[key] for key in wanted},
        "images": stored.images,
        "missing": [],
        "notes": [],
    }
    write_weights_folder(
        out,
        recipe=stored.recipe_text,
        origin=origin,
        networks={name: partial(dict, state) for name, state in stored.networks.items()},
        averages={name: partial(dict, state) for name, state in stored.averages.items()},
        state=stored.state,
    )


def _rosinality(stored: StoredWeights, out: Path, registry: Registry) -> None:
    import torch

    from ganzoo.assembly.build import build
    from ganzoo.assembly.weights import recipe_of, task_site
    from ganzoo.assembly.weights_folder import whole_file
    from ganzoo.interchange.rosinality_export import (
        dropped,
        refuse_unwritable,
        rosinality_checkpoint,
    )

    recipe, site = recipe_of(stored, registry), task_site(stored.data)
    try:
        refuse_unwritable(recipe.task, site, discriminator="discriminator" in stored.networks)
    except DataError as error:
        raise DataError(f"{stored.path}: {error}.", path=stored.path) from error
    with torch.device("meta"):
        networks: Any = build(recipe.task, registry, "task")(site).networks
    content = rosinality_checkpoint(
        networks, trained=stored.networks, averages=stored.averages, resolution=site.resolution[0]
    )
    with whole_file(out) as file:
        torch.save(content, file)
    for note in dropped(recipe.task):
        say(note)
    if stored.licence:
        say(f"A .pt file has no place for the licence; these weights have: {stored.licence}")
