"""Show where two recipes, or the recipes of two runs, differ."""

from __future__ import annotations

import argparse

from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, point_index, registry_from
from ganzoo.cli.sources import recipe_source
from ganzoo.errors import UsageError
from ganzoo.registry.types import written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A, B, --point, --json."""
    parser.add_argument("left", metavar="A", help="a recipe or a run folder")
    parser.add_argument("right", metavar="B", help="another")
    parser.add_argument(
        "--point",
        action="append",
        type=point_index,
        default=[],
        metavar="N",
        help="the point to take of a grid among them; given twice, of A and then of B",
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print a table of dotted paths with the value on each side."""
    from ganzoo.recipe.diff import diff
    from ganzoo.recipe.grid import load_point
    from ganzoo.recipe.identity import recipe_hash

    registry = registry_from(args)
    points = _points(args)
    left, right = (
        load_point(recipe_source(word), point, registry=registry).recipe
        for word, point in zip((args.left, args.right), points, strict=True)
    )
    differences = diff(left, right)
    hashes = recipe_hash(left), recipe_hash(right)
    if args.json:
        print_json(
            {
                "left": {"recipe": args.left, "point": points[0], "hash": hashes[0]},
                "right": {"recipe": args.right, "point": points[1], "hash": hashes[1]},
                "differences": [
                    {"path": found.path, "left": found.left, "right": found.right}
                    for found in differences
                ],
            }
        )
    elif differences:
        rows = [(found.path, written(found.left), written(found.right)) for found in differences]
        print(table([("hash", *hashes), *rows], ("", *_headings(args, points))))
    else:
        print(f"No differences: both are {hashes[0]}.")
    return 0


def _points(args: argparse.Namespace) -> tuple[int | None, int | None]:
    """The points that are meant of A and of B."""
    from ganzoo.recipe.grid import is_grid

    if len(args.point) == 2:
        return args.point[0], args.point[1]
    if len(args.point) > 2:
        raise UsageError("ganzoo diff: --point is given at most twice, for A and for B.")
    if not args.point:
        return None, None
    left, right = (
        args.point[0] if is_grid(recipe_source(word)) else None for word in (args.left, args.right)
    )
    if left is None and right is None:
        raise UsageError(
            "ganzoo diff: --point chooses from a grid, and neither of these recipes is one. "
            "Leave it out."
        )
    return left, right


def _headings(args: argparse.Namespace, points: tuple[int | None, int | None]) -> list[str]:
    return [
        word if point is None else f"{word} (point {point})"
        for word, point in zip((args.left, args.right), points, strict=True)
    ]
