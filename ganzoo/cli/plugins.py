"""List the plugins and their state, or tell everything about one."""

from __future__ import annotations

import argparse

from ganzoo.cli.failures import failure_record
from ganzoo.cli.output import print_json, table
from ganzoo.cli.parser import add_json_option, registry_from
from ganzoo.errors import UsageError
from ganzoo.registry.catalogue import PluginRecord
from ganzoo.registry.suggest import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME, --json."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a vendor, for its details")
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table of plugins, or the details of one."""
    registry = registry_from(args)
    plugins = registry.plugins
    if args.name is not None:
        plugins = tuple(plugin for plugin in plugins if plugin.vendor == args.name)
        if not plugins:
            raise UsageError(_unknown(args.name, [plugin.vendor for plugin in registry.plugins]))
    if args.json:
        print_json([_record(plugin) for plugin in plugins])
    elif args.name is not None:
        print("\n\n".join(_details(plugin) for plugin in plugins))
    else:
        print(table([_row(plugin) for plugin in plugins], _HEADINGS))
    return 0


_HEADINGS = ("vendor", "distribution", "version", "state", "components")


def _row(plugin: PluginRecord) -> tuple[str, ...]:
    return (
        plugin.vendor,
        plugin.distribution or "-",
        plugin.version or "-",
        plugin.state,
        str(len(plugin.components)),
    )


def _details(plugin: PluginRecord) -> str:
    rows = [
        ("vendor", plugin.vendor),
        ("from", plugin.source),
        ("module", plugin.module),
        ("state", plugin.state),
    ]
    parts = [table(rows)]
    if plugin.state == "failed":
        parts.append(f"Why: {plugin.error}\n\n{_remedy(plugin)}")
    elif plugin.state == "disabled":
        parts.append("Blocked by --no-plugin or GANZOO_DISABLE; nothing of it was imported.")
    if plugin.components:
        found = [(entry.kind, entry.name, entry.summary) for entry in plugin.components]
        parts.append(table(found))
    return "\n\n".join(parts)


def _remedy(plugin: PluginRecord) -> str:
    block = f"--no-plugin {plugin.vendor} (or GANZOO_DISABLE={plugin.vendor})"
    if plugin.distribution:
        again = f"reinstall it with 'pip install --force-reinstall {plugin.distribution}'"
    else:
        again = f"correct {plugin.module!r}"
    return f"What to do: {again}, or go on without it by {block}."


def _record(plugin: PluginRecord) -> dict[str, object]:
    return {
        **failure_record(plugin),
        "module": plugin.module,
        "state": plugin.state,
        "components": [{"kind": entry.kind, "name": entry.name} for entry in plugin.components],
    }


def _unknown(name: str, vendors: list[str]) -> str:
    nearest = did_you_mean(name, vendors)
    hint = f"Did you mean {nearest!r}?  " if nearest else ""
    return f"no plugin of the vendor {name!r} is known.\n  {hint}Known: {', '.join(vendors)}"
