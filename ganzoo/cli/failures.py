"""How a plugin that could not be loaded is told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.registry.catalogue import PluginRecord, Registry


def failure_lines(registry: Registry) -> list[str]:
    """One line for every plugin that failed, with where to read more."""
    return [
        f"{title(plugin)} failed to load: {reason(plugin)}. See: ganzoo plugins {plugin.vendor}"
        for plugin in registry.failures
    ]


def title(plugin: PluginRecord) -> str:
    """``acme (acme-blocks 0.3)``, or with its module where it is not installed."""
    source = plugin.source if plugin.distribution else plugin.module
    return f"{plugin.vendor} ({source})"


def reason(plugin: PluginRecord) -> str:
    """The first line of what went wrong, without its full stop."""
    return str(plugin.error or "").partition("\n")[0].rstrip(".")


def failure_record(plugin: PluginRecord) -> Mapping[str, Any]:
    """A failed plugin as plain data."""
    return {
        "vendor": plugin.vendor,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "error": str(plugin.error or ""),
    }
