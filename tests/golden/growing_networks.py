"""ProGAN and StyleGAN as a golden file's ``cfg`` and ``sd`` describe them, made of our parts."""

from __future__ import annotations

from functools import partial

import torch

from ganzoo.nn.pyramid import num_doublings
from ganzoo.plugins.discriminator_block.original import OriginalDiscriminatorBlock
from ganzoo.plugins.generator_block.original import OriginalGeneratorBlock
from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.mapping.identity import IdentityMapping
from ganzoo.plugins.mapping.mlp import MlpMapping
from ganzoo.plugins.network.stack_discriminator import StackDiscriminator
from ganzoo.plugins.network.style_generator import StyleGenerator
from ganzoo.plugins.normalization.adain import AdainNormalization
from ganzoo.plugins.normalization.pixel import PixelNormalization
from ganzoo.plugins.stem.constant import ConstantStem
from ganzoo.plugins.stem.dense import DenseStem
from ganzoo.registry.contracts import NetworkSite

FILTERS = {"progan": {"resample": (1, 1)}, "stylegan1": {"resample": (1, 1), "blur": (1, 2, 1)}}


def published_generator(family, cfg, sd):
    """The generator of ``progan`` or ``stylegan1``, with the stored weights, in float64."""
    if family == "progan":
        mapping, normalization, stem = IdentityMapping, PixelNormalization, DenseStem
    else:
        mapping = partial(
            MlpMapping,
            depth=cfg["mapping_layers"],
            width=cfg["w_dim"],
            hidden=cfg["mapping_fmaps"],
            lr_scale=cfg["mapping_lr_mul"],
            label="matrix",
        )
        normalization, stem = AdainNormalization, partial(ConstantStem, finished=True)
    generator = StyleGenerator(
        _site(cfg),
        block=OriginalGeneratorBlock,
        normalization=normalization,
        mapping=mapping,
        stem=stem,
        noise=family == "stylegan1",
        latent_width=cfg["z_dim"],
        channels_base=cfg["fmaps_base"],
        channels_max=cfg["fmaps_max"],
        gain="weight",
        **FILTERS[family],
    ).double()
    names = _progan_generator if family == "progan" else _stylegan_generator
    ours = names(sd, _top(cfg), fused=bool(cfg["fused_scale"]))
    if family == "progan":  # knows of no mean latent
        ours["w_mean.value"] = generator.w_mean.value
    generator.load_state_dict(ours)
    return generator.eval()


def published_discriminator(family, cfg, sd):
    """The discriminator; only ProGAN's unfused one pools behind the activation."""
    discriminator = StackDiscriminator(
        _site(cfg),
        block=partial(
            OriginalDiscriminatorBlock, pool=family == "progan" and not cfg["fused_scale"]
        ),
        head=partial(
            MinibatchStddevHead,
            group=cfg["mbstd_group_size"],
            hidden=min(cfg["fmaps_base"] // 2, cfg["fmaps_max"]),
            label="auxiliary" if family == "progan" else "one-hot",
        ),
        channels_base=cfg["fmaps_base"],
        channels_max=cfg["fmaps_max"],
        gain="weight",
        **FILTERS[family],
    ).double()
    discriminator.load_state_dict(
        {name: sd[stored] for name, stored in discriminator_names(_top(cfg)).items()}
    )
    return discriminator


def discriminator_names(top):
    """Our parameters, and what the published discriminators call them; all have one layout."""
    layers = {f"from_rgb.{top - j}": f"input{j}" for j in range(top + 1)}
    for j in range(top):
        layers |= {f"blocks.{j}.conv": f"layer{2 * j}", f"blocks.{j}.down": f"layer{2 * j + 1}"}
    for number, layer in enumerate(("head.conv", "head.dense", "head.out")):
        layers[layer] = f"layer{2 * top + number}"
    return {
        f"{ours}.{part}": f"{theirs}.{part}"
        for ours, theirs in layers.items()
        for part in ("weight", "bias")
    }


def _site(cfg):
    side = cfg["resolution"]
    return NetworkSite(resolution=(side, side), label_width=cfg["label_size"], grows=True)


def _top(cfg):
    return num_doublings((cfg["resolution"], cfg["resolution"]), (4, 4))


def _layers(top):
    """Our layers with a 3x3 convolution, and their published numbers."""
    layers = {"stem.conv": 1}
    for k in range(top):
        layers |= {f"blocks.{k}.up": 2 * k + 2, f"blocks.{k}.refine": 2 * k + 3}
    return layers


def _progan_generator(sd, top, *, fused):
    # The first layer is stored as a convolution of a padded pixel, which mirrors its kernel.
    first = sd["layer0.weight"].flip((2, 3)).permute(0, 2, 3, 1)  # [C, 4, 4, Z]
    ours = {"stem.weight": first.flatten(0, 2), "stem.finish.conv.bias": sd["layer0.bias"]}
    for name, number in _layers(top).items():
        weight = sd[f"layer{number}.weight"]
        if fused and name.endswith("up"):
            weight = weight.transpose(0, 1).flip((2, 3))  # of a transposed convolution
        ours |= {f"{name}.conv.weight": weight, f"{name}.conv.bias": sd[f"layer{number}.bias"]}
    return ours | _images(sd, top)


def _stylegan_generator(sd, top, *, fused):
    ours = {"w_mean.value": sd["truncation.w_avg"]}
    for stored, value in sd.items():
        if stored.startswith("mapping.dense"):
            ours[stored.replace("dense", "layers.")] = value
    if "mapping.label_weight" in sd:
        ours["mapping.embedding"] = sd["mapping.label_weight"]
    sd = {name.removeprefix("synthesis."): value for name, value in sd.items()}
    ours["stem.const"] = sd["layer0.const"][0]
    for name, number in {"stem.finish": 0, **_layers(top)}.items():
        layer = f"layer{number}"
        if number:
            weight = sd[f"{layer}.weight"]
            mirrored = fused and name.endswith("up")
            ours[f"{name}.conv.weight"] = weight.flip((2, 3)) if mirrored else weight
        ours |= {
            f"{name}.conv.bias": sd[f"{layer}.bias"],
            f"{name}.noise.strength": sd[f"{layer}.apply_noise.weight"],
            f"{name}.affine.weight": sd[f"{layer}.style.weight"],
            f"{name}.affine.bias": sd[f"{layer}.style.bias"],
            f"noise{number}": sd[f"{layer}.apply_noise.noise"][0, 0],
        }
    return ours | _images(sd, top)


def _images(sd, top):
    return {
        f"to_rgb.{k}.layer.conv.{part}": sd[f"output{k}.{part}"]
        for k in range(top + 1)
        for part in ("weight", "bias")
    }


def size_of(top, lod):
    """The level and fade of a published level of detail, which counts halvings from the top."""
    return {"level": top - int(lod), "fade": 1 - (lod - int(lod))}


def logits_of(discriminator, image, label, **size):
    """[N, 1 + K]: the score, then what an auxiliary head says of the classes."""
    said = discriminator(image, label, **size)
    if isinstance(said, torch.Tensor):
        return said[:, None]
    return torch.cat([said["score"][:, None], said["classes"]], dim=1)
