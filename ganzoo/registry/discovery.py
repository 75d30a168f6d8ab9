"""Finds the installed plugins, and those the user adds by hand, and fills a registry with them."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ganzoo import __version__
from ganzoo.errors import NameClash, PluginError, PluginLoadError, UsageError
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.hookspecs import PROJECT
from ganzoo.registry.source import locate

_OURS = "ganzoo"
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*)?")


def discover(*, disabled: Collection[str] = (), extra: Sequence[str] = ()) -> Registry:
    """A registry of every plugin that is installed or added by hand.

    No plugin can stop another: whatever goes wrong with one is recorded in ``failures``.

    Args:
        disabled: vendors to leave alone, before anything of theirs is imported; ``"*"`` is every
            vendor but ganzoo. ``GANZOO_DISABLE`` adds to it, separated by commas.
        extra: plugins that are not installed, as ``-p`` takes them: ``acme=acme_blocks`` for a
            module, ``acme=./my_blocks`` for a package's folder. ``GANZOO_PLUGINS`` adds to it,
            separated by commas, so that ranks and workers inherit them.

    Raises:
        UsageError: one of ``extra`` cannot be read, or names no folder.
    """
    blocked = {*disabled, *_listed(os.environ.get("GANZOO_DISABLE", ""), ",")}
    added = [*extra, *_listed(os.environ.get("GANZOO_PLUGINS", ""), ",")]
    by_vendor: dict[str, list[_Claim]] = {}
    for claim in (_ours(), *_installed(), *map(_by_hand, added)):
        claims = by_vendor.setdefault(claim.vendor, [])
        if not any(claim.is_same(other) for other in claims):
            claims.append(claim)
    registry = Registry()
    for impostor in by_vendor[_OURS][1:]:
        registry.refuse(f"{_OURS}@{impostor.distribution}", _impostor(impostor), *impostor.identity)
    del by_vendor[_OURS][1:]
    for vendor in sorted(by_vendor):
        claims = by_vendor[vendor]
        first = claims[0]
        if vendor in blocked or ("*" in blocked and vendor != _OURS):
            registry.disable(vendor, *first.identity)
        elif len(claims) > 1:
            registry.refuse(vendor, _clash(vendor, claims), ", ".join(c.module for c in claims))
        elif (obstacle := first.obstacle()) is not None:
            registry.refuse(vendor, obstacle, *first.identity)
        else:
            registry.register(vendor, *first.identity)
    return registry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Somebody says that this module speaks for this vendor.

    Args:
        folder: the package's folder, where the user named that instead of a module.
    """

    vendor: str
    module: str
    distribution: str = ""
    version: str = ""
    folder: Path | None = None

    def __str__(self) -> str:
        if self.distribution:
            return f"{self.distribution} {self.version} ({self.module})"
        return f"-p {self.vendor}={self.folder or self.module}"

    @property
    def identity(self) -> tuple[str, str, str]:
        """Module, distribution and version, as a registry takes them."""
        return self.module, self.distribution, self.version

    def is_same(self, other: _Claim) -> bool:
        """Whether both mean one module of one distribution, or one of them by hand."""
        if self.module != other.module:
            return False
        if self.distribution and other.distribution:
            return self.distribution == other.distribution
        return self.place() == other.place()

    def place(self) -> Path | None:
        """The folder of its top package."""
        if self.folder is not None:
            return self.folder
        place = locate(re.split("[.:]", self.module)[0])
        return None if place is None or place.origin is None else _folder_of(place.origin)

    def obstacle(self) -> PluginError | None:
        """Make the folder's package importable; return why that is impossible, if it is."""
        if self.folder is None:
            if not self.distribution and locate(self.module) is None and Path(self.module).is_dir():
                return PluginLoadError(
                    f"No module named {self.module!r}. For the folder of that name write"
                    f" -p {self.vendor}=./{self.module}"
                )
            return None
        # At the end, so that nothing beside the folder hides an installed module. On the path and
        # not loaded by hand, because spawned loader workers inherit the path.
        if str(self.folder.parent) not in sys.path:
            sys.path.append(str(self.folder.parent))
        found = locate(self.module)
        origin = None if found is None else found.origin
        if origin is None or _folder_of(origin) != self.folder:
            return PluginLoadError(
                f"the name of the folder {str(self.folder)!r} is taken: 'import {self.module}'"
                f" gives {origin or 'another module'!r}. Rename the folder."
            )
        return None


def _folder_of(origin: str) -> Path:
    return Path(origin).resolve().parent


def _ours() -> _Claim:
    """The claim of ganzoo itself, whatever the installed metadata says.

    A checkout that was never installed has no entry points, and an old installation may have
    those of another version. From here on ours takes the road of all others.
    """
    return _Claim(vendor=_OURS, module="ganzoo.plugins", distribution=_OURS, version=__version__)


def _installed() -> Iterator[_Claim]:
    """What the installed distributions claim."""
    for entry in importlib.metadata.entry_points(group=PROJECT):
        source = entry.dist
        name, version = (source.name, source.version) if source is not None else ("", "")
        if entry.name == _OURS and name == _OURS:
            continue
        yield _Claim(
            vendor=entry.name, module=entry.value, distribution=name or "", version=version or ""
        )


def _by_hand(value: str) -> _Claim:
    """The claim that a ``-p`` makes."""
    vendor, equals, where = (part.strip() for part in value.partition("="))
    if not (vendor and equals and where):
        raise UsageError(
            f"-p {value!r}: expected VENDOR=MODULE, as in acme=acme_blocks, or VENDOR=FOLDER, as"
            " in acme=./my_blocks"
        )
    if vendor == _OURS:
        raise UsageError(f"-p {value!r}: {_OURS!r} is our own name; choose another vendor")
    if "/" not in where and os.sep not in where and not where.startswith("."):
        if _MODULE.fullmatch(where):
            return _Claim(vendor=vendor, module=where)
        raise UsageError(
            f"-p {value!r}: {where!r} is not the name of a module. A folder is written with a"
            f" slash, as in {vendor}=./{where}"
        )
    folder = Path(where).expanduser().resolve()
    if not folder.is_dir():
        raise UsageError(f"-p {value!r}: there is no folder {str(folder)!r}")
    if not (folder / "__init__.py").is_file():
        raise UsageError(
            f"-p {value!r}: {str(folder)!r} has no __init__.py with the hook ganzoo_components"
        )
    if not folder.name.isidentifier():
        raise UsageError(
            f"-p {value!r}: a package's folder is named like a Python name, not {folder.name!r}"
        )
    return _Claim(vendor=vendor, module=folder.name, folder=folder)


def _clash(vendor: str, claims: Iterable[_Claim]) -> NameClash:
    names = " and ".join(str(claim) for claim in claims)
    return NameClash(
        f"the vendor {vendor!r} is claimed by {names}, so none of them was loaded. Uninstall all"
        " but one, or give the one added by -p another vendor."
    )


def _impostor(claim: _Claim) -> NameClash:
    """Why only the stranger is refused, not both.

    Else any package could switch ganzoo off.
    """
    return NameClash(
        f"{claim} claims the vendor {_OURS!r}, which is ganzoo's own. Its entry point needs"
        " another name."
    )


def _listed(text: str, separators: str) -> list[str]:
    return [part.strip() for part in re.split(f"[{re.escape(separators)}]", text) if part.strip()]
