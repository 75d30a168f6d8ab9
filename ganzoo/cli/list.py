"""List the components that recipes can name, by kind."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganzoo.cli.failures import failure_lines, failure_record
from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.cli.sources import SHIPPED, shipped_recipes
from ganzoo.errors import UsageError
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.suggest import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """KIND, --json."""
    parser.add_argument(
        "kind",
        nargs="?",
        metavar="KIND",
        help="only this kind, or the recipes that ship with ganzoo",
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the components grouped by kind, then the plugins that failed."""
    if args.kind == "recipes":
        return _recipes(args.json)
    if args.kind is not None:
        known_kind(args.kind)
    registry = registry_from(args)
    kinds = (args.kind,) if args.kind else tuple(KINDS)
    if args.json:
        _print_json(registry, kinds)
        return 0
    shown = [_group(registry, kind) for kind in kinds if args.kind or registry.components(kind)]
    print("\n\n".join(shown) if shown else "No component is installed. See: ganzoo plugins")
    failed = failure_lines(registry)
    if failed:
        print()
        print("\n".join(failed))
    return 0


def _recipes(as_json: bool) -> int:
    """Print the recipes that can be named without a path, with what they say about themselves."""
    from ganzoo.recipe.compose import compose
    from ganzoo.recipe.listed import word
    from ganzoo.recipe.place import Problems

    trees = {name: compose(f"{SHIPPED}:{name}", Problems()).tree for name in shipped_recipes()}
    found = [(Path(name).stem, word(tree, "about", "")) for name, tree in trees.items()]
    if as_json:
        print_json([{"recipe": name, "about": text} for name, text in found])
    else:
        print(table(found) or "No recipe ships with this installation. See: ganzoo doctor")
    return 0


def known_kind(word: str) -> str:
    """The word, if it is a kind.

    Raises:
        UsageError: it is not.
    """
    if word in KINDS:
        return word
    nearest = did_you_mean(word, KINDS)
    hint = f"Did you mean {nearest!r}?  " if nearest else ""
    raise UsageError(f"there is no kind {word!r}.\n  {hint}Kinds: {', '.join(KINDS)}")


def _group(registry: Registry, kind: str) -> str:
    heading = f"{kind}: {KINDS[kind].summary}"
    rows = [(found.name, found.summary) for found in registry.components(kind)]
    return heading + "\n" + (table(rows, indent="  ") or "  (none installed)")


def _print_json(registry: Registry, kinds: Sequence[str]) -> None:
    print_json(
        {
            "components": [
                {
                    "kind": found.kind,
                    "name": found.name,
                    "summary": found.summary,
                    "target": found.target,
                    "contract": found.contract,
                    "distribution": registry.distribution_of(found),
                }
                for kind in kinds
                for found in registry.components(kind)
            ],
            "failures": [failure_record(plugin) for plugin in registry.failures],
        }
    )
