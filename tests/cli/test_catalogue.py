from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

BLOCK = '''\
"""A block for a test."""

from __future__ import annotations

from torch import nn

from ganzoo.registry.contracts import GeneratorSite

__all__ = ["WideGeneratorBlock"]


class WideGeneratorBlock(nn.Module):
    """A block for a test.

    Args:
        heads: how many.
    """

    num_styles = 2

    def __init__(self, site: GeneratorSite, *, heads: int = 8) -> None:
        super().__init__()
'''
PLUGIN = """\
from ganzoo import components_in, hookimpl

@hookimpl
def ganzoo_components():
    return components_in(__package__)
"""


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    folder = tmp_path / "acme_blocks"
    (folder / "generator_block").mkdir(parents=True)
    (folder / "__init__.py").write_text(PLUGIN)
    (folder / "generator_block" / "__init__.py").touch()
    (folder / "generator_block" / "wide.py").write_text(BLOCK)
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    folder = tmp_path / "broken_blocks"
    folder.mkdir()
    (folder / "__init__.py").write_text("import a_module_that_nobody_has\n")
    return folder


def test_list_shows_the_components_by_kind_with_a_summary(ganzoo):
    result = ganzoo("list")
    assert result.code == 0
    assert "generator_block: One doubling of the synthesis stack." in result.out
    line = next(line for line in result.out.splitlines() if "ganzoo/logistic" in line)
    assert len(line.split()) > 3
    assert result.err == ""


def test_list_of_one_kind_shows_nothing_else(ganzoo):
    out = ganzoo("list", "loss").out
    assert "ganzoo/logistic" in out
    assert "ganzoo/skip" not in out


def test_list_as_json_says_where_each_component_is_from(ganzoo):
    listed = json.loads(ganzoo("list", "--json").out)
    found = {(entry["kind"], entry["name"]): entry for entry in listed["components"]}
    assert found["loss", "ganzoo/logistic"]["distribution"].startswith("ganzoo ")
    assert listed["failures"] == []


def test_an_unknown_kind_gets_its_neighbour_named(ganzoo):
    result = ganzoo("list", "los")
    assert result.code == 2
    assert "there is no kind 'los'." in result.one_message
    assert "Did you mean 'loss'?" in result.err


def test_show_tells_the_parameters_of_a_component(ganzoo):
    result = ganzoo("show", "regularizer", "ganzoo/path-length")
    assert result.code == 0
    assert "decay" in result.out
    assert "float = 0.01" in result.out
    assert "Settings of any regularizer:" in result.out
    assert "path_length.py" in result.out
    assert "from" in result.out


def test_a_short_name_is_enough_on_the_command_line(ganzoo):
    full, short = ganzoo("show", "loss", "ganzoo/logistic"), ganzoo("show", "loss", "logistic")
    assert short.code == 0
    assert short.out == full.out


def test_show_as_json_has_types_and_defaults(ganzoo):
    shown = json.loads(ganzoo("show", "regularizer", "path-length", "--json").out)
    decay = next(entry for entry in shown["parameters"] if entry["name"] == "decay")
    assert (decay["type"], decay["default"], decay["required"]) == ("float", 0.01, False)


def test_an_unknown_component_gets_its_neighbour_named(ganzoo):
    result = ganzoo("show", "loss", "ganzoo/logstic")
    assert result.code == 2
    assert "Did you mean 'ganzoo/logistic'?" in result.one_message


def test_show_of_a_kind_alone_asks_for_a_name(ganzoo):
    result = ganzoo("show", "loss")
    assert result.code == 2
    assert "ganzoo list loss" in result.one_message


def test_show_of_a_misspelt_kind_names_its_neighbour(ganzoo):
    result = ganzoo("show", "generator-block", "skip")
    assert result.code == 2
    assert "Did you mean 'generator_block'?" in result.one_message


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_folder_joins_as_a_plugin_without_being_installed(ganzoo, acme, place):
    given = ["-p", f"acme=./{acme.name}"]
    command = ["list", "generator_block"]
    result = ganzoo(*(given + command if place == "before" else command + given))
    assert result.code == 0
    assert "acme/wide" in result.out
    assert "A block for a test." in result.out


def test_the_parameters_of_a_stranger_are_shown_with_their_docs(ganzoo, acme):
    out = ganzoo("show", "generator_block", "acme/wide", "-p", f"acme={acme}").out
    row = next(line for line in out.splitlines() if line.split()[:1] == ["heads"])
    assert row.split()[1:] == ["int", "=", "8", "how", "many."]


def test_a_broken_plugin_costs_one_line_and_nobody_else(ganzoo, broken):
    result = ganzoo("-p", f"broken={broken}", "list")
    assert result.code == 0
    assert "ganzoo/skip" in result.out
    last = result.out.splitlines()[-1]
    assert last.startswith("broken")
    assert "failed to load: No module named 'a_module_that_nobody_has'" in last
    assert last.endswith("See: ganzoo plugins broken")


def test_plugins_tells_why_one_failed_and_what_to_do(ganzoo, broken):
    result = ganzoo("plugins", "broken", "-p", f"broken={broken}")
    assert result.code == 0
    assert "a_module_that_nobody_has" in result.out
    assert "What to do:" in result.out
    assert "--no-plugin broken" in result.out


def test_plugins_lists_vendor_state_and_count(ganzoo, acme):
    result = ganzoo("plugins", "-p", f"acme={acme}")
    assert result.code == 0
    rows = {line.split()[0]: line.split() for line in result.out.splitlines()}
    assert rows["ganzoo"][3] == "loaded"
    assert rows["acme"][-2:] == ["loaded", "1"]


def test_plugins_as_json(ganzoo, broken):
    listed = json.loads(ganzoo("plugins", "--json", "-p", f"broken={broken}").out)
    states = {entry["vendor"]: entry["state"] for entry in listed}
    assert states == {"ganzoo": "loaded", "broken": "failed"}


def test_a_blocked_plugin_is_not_imported(ganzoo, broken):
    result = ganzoo("list", "-p", f"broken={broken}", "--no-plugin", "broken")
    assert result.code == 0
    assert "failed to load" not in result.out


def test_an_unknown_plugin_gets_its_neighbour_named(ganzoo):
    result = ganzoo("plugins", "ganzo")
    assert result.code == 2
    assert "Did you mean 'ganzoo'?" in result.one_message


def test_doctor_finds_no_problem_here(ganzoo):
    result = ganzoo("doctor", "--json")
    found = json.loads(result.out)
    assert [
        entry["problem"] for entry in found["problems"] if "memory" not in entry["problem"]
    ] == []
    assert found["versions"]["torch"]
    assert "quickstart" in found["recipes and settings"]["recipes"]


def test_doctor_puts_problems_first_with_their_remedy(ganzoo, broken):
    result = ganzoo("doctor", "-p", f"broken={broken}", env={"GANZOO_DATA": "/nowhere"})
    assert result.code == 1
    assert result.out.startswith("Problems:")
    assert "See: ganzoo plugins broken" in result.out
    assert "GANZOO_DATA='/nowhere' names nothing that exists." in result.out


def test_recipes_that_ship_are_listed_with_what_they_are(in_process):
    result = in_process("list", "recipes")
    assert result.code == 0
    assert re.search(r"^stylegan2-f +StyleGAN2 config F, FFHQ 1024", result.out, re.MULTILINE)
    found = json.loads(in_process("list", "recipes", "--json").out)
    assert {"recipe", "about"} == set(found[0])
    assert "stylegan2-table2" in {each["recipe"] for each in found}
