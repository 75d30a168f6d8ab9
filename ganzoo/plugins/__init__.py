"""ganzoo's own components, offered through the hook that every plugin uses."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo import Component, components_in, hookimpl


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Yield what the folders beside this file hold."""
    return components_in(__package__)
