"""Small generators and discriminators for the tests of networks."""

from __future__ import annotations

from functools import partial

import torch

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
from ganzoo.plugins.normalization.adain import AdainNormalization
from ganzoo.plugins.normalization.demodulation import DemodulationNormalization
from ganzoo.plugins.normalization.pixel import PixelNormalization
from ganzoo.plugins.normalization.revised import RevisedNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.plugins.stem.dense import DenseStem
from ganzoo.registry.contracts import NetworkSite

GENERATOR_BLOCKS = {
    "original": OriginalGeneratorBlock,
    "skip": SkipGeneratorBlock,
    "residual": ResidualGeneratorBlock,
}
DISCRIMINATOR_BLOCKS = {
    "original": OriginalDiscriminatorBlock,
    "skip": SkipDiscriminatorBlock,
    "residual": ResidualDiscriminatorBlock,
}
NORMALIZATIONS = {
    "demodulation": DemodulationNormalization,
    "adain": AdainNormalization,
    "revised": RevisedNormalization,
    "pixel": PixelNormalization,
}
STEMS = {"adain": partial(ConstantStem, finished=True), "pixel": DenseStem}


def site(resolution=(16, 16), **changes):
    """Where a network stands; 16 x 16 unless told otherwise."""
    return NetworkSite(resolution=resolution, **changes)


def generator(block="skip", normalization="demodulation", where=None, seed=0, **changes):
    """A narrow generator of a block (a name or a factory), stirred, in float64."""
    torch.manual_seed(seed)
    settings = {
        "block": GENERATOR_BLOCKS.get(block, block),
        "normalization": NORMALIZATIONS[normalization],
        "mapping": partial(MlpMapping, depth=2, width=6),
        "stem": STEMS.get(normalization, ConstantStem),
        "channels_base": 64,
        "channels_max": 8,
        "latent_width": 5,
    }
    network = StyleGenerator(where or site(), **{**settings, **changes}).double()
    return stirred(network)


def discriminator(block="residual", where=None, seed=0, **changes):
    """A narrow discriminator of a block (a name or a factory), stirred likewise, in float64."""
    torch.manual_seed(seed)
    settings = {
        "block": DISCRIMINATOR_BLOCKS.get(block, block),
        "head": MinibatchStddevHead,
        "channels_base": 64,
        "channels_max": 8,
    }
    return stirred(StackDiscriminator(where or site(), **{**settings, **changes}).double())


def stirred(network):
    """The network with noise on its biases and strengths, which start at zero."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("bias", "strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def latents(n=3, width=5, seed=1):
    """[n, width] latents in float64."""
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, width, generator=random, dtype=torch.float64)


def num_parameters(network):
    """How many numbers an optimizer moves."""
    return sum(p.numel() for p in network.parameters())
