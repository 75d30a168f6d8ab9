"""The one hook that a plugin may implement."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from ganzoo.registry.component import Component

PROJECT = "ganzoo"
HOOK = "ganzoo_components"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class GanzooHooks:
    """Everything a plugin may implement. It returns data and changes nothing."""

    @hookspec
    def ganzoo_components(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Yield the components this plugin offers. Must not import torch.

        Names may be bare (``local-attention``) or carry the plugin's own vendor
        (``acme/local-attention``); the registry writes the vendor in front of a bare name.
        """
