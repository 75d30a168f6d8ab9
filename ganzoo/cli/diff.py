"""Show where two recipes, or the recipes of two runs, differ."""

from __future__ import annotations

import argparse

from ganzoo.cli.output import print_json, table, written
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.cli.sources import recipe_source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A, B, --json."""
    parser.add_argument("left", metavar="A", help="a recipe or a run folder")
    parser.add_argument("right", metavar="B", help="another")
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print a table of dotted paths with the value on each side."""
    from ganzoo.recipe.diff import diff
    from ganzoo.recipe.identity import recipe_hash
    from ganzoo.recipe.load import load_recipe

    registry = registry_from(args)
    left, right = (
        load_recipe(recipe_source(word), registry=registry).recipe
        for word in (args.left, args.right)
    )
    differences = diff(left, right)
    hashes = recipe_hash(left), recipe_hash(right)
    if args.json:
        print_json(
            {
                "left": {"recipe": args.left, "hash": hashes[0]},
                "right": {"recipe": args.right, "hash": hashes[1]},
                "differences": [
                    {"path": found.path, "left": found.left, "right": found.right}
                    for found in differences
                ],
            }
        )
    elif differences:
        rows = [(found.path, written(found.left), written(found.right)) for found in differences]
        print(table([("hash", *hashes), *rows], ("", args.left, args.right)))
    else:
        print(f"No differences: both are {hashes[0]}.")
    return 0
