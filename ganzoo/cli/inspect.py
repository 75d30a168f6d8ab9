"""Tell every layer of a recipe's networks, and draw their architecture."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.cli.output import print_json, say, table
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.cli.sources import recipe_source
from ganzoo.errors import DataError, RecipeError, UsageError
from ganzoo.recipe.model import Recipe
from ganzoo.registry.catalogue import Registry

if TYPE_CHECKING:
    from ganzoo.assembly.inspection import Inspection, LayerRow, NetworkTable

DOUBLINGS = 8  # of the base grid where nothing says a size: 1024 from 4, as FFHQ
COLUMNS = ("layer", "component", "from", "output", "parameters", "multiply-adds", "dtype")
RIGHT = ("parameters", "multiply-adds")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE, overrides, --point, --classes, --draw, --against, --all-levels, --json."""
    parser.usage = (
        "ganzoo inspect RECIPE [key=value ...] [--point N] [--classes K] [--json]\n"
        "       ganzoo inspect RECIPE --draw FILE.svg [--against RECIPE] [--all-levels]"
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe or a run folder")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="overrides of the recipe; data.resolution=256 chooses the size",
    )
    parser.add_argument("--point", type=_index, metavar="N", help="which recipe of a grid")
    parser.add_argument(
        "--classes",
        type=_index,
        metavar="K",
        help="how many classes the data has, where the recipe cannot say",
    )
    parser.add_argument(
        "--draw", type=Path, metavar="FILE.svg", help="write a drawing of the architecture"
    )
    parser.add_argument(
        "--against", metavar="RECIPE", help="outline in the drawing what this recipe does not have"
    )
    parser.add_argument(
        "--all-levels",
        action="store_true",
        help="draw also the resolutions in the middle that are built like their neighbours",
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print one table a network; the data is opened only where it needs no path."""
    _check_drawing(args)
    from ganzoo.recipe.grid import load_point

    registry = registry_from(args)
    source = recipe_source(args.recipe)
    recipe = load_point(source, args.point, args.overrides, registry=registry).recipe
    facts = _facts(recipe, registry, args.classes)
    inspection = _inspect(recipe, registry, facts, args.recipe)
    if args.draw is not None:
        other = None
        if args.against is not None:
            against = load_point(recipe_source(args.against), registry=registry).recipe
            other = _inspect(against, registry, facts, args.against)
        _draw(inspection, other, args.draw, args.all_levels)
    if args.json:
        print_json(_record(inspection, args.recipe))
    else:
        print(_text(inspection))
    return 0


def _inspect(recipe: Recipe, registry: Registry, facts: _Facts, word: str) -> Inspection:
    from ganzoo.assembly.inspection import inspect_recipe

    try:
        return inspect_recipe(
            recipe,
            registry,
            resolution=facts.resolution,
            channels=facts.channels,
            label_width=facts.classes,
        )
    except RecipeError as error:
        error.where = error.where or word  # of two recipes, which one it is
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    resolution: tuple[int, int]
    channels: int
    classes: int


def _facts(recipe: Recipe, registry: Registry, classes: int | None) -> _Facts:
    """What the data decides: asked of data that needs no path, else of the recipe."""
    settings = recipe.data.settings
    if recipe.data.use is not None:
        from ganzoo.assembly.dataset import open_dataset

        try:
            dataset = open_dataset(recipe, registry, None)
        except DataError:
            pass  # it lies in files, which shapes do not depend on
        else:
            seen = dataset.label_width if settings["labels"] != "none" else 0
            return _Facts(
                resolution=dataset.resolution,
                channels=dataset.channels,
                classes=seen if classes is None else classes,
            )
    resolution = settings["resolution"]
    if resolution is None:
        height, width = recipe.task.parameters.get("base", (4, 4))  # type: ignore[misc]
        resolution = (height << DOUBLINGS, width << DOUBLINGS)
        say(
            f"{recipe.name} leaves its resolution to the data: inspected at "
            f"{_by(resolution)}. For another: data.resolution=256"
        )
    if classes is None and settings["labels"] == "class":
        say("How many classes there are is for the data to say: inspected without. See --classes")
    if isinstance(resolution, int):
        resolution = (resolution, resolution)
    return _Facts(resolution=resolution, channels=settings["channels"] or 3, classes=classes or 0)


def _text(inspection: Inspection) -> str:
    classes = f"{inspection.label_width} classes" if inspection.label_width else "no classes"
    size = _by((*inspection.resolution, inspection.channels))
    head = f"{inspection.name} {inspection.hash}: images of {size}, {classes}"
    head += ", networks that grow, here at full size" if inspection.grows else ""
    return "\n\n".join([head, *map(_network, inspection.networks.values())])


def _network(network: NetworkTable) -> str:
    total = ("total", "", "", "", f"{network.parameters:,}", f"{network.multiply_adds:,}", "")
    no_output = "-" if network.trace is None else "unused"
    rows = [*(_row(row, no_output) for row in network.rows), total]
    for name in RIGHT:
        column = COLUMNS.index(name)
        width = max(len(name), *(len(row[column]) for row in rows))
        rows = [(*r[:column], r[column].rjust(width), *r[column + 1 :]) for r in rows]
    text = f"{network.name}\n{table(rows, COLUMNS, indent='  ')}"
    if network.filter_multiply_adds:
        text += f"\n  and {network.filter_multiply_adds:,} multiply-adds of fixed filters"
    return text + _memory_formats(network)


def _memory_formats(network: NetworkTable) -> str:
    """How feature maps lie in memory; where they differ, which layers are in the minority."""
    layers: dict[str, list[str]] = {}
    for row in network.rows:
        if row.memory_format:
            layers.setdefault(row.memory_format, []).append(row.path)
    found = sorted(layers, key=lambda name: -len(layers[name]))
    if not found:
        return ""
    rest = "".join(f"; {name}: {', '.join(layers[name])}" for name in found[1:])
    return f"\n  feature maps lie in memory as {found[0]}{rest}"


def _row(row: LayerRow, no_output: str) -> tuple[str, ...]:
    return (
        row.path,
        row.component,
        row.distribution,
        no_output if row.output_shape is None else _by(row.output_shape),
        f"{row.parameters:,}",
        f"{row.multiply_adds:,}",
        row.dtype,
    )


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _record(inspection: Inspection, word: str) -> dict[str, Any]:
    return {
        "recipe": word,
        "name": inspection.name,
        "hash": inspection.hash,
        "resolution": inspection.resolution,
        "channels": inspection.channels,
        "label_width": inspection.label_width,
        "grows": inspection.grows,
        "networks": {
            name: {
                "parameters": network.parameters,
                "multiply_adds": network.multiply_adds,
                "filter_multiply_adds": network.filter_multiply_adds,
                "layers": [asdict(row) for row in network.rows],
            }
            for name, network in inspection.networks.items()
        },
    }


def _check_drawing(args: argparse.Namespace) -> None:
    if args.draw is None:
        for given, option in ((args.against, "--against"), (args.all_levels, "--all-levels")):
            if given:
                raise UsageError(
                    f"ganzoo inspect: {option} is about the drawing; say where it goes with "
                    "--draw FILE.svg"
                )
    elif args.draw.suffix != ".svg":
        raise UsageError(
            f"ganzoo inspect: --draw {str(args.draw)!r}: drawings are SVG files; expected a name "
            "that ends in .svg. Browsers show them and print them to other formats."
        )


def _draw(inspection: Inspection, against: Inspection | None, path: Path, all_levels: bool) -> None:
    from ganzoo.assembly.figure.drawing import draw

    text = draw(inspection, all_levels=all_levels, against=against)
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"ganzoo inspect: --draw {str(path)!r}: {error.strerror}. Name a file in a folder that "
            "exists and that you may write to."
        ) from error
    say(f"Drawn: {path}")


def _index(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number; expected 0, 1, 2, ...")
    return int(text)
