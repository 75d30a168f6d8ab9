"""Exact parameter totals of StyleGAN2's configurations, on the meta device."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from small_networks import DISCRIMINATOR_BLOCKS, GENERATOR_BLOCKS, num_parameters, site

from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.network.stack_discriminator import StackDiscriminator
from ganzoo.plugins.network.style_generator import StyleGenerator
from ganzoo.plugins.normalization.adain import AdainNormalization
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.stem.constant import ConstantStem

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


def test_stylegan_configuration_f():
    with torch.device("meta"):
        generator = StyleGenerator(
            site((1024, 1024), grows=True),
            block=GENERATOR_BLOCKS["original"],
            normalization=AdainNormalization,
            mapping=MlpMapping,
            stem=partial(ConstantStem, finished=True),
            channels_base=CONFIG_E,
            gain="weight",
            resample=(1, 1),
            blur=(1, 2, 1),
        )
    assert num_parameters(generator) == 26_219_627
    assert generator.num_styles == 18


def test_a_growing_discriminator_reads_the_image_at_every_resolution():
    grown = published_discriminator(1024, CONFIG_E, "original", grows=True)
    assert num_parameters(grown) == 23_087_249
