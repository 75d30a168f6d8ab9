"""Write a run's weights for others: a folder of safetensors, or a rosinality checkpoint."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.cli.output import say
from ganzoo.cli.parser import registry_from
from ganzoo.cli.paths import refuse_missing
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
        "--licence",
        metavar="TEXT",
        help="of a folder: under which the weights may be used (default: as before)",
    )


def run(args: argparse.Namespace) -> int:
    """Read, convert, write."""
    if args.licence is not None and not args.licence.strip():
        raise UsageError("ganzoo export: the licence is empty; name it, or leave --licence out.")
    if args.licence is not None and args.format != "folder":
        raise UsageError(
            f"ganzoo export: --licence with --format {args.format}: a .pt file has no place for a"
            " licence. Leave --licence out and publish it beside the file, or use --format folder,"
            " which keeps it."
        )
    refuse_missing(args.run, "there is no such run folder, checkpoint or folder of weights.")
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
    from ganzoo.assembly.weights_folder import (
        is_weights_folder,
        read_origin,
        write_weights_folder,
    )

    wanted = ("resolution", "channels", "label_width", "class_names")
    before = read_origin(stored.path) if is_weights_folder(stored.path) else {}
    origin: dict[str, Any] = {
        "layout": before.get("layout", "ganzoo"),
        "source": before.get("source", {"file": stored.path.name}),
        "licence": licence,
        "classes": before.get("classes", []),
        "data": {key: stored.data[key] for key in wanted},
        "images": stored.images,
        "missing": _missing(stored, before.get("missing", [])),
        "notes": before.get("notes", []),
    }
    write_weights_folder(
        out,
        recipe=stored.recipe_text,
        origin=origin,
        networks={name: partial(dict, state) for name, state in stored.networks.items()},
        averages={name: partial(dict, state) for name, state in stored.averages.items()},
        state=stored.state,
    )


def _missing(stored: StoredWeights, before: Any) -> list[str]:
    """What is not stored, of what was missed before and of networks that have an average."""
    there = {f"networks/{name}" for name in stored.networks}
    there |= {f"averages/{name}" for name in stored.averages}
    wanted = [path for path in before if isinstance(path, str)] if isinstance(before, list) else []
    wanted += [f"networks/{name}" for name in stored.averages]
    return [path for path in dict.fromkeys(wanted) if path not in there]


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
