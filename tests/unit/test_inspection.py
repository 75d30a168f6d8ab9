"""The table of a recipe's layers: who supplied each, what it makes, and what it costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from inspected import inspecting

from ganzoo.assembly.build import supplier_of
from ganzoo.assembly.inspection import Inspection, LayerRow
from ganzoo.errors import BadValue, ContractError
from ganzoo.ops.implementation import forced_by_environment

Inspect = Callable[..., Inspection]


@pytest.fixture(scope="module")
def inspect(tmp_path_factory):
    with inspecting(tmp_path_factory.mktemp("inspected")) as made:
        yield made


@pytest.fixture(scope="module")
def published(inspect) -> Inspection:
    return inspect(source="ganzoo.recipes:stylegan2-e.yaml", resolution=1024)


def rows(inspection: Inspection, network: str) -> dict[str, LayerRow]:
    return {row.path: row for row in inspection.networks[network].rows}


def modulated(inputs: int, outputs: int, kernel: int, pixels: int) -> int:
    """The kernel at each pixel that it reads, and the kernel's norms under a sample's style."""
    return inputs * outputs * kernel**2 * pixels + inputs * outputs


def test_config_e_has_the_published_parameters(published):
    assert published.networks["generator"].parameters == 24_900_764
    assert published.networks["discriminator"].parameters == 24_038_161
    assert published.parameters == 24_900_764 + 24_038_161


def test_config_e_multiplies_as_its_layers_say(published):
    widths = [min(16384 // (4 << k), 512) for k in range(9)]
    pixels = [(4 << k) ** 2 for k in range(9)]
    generator = 8 * 512 * 512 + 512 * widths[0] + modulated(widths[0], widths[0], 3, 16)
    discriminator = 3 * widths[8] * pixels[8]
    for k in range(8):
        narrow, wide = widths[k], widths[k + 1]
        generator += 512 * (2 * narrow + wide)  # affine layers: to-RGB, up, plain
        generator += 3 * narrow * pixels[k]
        generator += modulated(narrow, wide, 3, pixels[k])
        generator += modulated(wide, wide, 3, pixels[k + 1])
        discriminator += wide * wide * 9 * pixels[k + 1]
        discriminator += (9 + 1) * wide * narrow * pixels[k]
    generator += 512 * widths[8] + 3 * widths[8] * pixels[8]
    discriminator += 513 * 512 * 9 * 16 + 512 * 16 * 512 + 512
    assert published.networks["generator"].multiply_adds == generator
    assert published.networks["discriminator"].multiply_adds == discriminator


def test_fixed_filters_are_counted_apart(inspect):
    table = inspect("task.discriminator.block=ganzoo/residual", resolution=8).networks
    # 8 channels, 16 taps: 9x9 pixels before the strided convolution, 4x4 on the way past it
    assert table["discriminator"].filter_multiply_adds == 8 * 16 * (9 * 9 + 4 * 4)


def test_a_layer_has_its_output_shape_parameters_and_type(inspect):
    found = rows(inspect(), "generator")
    conv = found["blocks.1.up.conv"]
    assert conv.output_shape == (4, 16, 16)
    assert conv.parameters == 4 * 8 * 9 + 4
    assert conv.multiply_adds == modulated(8, 4, 3, 64)
    assert conv.dtype == "float32"
    assert found["blocks.1.up.affine"].output_shape == (8,)
    assert found["stem"].output_shape == (8, 4, 4)
    assert found["mapping.layers.1"].output_shape == (5,)
    assert found["to_rgb.2.layer.conv"].output_shape == (3, 16, 16)


def test_a_layer_names_the_innermost_component_around_it(inspect):
    found = rows(inspect("task.discriminator.block=ganzoo/residual"), "generator")
    assert found["blocks.0.up.conv"].component == "ganzoo/demodulation"
    assert found["mapping.layers.0"].component == "ganzoo/mlp"
    assert (found["stem"].kind, found["stem"].component) == ("stem", "ganzoo/constant")
    found = rows(inspect(), "discriminator")
    assert found["from_rgb.2"].component == "ganzoo/stack-discriminator"
    assert found["blocks.0.skip"].component == "ganzoo/residual"
    assert found["head.dense"].distribution == "ganzoo 9.9"


def test_a_third_partys_block_stands_beside_the_block_that_it_wraps(inspect):
    found = rows(
        inspect(
            "task.generator.block={use: acme/local-attention, inner: ganzoo/residual, heads: 2}"
        ),
        "generator",
    )
    mixing = found["blocks.0.query_key_value"]
    assert (mixing.component, mixing.distribution) == ("acme/local-attention", "acme-blocks 0.3")
    assert found["blocks.0.inner.skip"].component == "ganzoo/residual"
    assert found["blocks.0.inner.up.conv"].component == "ganzoo/demodulation"
    # windows of 4x4 pixels: 16 scores a pixel and head, and as many sums of values
    assert found["blocks.0"].multiply_adds == 2 * 64 * 16 * 8


def test_weights_of_each_samples_own_are_counted_for_one_sample(inspect):
    found = rows(inspect("task.generator.normalization=odd/grouped"), "generator")
    assert found["blocks.1.refine"].multiply_adds == 4 * 4 * 9 * 256
    assert found["blocks.1.refine"].component == "odd/grouped"


def test_torchs_own_layers_have_their_shapes_and_work(inspect):
    table = inspect("task.discriminator.block=odd/attentive", resolution=8)
    found = rows(table, "discriminator")
    assert found["blocks.0.norm"].output_shape == (8, 8, 8)
    attention = found["blocks.0.attention"]
    assert attention.output_shape == (64, 8)
    assert attention.multiply_adds == 64 * 8 * 24 + 2 * 64 * 64 * 8  # in, then scores and sums
    kernel = found["blocks.0.conv.parametrizations.weight"]  # where spectral norm keeps it
    assert kernel.multiply_adds == 64 * 8 * 8 * 9


def test_labels_reach_the_layers_that_read_them(inspect):
    found = rows(inspect(label_width=7), "discriminator")
    assert found["head.mapping.embed"].multiply_adds == 7 * 8
    assert "head.mapping.embed" not in rows(inspect(), "discriminator")


def test_a_grown_network_says_which_layers_it_has_left_behind(inspect):
    grown = inspect(source="ganzoo.recipes:stylegan-a.yaml")
    found = rows(grown, "discriminator")
    assert found["from_rgb.2"].output_shape is not None
    assert found["from_rgb.0"].output_shape is None
    assert found["from_rgb.0"].parameters > 0


def test_a_component_that_looks_at_values_is_refused(inspect):
    with pytest.raises(ContractError, match=r"looks at the values of tensors while it is built"):
        inspect("task.generator.block=odd/curious")


def test_what_a_network_refuses_is_told_with_its_place(inspect):
    with pytest.raises(BadValue, match=r"^task\.discriminator: a batch of 4 does not please me$"):
        inspect("task.discriminator.head=odd/choosy")


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (
            "task.discriminator.head=odd/clumsy",
            r"^task\.discriminator\.head: odd/clumsy cannot be run at head: unsupported operand",
        ),
        (
            "task.generator.block=odd/lonely",
            r"^task\.generator\.block: odd/lonely cannot be run at blocks\.0: .*positional arg",
        ),
    ],
    ids=["raised inside", "called in vain"],
)
def test_a_component_that_raises_a_type_error_is_named(inspect, override, text):
    with pytest.raises(ContractError, match=text):
        inspect(override)


def test_a_network_that_only_its_task_can_call_still_has_its_parameters(inspect, tmp_path):
    recipe = tmp_path / "pairs.yaml"
    recipe.write_text("ganzoo: 1\nabout: Pairs.\ntask: odd/pairs\ndata: ganzoo/shapes\n")
    table = inspect(source=recipe).networks["comparison"]
    (row,) = table.rows
    assert (row.path, row.parameters, row.output_shape) == ("conv", 56, None)
    assert table.trace is None


def test_inspecting_leaves_the_random_state_alone(inspect):
    before = torch.get_rng_state()
    inspect()
    assert torch.equal(before, torch.get_rng_state())


def test_a_module_that_a_component_made_for_itself_has_no_supplier():
    assert supplier_of(torch.nn.Linear(1, 1)) is None


@pytest.mark.parametrize("said", ["reference", "cupy"])
def test_the_environment_does_not_change_what_is_told(inspect, monkeypatch, said):
    monkeypatch.delenv("GANZOO_OPS", raising=False)
    told = inspect()
    monkeypatch.setenv("GANZOO_OPS", said)
    assert inspect() == told


def test_inspecting_leaves_the_environment_in_force(inspect, monkeypatch):
    monkeypatch.setenv("GANZOO_OPS", "reference")
    inspect()
    assert forced_by_environment() == "reference"
