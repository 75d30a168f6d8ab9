"""Discovery over real distributions: metadata and entry points on the path, nothing faked."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ganzoo.errors import UnknownComponent, UsageError
from ganzoo.registry.catalogue import PluginRecord, Registry
from ganzoo.registry.discovery import discover

FIXTURES = Path(__file__).parent.parent / "fixtures"
ROOT = FIXTURES.parent.parent

PLUGIN = """\
from ganzoo import components_in, hookimpl


@hookimpl
def ganzoo_components():
    return components_in(__package__)
"""
BLOCK = '''\
"""Leaves everything as it is."""

__all__ = ["PlainGeneratorBlock"]


class PlainGeneratorBlock:
    def __init__(self, site, *, depth: int = 2) -> None:
        self.depth = depth
'''


class Site:
    """A folder on the path, into which distributions are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def package(self, name: str, files: dict[str, str]) -> Path:
        for path, text in files.items():
            file = self.folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        return self.folder / name

    def distribution(self, name: str, version: str, **entry_points: str) -> None:
        lines = [f"{vendor} = {value}" for vendor, value in entry_points.items()]
        folder = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        (folder / "entry_points.txt").write_text("\n".join(["[ganzoo]", *lines, ""]))
        importlib.invalidate_caches()

    def install(self, name: str, vendor: str, module: str, version: str = "0.3", **files: str):
        self.package(module, {"__init__.py": PLUGIN, "generator_block/plain.py": BLOCK, **files})
        self.distribution(name, version, **{vendor: module})


@pytest.fixture
def site(tmp_path, monkeypatch):
    for variable in ("GANZOO_DISABLE", "GANZOO_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith("acme"):
            del sys.modules[name]


def record_of(registry: Registry, vendor: str) -> PluginRecord:
    return next(plugin for plugin in registry.plugins if plugin.vendor == vendor)


def blocks(registry: Registry) -> list[str]:
    return [
        found.name for found in registry.components("generator_block") if found.vendor != "ganzoo"
    ]


def why(registry: Registry, vendor: str) -> str:
    record = record_of(registry, vendor)
    assert record.state == "failed"
    assert record.components == ()
    return str(record.error)


def test_our_own_components_come_through_the_hook_in_a_checkout_too(site):
    record = record_of(discover(), "ganzoo")
    assert record.error is None
    assert (record.state, record.module) == ("loaded", "ganzoo.plugins")
    assert record.source == "ganzoo 0.1.0"


def test_an_installed_distribution_is_found_by_its_entry_point(site):
    site.install("acme-blocks", "acme", "acme_found")
    registry = discover()
    found = registry.find("generator_block", "acme/plain")
    assert registry.distribution_of(found) == "acme-blocks 0.3"
    assert found.target == "acme_found.generator_block.plain:PlainGeneratorBlock"
    assert registry.load(found).__name__ == "PlainGeneratorBlock"


def test_an_entry_point_may_name_an_object_that_yields_by_hand(site):
    site.package(
        "acme_object",
        {
            "__init__.py": (
                "from ganzoo import Component, hookimpl\n"
                "class Offers:\n"
                "    @hookimpl\n"
                "    def ganzoo_components(self):\n"
                "        yield Component(kind='loss', name='acme/hinge',\n"
                "                        target='acme_object.losses:Hinge', summary='Hinge.')\n"
                "plugin = Offers()\n"
            )
        },
    )
    site.distribution("acme-object", "1", acme="acme_object:plugin")
    assert discover().find("loss", "acme/hinge").summary == "Hinge."


def test_a_broken_import_is_recorded_with_its_line_and_disturbs_nobody(site):
    site.install("acme-blocks", "acme", "acme_broken", **{"__init__.py": "\n\nimport einnops\n"})
    site.install("acme-good", "good", "acme_good")
    registry = discover()
    assert blocks(registry) == ["good/plain"]
    assert why(registry, "acme") == "No module named 'einnops' (acme_broken/__init__.py:3)"
    assert record_of(registry, "acme").error.distribution == "acme-blocks"


def test_a_recipe_that_names_the_broken_plugin_is_told_why(site):
    site.install("acme-blocks", "acme", "acme_named", **{"__init__.py": "\n\nimport einnops\n"})
    with pytest.raises(UnknownComponent) as caught:
        discover().find("generator_block", "acme/local-attention")
    assert str(caught.value) == (
        "needs the plugin 'acme', which failed to load:\n"
        "  No module named 'einnops' (acme_named/__init__.py:3). Reinstall acme-blocks, or see:"
        " ganzoo plugins acme"
    )


def test_an_error_deeper_in_the_plugin_is_placed_where_it_was_raised(site):
    site.install(
        "acme-blocks",
        "acme",
        "acme_deep",
        **{"__init__.py": "import acme_deep.inner\n", "inner.py": "x = 1\ny = x / 0\n"},
    )
    text = why(discover(), "acme")
    assert text == "ZeroDivisionError: division by zero (acme_deep/inner.py:2)"


def test_a_plugin_that_is_not_python_is_placed_too(site):
    site.install("acme-blocks", "acme", "acme_syntax", **{"__init__.py": "\ndef (:\n"})
    assert why(discover(), "acme") == "invalid syntax (acme_syntax/__init__.py:2)"


def test_a_malformed_component_fails_its_whole_plugin(site):
    site.install("acme-blocks", "acme", "acme_bad", **{"generator_block/two.py": "x = 1\n"})
    registry = discover()
    assert blocks(registry) == []
    assert "acme_bad/generator_block/two.py:1: the file has no docstring" in why(registry, "acme")


def test_two_distributions_that_claim_one_vendor_are_both_refused_by_name(site):
    site.install("acme-blocks", "acme", "acme_one")
    site.install("acme-tools", "acme", "acme_two", version="1.0")
    registry = discover()
    assert blocks(registry) == []
    text = why(registry, "acme")
    assert "acme-blocks 0.3 (acme_one)" in text
    assert "acme-tools 1.0 (acme_two)" in text
    assert "Uninstall all but one" in text
    assert "acme_one" not in sys.modules


def test_nobody_takes_our_own_name(site):
    site.install("acme-blocks", "ganzoo", "acme_thief")
    registry = discover()
    assert record_of(registry, "ganzoo").module == "ganzoo.plugins"
    text = why(registry, "ganzoo@acme-blocks")
    assert "acme-blocks 0.3 (acme_thief) claims the vendor 'ganzoo'" in text


@pytest.mark.parametrize("blocked", ["acme", "*"])
def test_a_disabled_plugin_is_not_imported(site, blocked):
    site.install("acme-blocks", "acme", "acme_off")
    registry = discover(disabled=(blocked,))
    assert blocks(registry) == []
    assert record_of(registry, "acme").state == "disabled"
    assert record_of(registry, "ganzoo").state == "loaded"
    assert registry.failures == ()
    assert "acme_off" not in sys.modules


def test_the_environment_disables_too(site, monkeypatch):
    site.install("acme-blocks", "acme", "acme_off")
    site.install("acme-more", "more", "acme_more")
    site.install("acme-kept", "kept", "acme_kept")
    monkeypatch.setenv("GANZOO_DISABLE", "acme, more")
    assert blocks(discover()) == ["kept/plain"]


def test_a_module_that_is_not_installed_joins_by_hand(site):
    site.package("acme_module", {"__init__.py": PLUGIN, "generator_block/plain.py": BLOCK})
    registry = discover(extra=("acme=acme_module",))
    found = registry.find("generator_block", "acme/plain")
    assert registry.distribution_of(found) == "acme_module (not installed)"


def test_a_folder_joins_by_hand(site, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    elsewhere = Site(tmp_path / "elsewhere")
    elsewhere.package("acme_folder", {"__init__.py": PLUGIN, "generator_block/plain.py": BLOCK})
    registry = discover(extra=("acme=./elsewhere/acme_folder",))
    loaded = registry.load(registry.find("generator_block", "acme/plain"))
    assert loaded.__module__ == "acme_folder.generator_block.plain"


def test_ranks_inherit_what_was_added_by_hand(site, monkeypatch):
    site.package("acme_a", {"__init__.py": PLUGIN, "generator_block/plain.py": BLOCK})
    site.package("acme_b", {"__init__.py": PLUGIN, "generator_block/plain.py": BLOCK})
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("GANZOO_PLUGINS", f"a={site.folder}/acme_a,b=acme_b")
    assert blocks(discover(extra=("a=./site/acme_a",))) == ["a/plain", "b/plain"]


def test_adding_by_hand_what_is_installed_is_not_a_clash(site):
    site.install("acme-blocks", "acme", "acme_twice")
    registry = discover(extra=("acme=acme_twice", "acme=./site/acme_twice"))
    assert record_of(registry, "acme").source == "acme-blocks 0.3"
    assert blocks(registry) == ["acme/plain"]


def test_adding_something_else_for_an_installed_vendor_is_a_clash(site):
    site.install("acme-blocks", "acme", "acme_there")
    site.package("acme_other", {"__init__.py": PLUGIN})
    text = why(discover(extra=("acme=acme_other",)), "acme")
    assert "acme-blocks 0.3 (acme_there) and -p acme=acme_other" in text


def test_a_folder_whose_name_is_taken_is_refused_not_confused(site, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    Site(tmp_path).package("json", {"__init__.py": PLUGIN})
    text = why(discover(extra=("acme=./json",)), "acme")
    assert "is taken: 'import json' gives '" in text
    assert "Rename the folder" in text


def test_a_folder_written_as_a_module_is_told_how_to_be_written(site, tmp_path):
    Site(tmp_path).package("acme_here", {"__init__.py": PLUGIN})
    assert "write -p acme=./acme_here" in why(discover(extra=("acme=acme_here",)), "acme")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("acme", "expected VENDOR=MODULE"),
        ("=acme_blocks", "expected VENDOR=MODULE"),
        ("ganzoo=acme_blocks", "'ganzoo' is our own name"),
        ("acme=acme-blocks", "'acme-blocks' is not the name of a module"),
        ("acme=./nowhere", "there is no folder"),
        ("acme=./site", "has no __init__.py with the hook ganzoo_components"),
    ],
)
def test_a_plugin_that_cannot_be_meant_is_the_users_mistake(site, value, expected):
    with pytest.raises(UsageError) as caught:
        discover(extra=(value,))
    assert expected in str(caught.value)
    assert repr(value) in str(caught.value)


def test_adding_a_generator_block_is_one_new_file_and_no_edit(site):
    package = site.folder / "acme_copy"
    shutil.copytree(FIXTURES / "acme_blocks", package)
    site.distribution("acme-blocks", "0.3", acme="acme_copy")
    assert blocks(discover()) == ["acme/local-attention"]
    before = {file: file.read_bytes() for file in package.rglob("*.py")}

    (package / "generator_block" / "plain.py").write_text(BLOCK)
    importlib.invalidate_caches()

    registry = discover()
    assert blocks(registry) == ["acme/local-attention", "acme/plain"]
    assert registry.schema(registry.find("generator_block", "acme/plain")).parameters["depth"]
    assert {file: file.read_bytes() for file in before} == before


def test_the_example_plugin_shows_its_parameters(site):
    shutil.copytree(FIXTURES / "acme_blocks", site.folder / "acme_copy")
    site.distribution("acme-blocks", "0.3", acme="acme_copy")
    registry = discover()
    schema = registry.schema(registry.find("generator_block", "acme/local-attention"))
    assert {name: str(parameter.type) for name, parameter in schema.parameters.items()} == {
        "inner": "generator_block",
        "heads": "int",
        "window": "int",
        "from_resolution": "int",
    }
    assert schema.parameters["inner"].required


def test_discovery_and_schemas_import_neither_torch_nor_numpy(site):
    site.install("acme-blocks", "acme", "acme_light")
    (site.folder / "acme_light" / "generator_block" / "plain.py").write_text(
        BLOCK.replace("\n__all__", "\nimport torch\n\n__all__", 1)
    )
    program = (
        "import sys\n"
        "from ganzoo.registry.discovery import discover\n"
        "registry = discover()\n"
        "schemas = [registry.schema(found) for found in registry.components()]\n"
        "assert 'acme/plain' in [found.name for found in registry.components()]\n"
        "print(sorted({'torch', 'numpy', 'PIL', 'cupy', 'yaml'} & set(sys.modules)))\n"
    )
    paths = os.pathsep.join([str(ROOT), str(site.folder)])
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout.strip(), result.returncode) == ("[]", 0), result.stderr
