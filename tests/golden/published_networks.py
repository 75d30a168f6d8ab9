"""Our networks as the ``cfg`` of a golden file describes the published ones."""

from __future__ import annotations

from functools import partial

from ganzoo.plugins.discriminator_block.original import OriginalDiscriminatorBlock
from ganzoo.plugins.discriminator_block.residual import ResidualDiscriminatorBlock
from ganzoo.plugins.discriminator_block.skip import SkipDiscriminatorBlock
from ganzoo.plugins.generator_block.original import OriginalGeneratorBlock
from ganzoo.plugins.generator_block.residual import ResidualGeneratorBlock
from ganzoo.plugins.generator_block.skip import SkipGeneratorBlock
from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.network.stack_discriminator import StackDiscriminator
from ganzoo.plugins.network.style_generator import StyleGenerator
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.registry.contracts import NetworkSite

GENERATOR_BLOCKS = (OriginalGeneratorBlock, SkipGeneratorBlock, ResidualGeneratorBlock)
DISCRIMINATOR_BLOCKS = (
    OriginalDiscriminatorBlock,
    SkipDiscriminatorBlock,
    ResidualDiscriminatorBlock,
)


def site_of(cfg):
    """The network site of a published configuration (a mapping of plain numbers)."""
    side = cfg["img_resolution"]
    return NetworkSite(
        resolution=(side, side), channels=cfg["img_channels"], label_width=cfg["c_dim"]
    )


def published_generator(cfg):
    """A StyleGAN2 generator; ``architecture`` is 0 original, 1 skip, 2 residual."""
    return StyleGenerator(
        site_of(cfg),
        block=GENERATOR_BLOCKS[cfg["architecture"]],
        normalization=DemodulationNormalization,
        mapping=partial(MlpMapping, depth=cfg["mapping_num_layers"], width=cfg["w_dim"]),
        stem=ConstantStem,
        channels_base=cfg["channel_base"],
        channels_max=cfg["channel_max"],
        clamp=cfg.get("conv_clamp"),
        noise=bool(cfg["use_noise"]),
        latent_width=cfg["z_dim"],
    )


def published_discriminator(cfg):
    """A StyleGAN2 discriminator; a group size of 0 is the whole batch."""
    return StackDiscriminator(
        site_of(cfg),
        block=DISCRIMINATOR_BLOCKS[cfg["architecture"]],
        head=partial(
            MinibatchStddevHead,
            group=cfg["mbstd_group_size"],
            statistics=cfg["mbstd_num_channels"],
        ),
        channels_base=cfg["channel_base"],
        channels_max=cfg["channel_max"],
        clamp=cfg.get("conv_clamp"),
    )
