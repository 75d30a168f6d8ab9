"""The recipes that ship with ganzoo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.recipe.diff import diff
from ganzoo.recipe.dump import dump
from ganzoo.recipe.identity import recipe_hash
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry

FOLDER = Path(__file__).parents[2] / "recipes"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    made = Registry()
    made.register("ganzoo", "ganzoo.plugins", "ganzoo", "0")
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_recipe_resolves_and_its_dump_is_itself(name, registry, tmp_path):
    recipe = load_recipe(f"ganzoo.recipes:{name}", registry=registry).recipe
    (tmp_path / "recipe.yaml").write_text(dump(recipe), encoding="utf-8")
    again = load_recipe(tmp_path / "recipe.yaml", registry=registry).recipe
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)
    assert recipe.about


@pytest.mark.parametrize("name", NAMES)
def test_the_path_and_the_package_name_the_same_recipe(name, registry):
    by_path = load_recipe(FOLDER / name, registry=registry)
    by_package = load_recipe(f"ganzoo.recipes:{name}", registry=registry)
    assert by_path.recipe == by_package.recipe
    assert by_package.files[0].read_bytes() == (FOLDER / name).read_bytes()


def test_config_e_is_config_f_with_half_the_channels_and_a_stronger_r1(registry):
    e, f = (load_recipe(FOLDER / f"stylegan2-{x}.yaml", registry=registry).recipe for x in "ef")
    assert {d.path: (d.left, d.right) for d in diff(e, f)} == {
        "task.generator.channels_base": (16384, 32768),
        "task.discriminator.channels_base": (16384, 32768),
        "task.regularizers.r1.weight": (100.0, 10.0),
    }


def test_config_f_says_what_was_published(registry):
    recipe = load_recipe(FOLDER / "stylegan2-f.yaml", registry=registry).recipe
    training = recipe.training
    assert (training.images, training.batch, training.optimizer.lr) == (25_000_000, 32, 0.002)
    assert training.optimizer.betas == (0.0, 0.99)
    assert training.ema.half_life_images == 10_000
    regularizers = recipe.task.parameters["regularizers"]
    assert regularizers["r1"].settings == {"weight": 10.0, "every": 16}
    assert regularizers["path"].settings == {"weight": 2.0, "every": 4}
    assert recipe.data.use is None
    assert recipe.data.settings["labels"] == "none"
    assert recipe.data.settings["mirror"] is True


def test_resolving_a_recipe_imports_neither_torch_nor_numpy():
    code = (
        "import sys\n"
        "from ganzoo.recipe.load import load_recipe\n"
        "from ganzoo.registry.catalogue import Registry\n"
        "registry = Registry()\n"
        "registry.register('ganzoo', 'ganzoo.plugins')\n"
        "load_recipe('ganzoo.recipes:stylegan2-e.yaml', registry=registry)\n"
        "print(*{'torch', 'numpy', 'PIL'} & set(sys.modules))\n"
    )
    root = FOLDER.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
