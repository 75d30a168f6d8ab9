"""Every component that this process can use, and the plugins they come from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any, Literal

from pluggy import PluginManager

from ganzoo.errors import (
    ContractError,
    NameClash,
    PluginError,
    PluginLoadError,
    UnknownComponent,
    UsageError,
)
from ganzoo.registry.admission import admitted, is_name
from ganzoo.registry.component import Component
from ganzoo.registry.fault import fault_of
from ganzoo.registry.hookspecs import HOOK, PROJECT, GanzooHooks
from ganzoo.registry.kinds import KINDS
from ganzoo.registry.schema import read_schema
from ganzoo.registry.suggest import did_you_mean
from ganzoo.registry.types import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """One plugin: where it comes from and what became of it.

    Args:
        vendor: the name that its components carry before the slash.
        module: what was, or would have been, imported.
        distribution: the installed package; empty where none is (``-p``).
        version: of the distribution.
        components: what it offers; empty unless it is loaded.
        error: why it failed; None unless it did.
    """

    vendor: str
    module: str
    distribution: str = ""
    version: str = ""
    state: Literal["loaded", "failed", "disabled"] = "loaded"
    components: tuple[Component, ...] = ()
    error: PluginError | None = None

    @property
    def source(self) -> str:
        """``"acme-blocks 0.3"``, or the module of a plugin that is not installed."""
        return f"{self.distribution} {self.version}".strip() or f"{self.module} (not installed)"


class Registry:
    """Components by kind and name. A new one is empty; ``discovery.discover`` fills one.

    Each plugin is all or nothing: one that fails leaves no name behind and disturbs no other.
    """

    def __init__(self) -> None:
        self._manager = PluginManager(PROJECT)
        self._manager.add_hookspecs(GanzooHooks)
        self._plugins: dict[str, PluginRecord] = {}
        self._components: dict[tuple[str, str], Component] = {}
        self._schemas: dict[Component, Schema] = {}

    def register(
        self, vendor: str, plugin: object, distribution: str = "", version: str = ""
    ) -> PluginRecord:
        """Add one plugin. What it does wrong is recorded, not raised.

        Args:
            vendor: the name that its components will carry.
            plugin: a module or any object with the hook, or where to import one:
                ``"package.module"`` or ``"package.module:name"``.

        Raises:
            NameClash: this registry already knows the vendor.
        """
        named = isinstance(plugin, str)
        module = str(plugin if named else getattr(plugin, "__name__", type(plugin).__name__))
        self._expect_new(vendor)
        try:
            if named:
                plugin = EntryPoint(name=vendor, value=module, group=PROJECT).load()
            components = self._ask(vendor, plugin, module)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (the boundary: code of strangers)
            self._manager.unregister(name=vendor)
            return self.refuse(vendor, fault_of(error, module), module, distribution, version)
        record = PluginRecord(
            vendor=vendor,
            module=module,
            distribution=distribution,
            version=version,
            components=components,
        )
        self._plugins[vendor] = record
        self._components.update({(found.kind, found.name): found for found in components})
        return record

    def refuse(
        self,
        vendor: str,
        error: PluginError,
        module: str,
        distribution: str = "",
        version: str = "",
    ) -> PluginRecord:
        """Record a plugin that cannot be used, and why."""
        self._expect_new(vendor)
        error.vendor = vendor
        error.distribution = distribution or None
        self._plugins[vendor] = record = PluginRecord(
            vendor=vendor,
            module=module,
            distribution=distribution,
            version=version,
            state="failed",
            error=error,
        )
        return record

    def disable(
        self, vendor: str, module: str, distribution: str = "", version: str = ""
    ) -> PluginRecord:
        """Record a plugin that the user blocked; nothing of it is imported."""
        self._expect_new(vendor)
        self._plugins[vendor] = record = PluginRecord(
            vendor=vendor,
            module=module,
            distribution=distribution,
            version=version,
            state="disabled",
        )
        return record

    @property
    def plugins(self) -> tuple[PluginRecord, ...]:
        """Every plugin, by vendor."""
        return tuple(self._plugins[vendor] for vendor in sorted(self._plugins))

    @property
    def failures(self) -> tuple[PluginRecord, ...]:
        """The plugins that could not be loaded."""
        return tuple(plugin for plugin in self.plugins if plugin.state == "failed")

    def components(self, kind: str | None = None) -> tuple[Component, ...]:
        """Every component, or those of one kind, sorted by kind and name."""
        keys = sorted(key for key in self._components if kind in (None, key[0]))
        return tuple(self._components[key] for key in keys)

    def find(self, kind: str, name: str) -> Component:
        """The component of this kind and full name.

        Raises:
            UnknownComponent: there is none; the text says why and what there is instead.
        """
        found = self._components.get((kind, name))
        if found is None:
            raise UnknownComponent(self._missing(kind, name))
        return found

    def find_short(self, kind: str, name: str) -> Component:
        """As ``find``, the vendor left out where only one has the name; for the command line.

        Raises:
            UsageError: several vendors have a component of this name.
            UnknownComponent: none has.
        """
        if "/" in name:
            return self.find(kind, name)
        found = [
            component
            for component in self.components(kind)
            if component.name.partition("/")[2] == name
        ]
        if len(found) > 1:
            names = ", ".join(component.name for component in found)
            raise UsageError(
                f"several components of the kind {kind} are named {name!r}.\n"
                f"  Write one of them in full: {names}"
            )
        return found[0] if found else self.find(kind, name)

    def schema(self, component: Component) -> Schema:
        """What a recipe may write under a component; its file is read once, never imported.

        Raises:
            ContractError: the file breaks the star rule.
        """
        if component not in self._schemas:
            try:
                self._schemas[component] = read_schema(component)
            except PluginError as error:
                self._sign(error, component)
                raise
        return self._schemas[component]

    def load(self, component: Component) -> type[Any]:
        """The component's class; this is what imports its module.

        Raises:
            PluginLoadError: the module cannot be imported.
            ContractError: it holds no such class.
        """
        module, _, name = component.target.partition(":")
        problem: PluginError
        try:
            found = getattr(import_module(module), name, None)
        except (Exception, SystemExit) as error:
            problem = PluginLoadError(
                f"{component.kind} {component.name} cannot be imported:\n"
                f"  {fault_of(error, module)}. {_repair(self._plugins.get(component.vendor))}"
            )
            self._sign(problem, component)
            raise problem from error
        if isinstance(found, type):
            return found
        problem = ContractError(
            f"{component.kind} {component.name}: {module} has no class {name!r}, which its plugin"
            f" names as the target. {_repair(self._plugins.get(component.vendor))}"
        )
        self._sign(problem, component)
        raise problem

    def distribution_of(self, component: Component) -> str:
        """``"ganzoo 0.1.0"``; the module's name where no distribution is installed."""
        return self._plugins[component.vendor].source

    def _expect_new(self, vendor: str) -> None:
        if vendor in self._plugins:
            raise NameClash(
                f"the vendor {vendor!r} is already {self._plugins[vendor].source}.", vendor=vendor
            )

    def _ask(self, vendor: str, plugin: object, module: str) -> tuple[Component, ...]:
        """Register with pluggy, verify, call this plugin's implementation alone, and check."""
        if not is_name(vendor):
            raise ContractError(
                f"{vendor!r} cannot be a vendor's name: lower-case words joined by hyphens."
            )
        other = self._manager.get_name(plugin)
        if other is not None:
            raise NameClash(f"{module} already serves as the vendor {other!r}; use that name.")
        self._manager.register(plugin, name=vendor)
        self._manager.check_pending()
        # One implementation at a time: a call of the hook would end at the first that raises,
        # and take the innocent ones with it.
        hook = self._manager.hook.ganzoo_components
        for implementation in hook.get_hookimpls():
            if implementation.plugin_name == vendor:
                if implementation.hookwrapper or implementation.wrapper:
                    raise ContractError(
                        f"{module}: {HOOK} is a wrapper; a plugin speaks for itself only."
                    )
                return admitted(vendor, implementation.function())
        raise ContractError(
            f"{module} implements no hook. It needs a function {HOOK}() decorated with"
            " @ganzoo.hookimpl that returns components_in(__package__)."
        )

    def _sign(self, error: PluginError, component: Component) -> None:
        error.vendor = component.vendor
        record = self._plugins.get(component.vendor)
        error.distribution = record.distribution or None if record else None

    def _missing(self, kind: str, name: str) -> str:
        """Why there is no such component, and what to do about it."""
        if kind not in KINDS:
            meant = did_you_mean(kind, KINDS)
            hint = f"Did you mean {meant!r}?  " if meant else ""
            return f"there is no kind {kind!r}.\n  {hint}Kinds: {', '.join(KINDS)}"
        vendor, slash, _ = name.partition("/")
        record = self._plugins.get(vendor) if slash else None
        if record is not None and record.state == "failed":
            return (
                f"needs the plugin {vendor!r}, which failed to load:\n"
                f"  {_sentence(record.error)} {_repair(record)}"
            )
        if record is not None and record.state == "disabled":
            return (
                f"needs the plugin {vendor!r}, which is disabled.\n"
                "  Leave it out of --no-plugin and GANZOO_DISABLE to use it."
            )
        names = [component.name for component in self.components(kind)]
        meant = did_you_mean(name, names)
        hint = f"Did you mean {meant!r}?  " if meant else ""
        installed = f"Installed: {', '.join(names) or 'none'}"
        if slash and record is None:
            vendors = ", ".join(plugin.vendor for plugin in self.plugins) or "none"
            return (
                f"needs the plugin {vendor!r} for {name!r}, which is not installed.\n"
                f"  {hint}Plugins: {vendors}. Install the package that offers it, or add one by"
                f" -p {vendor}=MODULE"
            )
        others = [other for other in KINDS if (other, name) in self._components]
        if others:
            hint = f"{name!r} is a {' and a '.join(others)}.  " + hint
        elif not slash:
            hint = "Names are written vendor/name.  " + hint
        return f"no {kind} is named {name!r}.\n  {hint}{installed}"


def _sentence(error: PluginError | None) -> str:
    return f"{str(error).rstrip('.')}."


def _repair(record: PluginRecord | None) -> str:
    """What to do about a broken plugin."""
    if record is None:
        return "Install its plugin anew."
    if isinstance(record.error, NameClash):
        return f"See: ganzoo plugins {record.vendor}"
    repair = f"Reinstall {record.distribution}" if record.distribution else "Correct it"
    return f"{repair}, or see: ganzoo plugins {record.vendor}"
