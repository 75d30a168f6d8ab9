"""Recorded recipes resolve to their recorded hashes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry

FOLDER = Path(__file__).parent
HASHES = json.loads((FOLDER / "hashes.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


@pytest.mark.parametrize("name", sorted(HASHES))
def test_a_recorded_recipe_keeps_its_hash(name, registry):
    assert recipe_hash(load_recipe(FOLDER / name, registry=registry).recipe) == HASHES[name], (
        f"{name} resolves to another hash than recorded; README.md says what to do"
    )


def test_every_recipe_of_the_folder_is_recorded():
    assert {path.name for path in FOLDER.glob("*.yaml")} == set(HASHES)
