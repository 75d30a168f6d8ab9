"""List the points of a grid of recipes, each with its hash and name."""

from __future__ import annotations

import argparse
from typing import Any

from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.cli.sources import recipe_source
from ganzoo.registry.types import written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE, overrides, --json."""
    parser.usage = "ganzoo grid RECIPE [key=value ...] [--json]"
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe with a grid")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="overrides of every point, as training.batch=16",
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print one row for each point: what ``--point`` takes, and what comes of it."""
    from ganzoo.recipe.grid import load_grid
    from ganzoo.recipe.identity import recipe_hash

    grid = load_grid(recipe_source(args.recipe), args.overrides, registry=registry_from(args))
    records: list[dict[str, Any]] = [
        {
            "index": point.index,
            "label": point.label,
            "hash": recipe_hash(point.loaded.recipe),
            "name": point.loaded.recipe.name,
            "values": point.values,
        }
        for point in grid.points
    ]
    if args.json:
        print_json(
            {
                "recipe": args.recipe,
                "name": grid.name,
                "about": grid.about,
                "axes": grid.axes,
                "points": records,
            }
        )
        return 0
    rows = [
        (
            str(record["index"]),
            record["label"],
            record["hash"],
            record["name"],
            *(written(value) for value in record["values"].values()),
        )
        for record in records
    ]
    print(table(rows, ("point", "label", "hash", "name", *grid.axes)))
    for line in _alike(records):
        print(line)
    return 0


def _alike(records: list[dict[str, Any]]) -> list[str]:
    """A line for every hash that several points have: they are one recipe."""
    by_hash: dict[str, list[str]] = {}
    for record in records:
        by_hash.setdefault(record["hash"], []).append(str(record["index"]))
    return [
        f"Points {' and '.join(points)} are one recipe: {identity}."
        for identity, points in by_hash.items()
        if len(points) > 1
    ]
