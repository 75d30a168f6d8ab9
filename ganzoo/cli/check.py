"""Check recipes and report every problem at once."""

from __future__ import annotations

import argparse
from typing import Any

from ganzoo.cli.output import print_json
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.cli.sources import recipe_source
from ganzoo.errors import RecipeError, RecipeProblems, UsageError
from ganzoo.registry.catalogue import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE..., overrides, --json."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="RECIPE",
        help="recipes; a word like training.batch=16 overrides a key in all of them",
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print ``ok`` with the hash, or all problems; 2 if there is any."""
    overrides = [word for word in args.words if "=" in word]
    recipes = [word for word in args.words if "=" not in word]
    if not recipes:
        raise UsageError("ganzoo check: there are overrides, but no recipe to check.")
    registry = registry_from(args)
    results = [_check(word, overrides, registry) for word in recipes]
    if args.json:
        print_json(results)
    else:
        for result in results:
            print(_text(result))
    return 0 if all(result["ok"] for result in results) else RecipeError.exit_code


def _check(word: str, overrides: list[str], registry: Registry) -> dict[str, Any]:
    from ganzoo.recipe.identity import recipe_hash
    from ganzoo.recipe.load import load_recipe

    try:
        recipe = load_recipe(recipe_source(word), overrides, registry=registry).recipe
    except RecipeError as error:
        found = error.problems if isinstance(error, RecipeProblems) else (error,)
        problems = [
            {"where": problem.where, "path": problem.path, "message": problem.message}
            for problem in found
        ]
        text = [str(problem) for problem in found]
        return {"recipe": word, "ok": False, "problems": problems, "text": text}
    asks = recipe.data.use is None
    return {
        "recipe": word,
        "ok": True,
        "problems": [],
        "hash": recipe_hash(recipe),
        "data": "left to its user" if asks else recipe.data.use,
    }


def _text(result: dict[str, Any]) -> str:
    if not result["ok"]:
        return "\n".join(result["text"])
    note = ""
    if result["data"] == "left to its user":
        note = "  (the data is left to its user: give ganzoo run --data PATH)"
    return f"{result['recipe']}: ok  {result['hash']}{note}"
