"""A tiny plugin with every form of parameter, and helpers to write and load recipes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Literal

import pytest

from ganzoo import Component, hookimpl
from ganzoo.errors import RecipeError, RecipeProblems
from ganzoo.recipe.load import LoadedRecipe, load_recipe
from ganzoo.registry.catalogue import Registry
from ganzoo.registry.contracts import (
    Factory,
    GeneratorBlock,
    LatentMapping,
    Loss,
    Network,
    Regularizer,
)

BASE = """\
ganzoo: 1
about: a small one
task:
  use: demo/task
  generator:
    use: demo/net
    block: {use: demo/skip, kernel: 5}
    width: 16
  loss: demo/logistic
  regularizers:
    r1: {use: demo/r1, weight: 10, every: 16}
    path: {use: demo/path, weight: 2, every: 4, decay: 0.02}
data: {mirror: true}
training: {images: 1_000, batch: 8}
"""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where growth starts."""

    level: int = 4
    fade: float = 0.5


class Task:
    """A task."""

    def __init__(
        self,
        site: object,
        *,
        generator: Factory[Network],
        loss: Factory[Loss],
        regularizers: Mapping[str, Factory[Regularizer]] = {},
        mixing: float = 0.9,
        order: tuple[Literal["generator", "discriminator"], ...] = ("generator", "discriminator"),
        base: tuple[int, int] = (4, 4),
    ) -> None: ...


class Net:
    """A network."""

    def __init__(
        self,
        site: object,
        *,
        block: Factory[GeneratorBlock],
        width: int = 8,
        clamp: float | None = 256,
        noise: bool = True,
        extra: Factory[LatentMapping] | None = None,
        lr: Mapping[int, float] = {},
        start: Start = Start(),
    ) -> None: ...


class Skip:
    """A block."""

    def __init__(self, site: object, *, kernel: int = 3) -> None: ...


class Attention:
    """A block around a block.

    Args:
        heads: how many.
    """

    def __init__(
        self, site: object, *, heads: int, inner: Factory[GeneratorBlock], clamp: int = 1
    ) -> None: ...


class Mapper:
    """A mapping."""

    def __init__(self, site: object, *, depth: int = 2) -> None: ...


class Plain:
    """A loss, or R1."""

    def __init__(self, site: object = None) -> None: ...


class Path_:  # noqa: N801
    """A regularizer."""

    def __init__(self, site: object = None, *, decay: float = 0.01) -> None: ...


class Digits:
    """A data set."""

    def __init__(self, site: object, *, split: Literal["train", "test"] = "train") -> None: ...


class Folder:
    """Another data set."""

    def __init__(self, site: object, *, crop: bool = False) -> None: ...


class Wild:
    """A block that breaks the star rule."""

    def __init__(self, site: object, **anything: int) -> None: ...


class Plugin:
    """What a plugin module would be."""

    @hookimpl
    def ganzoo_components(self) -> Iterable[Component]:
        """Every class above."""
        rows = {
            ("task", "task"): Task,
            ("network", "net"): Net,
            ("generator_block", "skip"): Skip,
            ("generator_block", "attention"): Attention,
            ("generator_block", "wild"): Wild,
            ("mapping", "mapper"): Mapper,
            ("loss", "logistic"): Plain,
            ("regularizer", "r1"): Plain,
            ("regularizer", "path"): Path_,
            ("dataset", "digits"): Digits,
            ("dataset", "folder"): Folder,
        }
        for (kind, name), found in rows.items():
            target = f"{__name__}:{found.__name__}"
            yield Component(kind=kind, name=f"demo/{name}", target=target, summary=name)


def registry() -> Registry:
    """A fresh registry with the plugin."""
    made = Registry()
    record = made.register("demo", Plugin(), "demo", "1.0")
    assert record.state == "loaded", record.error
    return made


@cache
def known() -> Registry:
    """One registry for all the tests that only read it."""
    return registry()


@dataclass(frozen=True)
class Desk:
    """A folder to write recipes into, the working directory of the test."""

    folder: Path

    def write(self, name: str, text: str) -> str:
        """Write a recipe; returns its name."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(dedent(text), encoding="utf-8")
        return name

    def load(self, text: str, *overrides: str, data_use: str | None = None) -> LoadedRecipe:
        """Resolve a recipe of this text, ``r.yaml``."""
        file = self.write("r.yaml", text)
        return load_recipe(file, overrides, registry=known(), data_use=data_use)

    def child(self, text: str, *overrides: str) -> LoadedRecipe:
        """Resolve a recipe of this text that extends ``BASE`` as ``base.yaml``."""
        self.write("base.yaml", BASE)
        return self.load("ganzoo: 1\nextends: base.yaml\n" + dedent(text), *overrides)

    def problems(self, text: str, *overrides: str) -> list[RecipeError]:
        """What is wrong with a recipe of this text."""
        with pytest.raises(RecipeProblems) as caught:
            self.load(text, *overrides)
        return list(caught.value.problems)

    def problem(self, text: str, *overrides: str) -> str:
        """The one thing that is wrong with it."""
        found = self.problems(text, *overrides)
        assert len(found) == 1, [str(each) for each in found]
        return str(found[0])

    def child_problem(self, text: str, *overrides: str) -> str:
        """The one thing that is wrong with a recipe that extends ``BASE``."""
        self.write("base.yaml", BASE)
        return self.problem("ganzoo: 1\nextends: base.yaml\n" + dedent(text), *overrides)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty desk."""
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)
