"""``ganzoo inspect`` as a user types it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

PAIRS = '''\
"""A network that takes two images, as only this task knows."""
from torch import nn

__all__ = ["PairsTask"]


class Comparison(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, first, second, *, how):
        return self.conv(first) - self.conv(second)


class PairsTask:
    """A task."""

    averages = ()

    def __init__(self, site) -> None:
        self.networks = {"comparison": Comparison()}
        self.state = nn.Module()
'''


def test_the_table_tells_each_layer_and_the_totals(ganzoo, toy):
    result = ganzoo("inspect", toy)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith("toy ")
    assert ": images of 16x16x" in lines[0]
    assert [line for line in lines if line in ("generator", "discriminator")] == [
        "generator",
        "discriminator",
    ]
    (conv,) = [line for line in lines if line.split()[:1] == ["blocks.0.up.conv"]]
    assert "ganzoo/demodulation" in conv
    assert "8x8x8" in conv
    assert len([line for line in lines if line.split()[:1] == ["total"]]) == 2
    assert max(map(len, lines)) <= 120


def test_a_size_that_the_recipe_leaves_open_is_said_and_can_be_chosen(in_process):
    result = in_process("inspect", "stylegan2-e", "task.generator.channels_max=8")
    assert "stylegan2-e leaves its resolution to the data: inspected at 1024x1024" in result.err
    result = in_process("inspect", "stylegan2-e", "data.resolution=32", "--classes", "3")
    assert "images of 32x32x3, 3 classes" in result.out
    assert not result.err


def test_layers_of_a_network_that_was_not_run_are_not_called_unused(ganzoo):
    (ganzoo.folder / "odd" / "task").mkdir(parents=True)
    (ganzoo.folder / "odd" / "__init__.py").write_text(
        "from ganzoo import components_in, hookimpl\n\n\n"
        "@hookimpl\ndef ganzoo_components():\n    return components_in(__package__)\n"
    )
    (ganzoo.folder / "odd" / "task" / "__init__.py").touch()
    (ganzoo.folder / "odd" / "task" / "pairs.py").write_text(PAIRS)
    (ganzoo.folder / "pairs.yaml").write_text(
        "ganzoo: 1\nabout: Pairs.\ntask: odd/pairs\ndata: ganzoo/shapes\n"
    )
    result = ganzoo("inspect", "pairs.yaml", "-p", "odd=./odd")
    assert result.code == 0, result.err
    (conv,) = [line.split() for line in result.out.splitlines() if line.split()[:1] == ["conv"]]
    assert "-" in conv
    assert "unused" not in result.out


def test_data_that_lies_in_files_is_not_asked(in_process):
    result = in_process("inspect", "stylegan2-e", "data.use=ganzoo/image-folder")
    assert result.code == 0, result.err
    assert "inspected at 1024x1024" in result.err


def test_json_has_the_same_numbers(in_process):
    result = in_process("inspect", "stylegan2-e", "--json")
    networks = json.loads(result.out)["networks"]
    assert networks["generator"]["parameters"] == 24_900_764
    layers = networks["generator"]["layers"]
    assert sum(layer["multiply_adds"] for layer in layers) == networks["generator"]["multiply_adds"]


def test_a_drawing_is_written_beside_the_table(in_process, tmp_path):
    result = in_process(
        "inspect",
        "stylegan2-e",
        "data.resolution=16",
        "--draw",
        "e.svg",
        "--against",
        "stylegan2-f",
    )
    assert result.code == 0, result.err
    assert "Drawn: e.svg" in result.err
    text = (tmp_path / "e.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "not in stylegan2-f" in text


def test_a_point_of_a_grid_is_inspected_by_its_number(in_process):
    result = in_process("inspect", "stylegan2-table2", "--point", "8", "data.resolution=16")
    assert result.code == 0, result.err
    assert "blocks.0.skip" in result.out


def test_a_drawing_needs_a_name_that_ends_in_svg(in_process):
    result = in_process("inspect", "stylegan2-e", "--draw", "e.png")
    assert result.code == 2
    assert "--draw 'e.png': drawings are SVG files; expected a name that ends in .svg" in result.err


def test_options_of_the_drawing_need_a_drawing(in_process):
    result = in_process("inspect", "stylegan2-e", "--all-levels")
    assert result.code == 2
    assert "--all-levels is about the drawing" in result.err


def test_a_folder_that_is_not_there_is_no_traceback(in_process):
    result = in_process("inspect", "quickstart", "--draw", "nowhere/e.svg")
    assert result.code == 2
    assert "--draw 'nowhere/e.svg': No such file or directory" in result.err
