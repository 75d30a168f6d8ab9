"""The drawing of an architecture follows what the networks compute, and is legible."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from inspected import TINY, inspecting

from ganzoo.assembly.figure.dataflow import Dataflow
from ganzoo.assembly.figure.diagram import diagram
from ganzoo.assembly.figure.drawing import draw
from ganzoo.assembly.figure.layout import GLYPH, Layout
from ganzoo.errors import UsageError
from ganzoo.recipe.grid import is_grid

SHIPPED = [
    path
    for path in sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
    if not is_grid(path)
]
SVG = "{http://www.w3.org/2000/svg}"
GENERATORS = ("ganzoo/original", "ganzoo/skip", "ganzoo/residual")
ATTENTION = "task.generator.block={use: acme/local-attention, inner: ganzoo/skip, heads: 2}"


@pytest.fixture(scope="module")
def inspect(tmp_path_factory):
    with inspecting(tmp_path_factory.mktemp("drawn")) as made:
        yield made


def texts(drawing: str) -> list[str]:
    root = ElementTree.fromstring(drawing)
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def count(drawing: str, name: str) -> int:
    return len(re.findall(rf'class="{name}"', drawing))


@pytest.mark.parametrize("block", GENERATORS)
@pytest.mark.parametrize("normalization", ["ganzoo/demodulation", "ganzoo/adain"])
def test_there_is_an_a_for_each_affine_layer_and_a_b_for_each_noise(inspect, block, normalization):
    seen = inspect(f"task.generator.block={block}", f"task.generator.normalization={normalization}")
    paths = [row.path for row in seen.networks["generator"].rows]
    drawing = draw(seen, all_levels=True)
    assert count(drawing, "affine") == sum(path.endswith(".affine") for path in paths) > 4
    assert count(drawing, "noise") == sum(path.endswith(".noise") for path in paths) == 5


def test_without_noise_there_is_no_b(inspect):
    assert count(draw(inspect("task.generator.noise=false")), "noise") == 0


def test_skips_draw_an_image_of_each_resolution_and_residuals_one(inspect):
    skip = draw(inspect("task.generator.block=ganzoo/skip"))
    residual = draw(inspect("task.generator.block=ganzoo/residual"))
    assert texts(skip).count("to RGB") == 3
    assert texts(residual).count("to RGB") == 1
    # a residual block of the generator has a 1x1 beside it; the discriminator's two are in both
    assert texts(residual).count("Conv 1\N{MULTIPLICATION SIGN}1") == 2 + 2
    assert texts(skip).count("Conv 1\N{MULTIPLICATION SIGN}1") == 2


def test_input_skips_read_the_image_at_each_resolution(inspect):
    drawing = draw(inspect("task.discriminator.block=ganzoo/skip"))
    assert texts(drawing).count("from RGB") == 3
    assert texts(draw(inspect())).count("from RGB") == 1


@pytest.mark.parametrize(
    ("normalization", "words"),
    [
        ("ganzoo/demodulation", {"Mod", "Demod"}),
        ("ganzoo/revised", {"Mod", "Norm std"}),
        ("ganzoo/adain", {"Norm mean/std", "Style"}),
        ("odd/grouped", {"Mod"}),
    ],
)
def test_what_a_style_does_is_written_where_it_does_it(inspect, normalization, words):
    drawing = draw(inspect(f"task.generator.normalization={normalization}"))
    known = {"Mod", "Demod", "Norm std", "Norm mean/std", "Style"}
    assert known & set(texts(drawing)) == words


def test_weights_of_each_samples_own_still_show_their_affine_layers(inspect):
    seen = inspect(
        "task.generator.normalization=odd/grouped", "task.generator.block=ganzoo/original"
    )
    assert count(draw(seen), "affine") == 6  # the stem, two blocks of two, the to-RGB


def test_a_third_partys_attention_is_drawn_as_it_computes(inspect):
    written = texts(draw(inspect(ATTENTION)))
    assert written.count("softmax") == 2
    assert written.count("@") == 2 * 2 + 1  # scores and sums in two blocks, and the legend


def test_scores_of_an_attention_are_no_resolution(inspect):
    seen = inspect("task.discriminator.block=odd/attentive", resolution=16)
    (table,) = [table for table in seen.networks.values() if table.name == "discriminator"]
    items = Dataflow(table.trace, units=table.units, mixing=table.mixing).items(table.trace.outputs)
    assert diagram(items, image_channels=3).panels == [(16, 16), (8, 8), (4, 4)]
    assert {"Group norm", "softmax", "SiLU", "Avg pool2d"} <= set(texts(draw(seen)))


def test_everything_that_a_head_gives_is_drawn(inspect, tmp_path):
    told = "{use: ganzoo/auxiliary-classifier, network: generator}"
    path = tmp_path / "told.yaml"
    path.write_text(TINY.replace("task:\n", f"task:\n  regularizers: {{classes: {told}}}\n"))
    seen = inspect("task.discriminator.head.label=auxiliary", source=path, label_width=3)
    written = texts(draw(seen))
    assert {"score", "classes"} <= set(written)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_can_be_drawn(inspect, path):
    drawing = draw(inspect(source=path, resolution=32))
    assert {"to RGB", "from RGB", "image 32\N{MULTIPLICATION SIGN}32"} <= set(texts(drawing))


def test_a_conditional_head_shows_where_the_label_goes(inspect):
    written = texts(draw(inspect(label_width=3)))
    assert written.count("label") == 2
    assert "Minibatch stddev" in written


def test_the_same_recipe_gives_the_same_bytes(inspect):
    assert draw(inspect()) == draw(inspect())


def test_resolutions_that_repeat_are_left_out_unless_asked_for(inspect):
    seen = inspect(resolution=128)
    short, long = texts(draw(seen)), texts(draw(seen, all_levels=True))
    assert any("3 alike" in text for text in short)
    size = "32\N{MULTIPLICATION SIGN}32"
    assert size not in short
    assert long.count(size) == 2


def test_a_resolution_that_differs_is_never_left_out(inspect):
    attending = ATTENTION.replace("heads: 2", "heads: 2, from_resolution: 32")
    assert "32\N{MULTIPLICATION SIGN}32" in texts(draw(inspect(attending, resolution=128)))


def test_only_what_the_other_recipe_lacks_is_outlined(inspect):
    skip, original = inspect(), inspect("task.generator.block=ganzoo/original")
    assert count(draw(skip, against=inspect()), "outline") == 0
    # two to-RGB more, two sums, and two images that go up; the last to-RGB is in both
    assert count(draw(skip, against=original), "outline") == 6
    assert count(draw(original, against=skip), "outline") == 0


def test_an_outlined_card_that_is_left_out_outlines_what_stands_for_it(inspect):
    wide = inspect("task.generator.channels_base=128", resolution=128)
    narrow = inspect(resolution=128)
    # what is shown, 4x4, 8x8 and 128x128, has equal widths in both: 8, 8 and 1
    assert count(draw(wide, against=narrow), "outline") == 1
    assert count(draw(wide, against=narrow, all_levels=True), "outline") > 1


@pytest.mark.parametrize(
    "generator", [*GENERATORS, "{use: acme/local-attention, inner: ganzoo/skip}"]
)
@pytest.mark.parametrize("discriminator", GENERATORS)
def test_nothing_stands_on_anything_else(inspect, generator, discriminator):
    seen = inspect(
        f"task.generator.block={generator}",
        f"task.discriminator.block={discriminator}",
        label_width=3,
    )
    for table in seen.networks.values():
        flow = Dataflow(table.trace, units=table.units, mixing=table.mixing)
        for output, number in table.trace.outputs.items():
            made = diagram(flow.items({output: number}), image_channels=3)
            layout = Layout(made, 0, 0)
            for (one, box), (two, other) in combinations(layout.boxes.items(), 2):
                aside = abs(box.x - other.x) - (box.width + other.width) / 2
                right = one if box.x > other.x else two
                room = GLYPH + 10 if made.cards[right].takes_style else 0
                above = box.bottom < other.top or other.bottom < box.top
                assert above or aside > room, (made.cards[one], made.cards[two])
            inside = [box for n, box in layout.boxes.items() if made.cards[n].panel >= 0]
            assert all(box.x + box.width / 2 <= layout.right for box in inside)


def test_a_network_that_nobody_can_call_cannot_be_drawn(inspect, tmp_path):
    recipe = tmp_path / "pairs.yaml"
    recipe.write_text("ganzoo: 1\nabout: Pairs.\ntask: odd/pairs\ndata: ganzoo/shapes\n")
    with pytest.raises(UsageError, match=r"'comparison' of 'pairs' takes neither an image nor"):
        draw(inspect(source=recipe))
