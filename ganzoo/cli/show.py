"""Show a component with its parameters, or a recipe as it is resolved."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.cli.list import known_kind
from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, add_point_option, registry_from
from ganzoo.cli.sources import recipe_source
from ganzoo.errors import UsageError
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.component import Component
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.source import locate
from ganzoo.registry.types import Parameter, Record, Schema, written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """KIND NAME, or RECIPE with overrides; --origin, --json."""
    parser.usage = (
        "ganzoo show KIND NAME [--json]\n"
        "       ganzoo show RECIPE [key=value ...] [--point N] [--origin] [--json]"
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="WORD",
        help="a kind and a component's name (skip for ganzoo/skip will do), "
        "or a recipe and overrides",
    )
    add_point_option(parser)
    parser.add_argument(
        "--origin", action="store_true", help="say for every value which file or override set it"
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Tell the two forms apart by whether the first word is a kind."""
    first, *rest = args.words
    registry = registry_from(args)
    if first in KINDS:
        if args.point is not None:
            raise UsageError("ganzoo show: --point belongs to a recipe; a component has no points.")
        return _show_component(first, rest, registry, args)
    misplaced = [word for word in rest if "=" not in word]
    if misplaced:
        _refuse(first, misplaced[0])
    return _show_recipe(first, rest, registry, args)


def _refuse(first: str, second: str) -> None:
    if "/" not in first and "." not in first:
        known_kind(first)
    raise UsageError(
        f"ganzoo show: {second!r} is neither an override (key=value) nor, after {first!r}, "
        "the name of a component.\n  See: ganzoo show --help"
    )


def _show_component(
    kind: str, rest: list[str], registry: Registry, args: argparse.Namespace
) -> int:
    if len(rest) != 1:
        raise UsageError(
            f"ganzoo show {kind}: name one component of this kind.\n  See: ganzoo list {kind}"
        )
    component = registry.find_short(kind, rest[0])
    schema = registry.schema(component)
    if args.json:
        print_json(_component_record(component, schema, registry))
    else:
        print(_component_text(component, schema, registry))
    return 0


def _component_text(component: Component, schema: Schema, registry: Registry) -> str:
    parts = [f"{component.kind} {component.name}\n{component.summary}"]
    if schema.doc and schema.doc != component.summary:
        parts.append(schema.doc)
    rows = list(_parameter_rows(schema.parameters.values()))
    parts.append("Parameters:\n" + (table(rows, indent="  ") or "  (none)"))
    settings = list(_parameter_rows(KINDS[component.kind].settings))
    if settings:
        parts.append(f"Settings of any {component.kind}:\n" + table(settings, indent="  "))
    facts = [
        ("from", registry.distribution_of(component)),
        ("class", component.target),
        ("file", _file(component)),
        ("contract", f"{KINDS[component.kind].contract} {component.contract}"),
    ]
    parts.append(table(facts))
    return "\n\n".join(parts)


def _parameter_rows(
    parameters: Iterable[Parameter], prefix: str = ""
) -> Iterable[tuple[str, str, str]]:
    for parameter in parameters:
        name = prefix + parameter.name
        if isinstance(parameter.type, Record):
            yield name, str(parameter.type), parameter.doc
            yield from _parameter_rows(parameter.type.fields.values(), f"{name}.")
            continue
        default = "" if parameter.required else f" = {written(parameter.default)}"
        yield name, f"{parameter.type}{default}", parameter.doc


def _file(component: Component) -> str:
    spec = locate(component.target.partition(":")[0])
    return "-" if spec is None or spec.origin is None else spec.origin


def _component_record(
    component: Component, schema: Schema, registry: Registry
) -> Mapping[str, Any]:
    return {
        "kind": component.kind,
        "name": component.name,
        "summary": component.summary,
        "doc": schema.doc,
        "parameters": [_parameter_record(entry) for entry in schema.parameters.values()],
        "settings": [_parameter_record(entry) for entry in KINDS[component.kind].settings],
        "distribution": registry.distribution_of(component),
        "target": component.target,
        "file": _file(component),
        "contract": component.contract,
    }


def _parameter_record(parameter: Parameter) -> Mapping[str, Any]:
    record: dict[str, Any] = {
        "name": parameter.name,
        "type": str(parameter.type),
        "required": parameter.required,
        "doc": parameter.doc,
    }
    if not parameter.required:
        record["default"] = parameter.default
    if isinstance(parameter.type, Record):
        record["fields"] = [_parameter_record(entry) for entry in parameter.type.fields.values()]
    return record


def _show_recipe(
    word: str, overrides: list[str], registry: Registry, args: argparse.Namespace
) -> int:
    from ganzoo.recipe.dump import dump
    from ganzoo.recipe.grid import load_point
    from ganzoo.recipe.identity import recipe_hash
    from ganzoo.recipe.rooms import HASHED, rooms_of

    loaded = load_point(recipe_source(word), args.point, overrides, registry=registry)
    identity = recipe_hash(loaded.recipe)
    if args.json:
        record: dict[str, Any] = {
            "recipe": word,
            "name": loaded.recipe.name,
            "hash": identity,
            "resolved": {room: rooms_of(loaded.recipe)[room] for room in HASHED},
        }
        if args.origin:
            record["origin"] = loaded.origin
        print_json(record)
        return 0
    print(dump(loaded.recipe, loaded.origin if args.origin else None).rstrip())
    print(f"# hash: {identity}")
    return 0
