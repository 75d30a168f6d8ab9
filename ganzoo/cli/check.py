"""Check recipes and report every problem at once."""

from __future__ import annotations

import argparse
from typing import Any

from ganzoo.cli.output import print_json
from ganzoo.cli.parser import add_json_option, add_point_option, registry_from
from ganzoo.cli.sources import recipe_source
from ganzoo.errors import RecipeError, RecipeProblems, UsageError
from ganzoo.registry.catalogue import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE..., overrides, --point, --json."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="RECIPE",
        help="recipes; a word like training.batch=16 overrides a key in all of them",
    )
    add_point_option(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print ``ok`` with the hash, or all problems; 2 if there is any. Of a grid, every point."""
    overrides = [word for word in args.words if "=" in word]
    recipes = [word for word in args.words if "=" not in word]
    if not recipes:
        raise UsageError("ganzoo check: there are overrides, but no recipe to check.")
    registry = registry_from(args)
    results = [_check(word, args.point, overrides, registry) for word in recipes]
    if args.json:
        print_json(results)
    else:
        for result in results:
            print(_text(result))
    return 0 if all(result["ok"] for result in results) else RecipeError.exit_code


def _check(
    word: str, point: int | None, overrides: list[str], registry: Registry
) -> dict[str, Any]:
    from ganzoo.recipe.grid import load_grid, load_point
    from ganzoo.recipe.identity import recipe_hash

    try:
        if point is None:
            grid = load_grid(recipe_source(word), overrides, registry=registry)
            recipes = [each.loaded.recipe for each in grid.points]
        else:
            grid = None
            one = load_point(recipe_source(word), point, overrides, registry=registry)
            recipes = [one.recipe]
    except RecipeError as error:
        found = error.problems if isinstance(error, RecipeProblems) else (error,)
        problems = [
            {"where": problem.where, "path": problem.path, "message": problem.message}
            for problem in found
        ]
        text = [str(problem) for problem in found]
        return {"recipe": word, "ok": False, "problems": problems, "text": text}
    facts = [
        {"hash": recipe_hash(recipe), "data": recipe.data.use or "left to its user"}
        for recipe in recipes
    ]
    result: dict[str, Any] = {"recipe": word, "ok": True, "problems": []}
    if grid is None or not grid.axes:
        return {**result, **facts[0]}
    points = zip(grid.points, facts, strict=True)
    told = [{"index": point.index, "label": point.label, **each} for point, each in points]
    return {**result, "points": told}


def _text(result: dict[str, Any]) -> str:
    if not result["ok"]:
        return "\n".join(result["text"])
    points = result.get("points", [result])
    note = ""
    if any(point["data"] == "left to its user" for point in points):
        note = "  (the data is left to its user: give ganzoo run --data PATH)"
    found = f"{len(points):,} point{'s' * (len(points) > 1)}" if "points" in result else None
    return f"{result['recipe']}: ok  {found or result['hash']}{note}"
