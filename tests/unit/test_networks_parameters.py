"""Exact parameter totals of ProGAN, StyleGAN and StyleGAN2, on the meta device."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from small_networks import DISCRIMINATOR_BLOCKS, GENERATOR_BLOCKS, num_parameters, site

from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.mapping.identity import IdentityMapping
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.network.stack_discriminator import StackDiscriminator
from ganzoo.plugins.network.style_generator import StyleGenerator
from ganzoo.plugins.normalization.adain import AdainNormalization
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.normalization.pixel import PixelNormalization
from ganzoo.plugins.normalization.revised import RevisedNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.plugins.stem.dense import DenseStem

CONFIG_E, CONFIG_F = 16384, 32768


def published_generator(side, channels_base, block="skip", depth=8):
    with torch.device("meta"):
        return StyleGenerator(
            site((side, side)),
            block=GENERATOR_BLOCKS[block],
            normalization=DemodulationNormalization,
            mapping=partial(MlpMapping, depth=depth),
            stem=ConstantStem,
            channels_base=channels_base,
        )


def published_discriminator(side, channels_base, block="residual", **changes):
    with torch.device("meta"):
        return StackDiscriminator(
            site((side, side), **changes),
            block=DISCRIMINATOR_BLOCKS[block],
            head=MinibatchStddevHead,
            channels_base=channels_base,
        )


@pytest.mark.parametrize(
    ("side", "channels_base", "in_generator", "in_discriminator"),
    [
        (256, CONFIG_F, 30_034_338, 28_864_129),
        (256, CONFIG_E, 24_767_458, 24_001_089),
        (512, CONFIG_F, 30_276_583, 28_982_849),
        (512, CONFIG_E, 24_860_935, 24_030_753),
        (1024, CONFIG_F, 30_370_060, 29_012_513),
        (1024, CONFIG_E, 24_900_764, 24_038_161),
        (32, CONFIG_F, 21_523_475, 21_507_073),
    ],
)
def test_configurations_e_and_f(side, channels_base, in_generator, in_discriminator):
    generator = published_generator(side, channels_base)
    assert num_parameters(generator) == in_generator
    assert num_parameters(published_discriminator(side, channels_base)) == in_discriminator
    assert generator.num_styles == 2 * (side.bit_length() - 1) - 2


def test_a_mapping_of_two_layers():
    assert num_parameters(published_generator(256, CONFIG_F, depth=2)) == 28_458_402


# StyleGAN2 Table 2 at 1024: generator and discriminator together.
TABLE_2 = {
    ("original", "original"): 46_673_429,
    ("original", "skip"): 46_683_541,
    ("original", "residual"): 47_634_453,
    ("skip", "original"): 47_977_901,
    ("skip", "skip"): 47_988_013,
    ("skip", "residual"): 48_938_925,
    ("residual", "original"): 47_634_453,
    ("residual", "skip"): 47_644_565,
    ("residual", "residual"): 48_595_477,
}


@pytest.mark.parametrize(
    ("blocks", "total"),
    TABLE_2.items(),
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_the_nine_pairs_of_table_2(blocks, total):
    generator = published_generator(1024, CONFIG_E, blocks[0])
    discriminator = published_discriminator(1024, CONFIG_E, blocks[1])
    assert num_parameters(generator) + num_parameters(discriminator) == total


# ProGAN and StyleGAN: networks that grow have a layer to or from an image at every resolution


def grown_generator(side, config, grows=True, **changes):
    """ProGAN (also StyleGAN's A), or a configuration B to F of StyleGAN."""
    traditional = config in ("ProGAN", "B")
    settings = {
        "block": GENERATOR_BLOCKS["original"],
        "normalization": PixelNormalization if traditional else AdainNormalization,
        "mapping": IdentityMapping if traditional else MlpMapping,
        "stem": DenseStem if traditional or config == "C" else partial(ConstantStem, finished=True),
        "noise": config in ("E", "F"),
        "channels_base": CONFIG_E,
        "gain": "weight",
        "resample": (1, 1),
        "blur": None if config == "ProGAN" else (1, 2, 1),
    }
    with torch.device("meta"):
        return StyleGenerator(site((side, side), grows=grows), **{**settings, **changes})


@pytest.mark.parametrize(
    ("side", "in_generator", "in_discriminator"),
    [
        (1024, 23_079_115, 23_087_249),
        (256, 23_044_309, 23_052_353),
        (128, 22_933_394, 22_941_313),
    ],
)
def test_progan(side, in_generator, in_discriminator):
    assert num_parameters(grown_generator(side, "ProGAN")) == in_generator
    grown = published_discriminator(side, CONFIG_E, "original", grows=True)
    assert num_parameters(grown) == in_discriminator


def test_the_totals_of_the_progan_paper_count_one_layer_to_and_from_rgb():
    assert num_parameters(grown_generator(1024, "ProGAN", grows=False)) == 23_071_507
    discriminator = published_discriminator(1024, CONFIG_E, "original")
    assert num_parameters(discriminator) == 23_077_137


def test_the_layers_of_progan_are_those_of_its_table():
    generator = grown_generator(1024, "ProGAN")
    stem = [num_parameters(generator.stem.conv), num_parameters(generator.stem)]
    assert stem == [2_359_808, 4_194_816 + 2_359_808]
    rows = [[num_parameters(layer) for layer in (b.up, b.refine)] for b in generator.blocks]
    assert rows == [
        [2_359_808, 2_359_808],
        [2_359_808, 2_359_808],
        [2_359_808, 2_359_808],
        [1_179_904, 590_080],
        [295_040, 147_584],
        [73_792, 36_928],
        [18_464, 9_248],
        [4_624, 2_320],
    ]
    images = [num_parameters(generator.to_rgb[str(k)]) for k in range(9)]
    assert images == [1_539, 1_539, 1_539, 1_539, 771, 387, 195, 99, 51]
    discriminator = published_discriminator(1024, CONFIG_E, "original", grows=True)
    images = [num_parameters(discriminator.from_rgb[str(k)]) for k in range(9)]
    assert images == [2_048, 2_048, 2_048, 2_048, 1_024, 512, 256, 128, 64]


@pytest.mark.parametrize(
    ("config", "side", "in_mapping", "in_synthesis"),
    [
        ("B", 1024, 0, 23_079_115),
        ("C", 1024, 2_101_248, 28_299_403),
        ("D", 1024, 2_101_248, 24_113_291),
        ("E", 1024, 2_101_248, 24_118_379),
        ("F", 1024, 2_101_248, 24_118_379),
        ("F", 512, 2_101_248, 26_179_768 - 2_101_248),
        ("F", 256, 2_101_248, 26_086_229 - 2_101_248),
    ],
)
def test_stylegan(config, side, in_mapping, in_synthesis):
    generator = grown_generator(side, config)
    assert num_parameters(generator.mapping) == in_mapping
    assert num_parameters(generator) == in_mapping + in_synthesis
    if config != "B":
        assert generator.num_styles == 2 * (side.bit_length() - 1) - 2


@pytest.mark.parametrize(
    ("side", "total"), [(1024, 23_087_249), (512, 23_080_225), (256, 23_052_353)]
)
def test_the_discriminator_of_stylegan_is_that_of_progan(side, total):
    grown = published_discriminator(side, CONFIG_E, "original", grows=True)
    assert num_parameters(grown) == total


def test_the_layers_of_stylegan_f():
    generator = grown_generator(1024, "F")
    rows = [num_parameters(layer) for layer in (generator.stem, generator.stem.conv)]
    assert rows == [534_528 + 2_885_632, 2_885_632]
    rows = [[num_parameters(layer) for layer in (b.up, b.refine)] for b in generator.blocks]
    assert rows[2:] == [
        [2_885_632, 2_885_632],
        [1_442_816, 852_992],
        [426_496, 279_040],
        [139_520, 102_656],
        [51_328, 42_112],
        [21_056, 18_752],
    ]


@pytest.mark.parametrize(
    ("side", "in_synthesis", "in_discriminator"),
    [
        (1024, 22_799_516, 23_087_249),
        (512, 22_759_687, 23_080_225),
        (256, 22_666_210, 23_052_353),
    ],
)
def test_stylegan2_configurations_b_to_d_grow(side, in_synthesis, in_discriminator):
    generator = grown_generator(
        side,
        "F",
        normalization=DemodulationNormalization,
        stem=ConstantStem,
        gain="activation",
        resample=(1, 3, 3, 1),
        blur=None,
    )
    assert num_parameters(generator) - num_parameters(generator.mapping) == in_synthesis
    assert generator.num_styles == 2 * (side.bit_length() - 1) - 2
    grown = published_discriminator(side, CONFIG_E, "original", grows=True)
    assert num_parameters(grown) == in_discriminator


def test_the_revised_block_has_the_parameters_of_demodulation():
    revised = grown_generator(1024, "F", normalization=RevisedNormalization, stem=ConstantStem)
    assert num_parameters(revised) - num_parameters(revised.mapping) == 22_799_516
