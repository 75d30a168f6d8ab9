"""Where recipes lie: files, files beside files, and files inside packages."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ganzoo.errors import RecipeError

_IN_PACKAGE = re.compile(r"(?P<package>[A-Za-z_]\w+(?:\.[A-Za-z_]\w*)*):(?P<file>[^:]+)")
_SHIPPED = "ganzoo.recipes"


@dataclass(frozen=True, slots=True)
class Source:
    """A recipe file, and the name that errors give it.

    Args:
        path: to open.
        shown: as the user would write it: a path, or ``"package:file.yaml"``.
    """

    path: Path
    shown: str

    def read_text(self) -> str:
        """Its text.

        Raises:
            RecipeError: it is not there, not readable, or not UTF-8.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise RecipeError(
                f"there is no such recipe file{shipped_hint(self.path.name) or '.'}",
                where=self.shown,
            ) from None
        except IsADirectoryError:
            raise RecipeError(
                "this is a folder; name a recipe file in it", where=self.shown
            ) from None
        except OSError as error:
            raise RecipeError(
                f"this file cannot be read: {error.strerror or error}", where=self.shown
            ) from error
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise RecipeError(
                "this file is not UTF-8 text. Is it a recipe? If so, save it as UTF-8",
                where=f"{self.shown}:{line}",
            ) from error


def locate(source: str | Path) -> Source:
    """The file of a path or of ``"package:file.yaml"``.

    Raises:
        RecipeError: there is no such package.
    """
    found = _IN_PACKAGE.fullmatch(source) if isinstance(source, str) else None
    if found is None:
        return Source(Path(source), Path(source).as_posix())
    return _in_package(found["package"], found["file"])


def locate_beside(text: str, source: Source) -> Source:
    """The file that ``extends: text`` means when ``source`` says it.

    Raises:
        RecipeError: there is no such package.
    """
    if _IN_PACKAGE.fullmatch(text):
        return locate(text)
    found = _IN_PACKAGE.fullmatch(source.shown)
    if found is not None:
        file = os.path.normpath(os.path.join(os.path.dirname(found["file"]), text))
        shown = f"{found['package']}:{Path(file).as_posix()}"
    else:
        shown = Path(os.path.normpath(os.path.join(os.path.dirname(source.shown), text))).as_posix()
    return Source(source.path.parent / text, shown)


def _in_package(package: str, file: str) -> Source:
    folders = _folders_of(package)
    if not folders:
        raise RecipeError(
            f"there is no package {package!r} with recipes in it. Is its distribution installed?",
            where=f"{package}:{file}",
        )
    paths = [folder / file for folder in folders]
    return Source(next((p for p in paths if p.is_file()), paths[0]), f"{package}:{file}")


def _folders_of(package: str) -> list[Path]:
    """The folders of a package; its parents are imported, itself is not."""
    try:
        spec = importlib.util.find_spec(package)
    except ImportError:
        spec = None
    folders = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    checkout = Path(__file__).parents[2] / "recipes"
    if package == _SHIPPED and not folders and checkout.is_dir():
        return [checkout]
    return folders


def shipped_hint(word: str) -> str:
    """How to name the recipe that ships with ganzoo and that a word seems to mean, or nothing."""
    name = Path(word).name
    for folder in _folders_of(_SHIPPED):
        for file in (name, f"{name}.yaml"):
            if (folder / file).is_file():
                return f".\n  One of that name ships with ganzoo: {_SHIPPED}:{file}"
    return ""
