"""The recipes that ship with ganzoo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.recipe.diff import ABSENT, diff
from ganzoo.recipe.dump import dump
from ganzoo.recipe.grid import load_grid
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
    grid = load_grid(f"ganzoo.recipes:{name}", registry=registry)
    assert grid.about
    for point in grid.points:
        recipe = point.loaded.recipe
        (tmp_path / "recipe.yaml").write_text(dump(recipe), encoding="utf-8")
        again = load_recipe(tmp_path / "recipe.yaml", registry=registry).recipe
        assert again == recipe
        assert recipe_hash(again) == recipe_hash(recipe)


@pytest.mark.parametrize("name", NAMES)
def test_the_path_and_the_package_name_the_same_recipe(name, registry):
    by_path = load_grid(FOLDER / name, registry=registry)
    by_package = load_grid(f"ganzoo.recipes:{name}", registry=registry)
    for one, other in zip(by_path.points, by_package.points, strict=True):
        assert one.loaded.recipe == other.loaded.recipe
        assert one.loaded.files[0].read_bytes() == other.loaded.files[0].read_bytes()


def changes(registry, before, after):
    """What a step of a ladder changes: path to the new value."""
    left, right = (
        load_recipe(FOLDER / f"{name}.yaml", registry=registry).recipe for name in (before, after)
    )
    return {d.path: d.right for d in diff(left, right)}


def test_the_steps_of_stylegan_change_what_the_paper_says(registry):
    def step(before, after):
        return changes(registry, f"stylegan-{before}", f"stylegan-{after}")

    assert changes(registry, "progan", "stylegan-a") == {}
    generator, mapping = "task.generator", "task.generator.mapping"
    assert step("a", "b") == {
        f"{generator}.blur": (1.0, 2.0, 1.0),
        "task.discriminator.blur": (1.0, 2.0, 1.0),
        "task.discriminator.block.pool": False,
        "task.discriminator.head.label": "one-hot",
        "task.growth.start": 8,
        "task.loss.use": "ganzoo/logistic",
        "task.loss.drift": ABSENT,
        "task.regularizers.gp.use": ABSENT,
        "task.regularizers.gp.weight": ABSENT,
        "task.regularizers.gp.every": ABSENT,
        "task.regularizers.gp.target": ABSENT,
        "task.regularizers.r1.use": "ganzoo/r1",
        "task.regularizers.r1.weight": 10.0,
        "task.regularizers.r1.every": 1,
        "training.images": 25_000_000,
        "training.ema.decay_per_step": None,
    }
    assert step("b", "c") == {
        f"{mapping}.use": "ganzoo/mlp",
        f"{mapping}.depth": 8,
        f"{mapping}.width": 512,
        f"{mapping}.hidden": None,
        f"{mapping}.lr_scale": 0.01,
        f"{mapping}.label": "matrix",
        f"{generator}.normalization.use": "ganzoo/adain",
    }
    assert step("c", "d") == {
        f"{generator}.stem.use": "ganzoo/constant",
        f"{generator}.stem.finished": True,
    }
    assert step("d", "e") == {f"{generator}.noise": True}
    assert step("e", "f") == {"task.style_mixing": 0.9}


def test_the_steps_of_stylegan2_change_what_the_paper_says(registry):
    def step(before, after):
        return changes(registry, f"stylegan2-{before}", f"stylegan2-{after}")

    assert changes(registry, "stylegan-f", "stylegan2-a") == {
        "task.order": ("generator", "discriminator")
    }
    networks = {
        f"task.{network}.{name}": value
        for network in ("generator", "discriminator")
        for name, value in (
            ("gain", "activation"),
            ("resample", (1.0, 3.0, 3.0, 1.0)),
            ("blur", None),
            ("image_resample", (1.0, 1.0)),
        )
    }
    assert step("a", "b") == {
        **networks,
        "task.generator.stem.finished": False,
        "task.generator.normalization.use": "ganzoo/demodulation",
    }
    assert step("b", "c") == {"task.regularizers.r1.every": 16}
    path = "task.regularizers.path"
    assert step("c", "d") == {
        f"{path}.use": "ganzoo/path-length",
        f"{path}.weight": 2.0,
        f"{path}.every": 4,
        f"{path}.decay": 0.01,
        f"{path}.batch_fraction": 0.5,
    }
    architecture = step("d", "e")
    growth = {name for name in architecture if name.startswith("task.growth")}
    assert {name: architecture[name] for name in architecture.keys() - growth} == {
        "task.generator.block.use": "ganzoo/skip",
        "task.discriminator.block.use": "ganzoo/residual",
        "task.discriminator.block.pool": ABSENT,
        "task.generator.image_resample": None,
        "task.discriminator.image_resample": None,
        "task.generator.mapping.label": "affine",
        "task.discriminator.head.label": "projection",
        "task.regularizers.r1.weight": 100.0,
        "training.optimizer.lr": 0.002,
    }
    assert architecture["task.growth"] is None


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
