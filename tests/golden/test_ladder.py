"""Every row of the papers' tables: the recipe's own networks, sizes aside, are the published ones.

Networks are built from the YAML of ``recipes/`` by the way that ``ganzoo run`` takes, with nothing
overridden but sizes, and loaded, strictly, with the weights of a stored network. Where the
published network of a row is not stored, the next step of the ladder is taken on the command line:
its networks are then the stored ones of that step.
"""

from __future__ import annotations

import growing_networks
import published_networks
import pytest
import torch
from archives import TOLERANCES, assert_agrees, load_once, numbers, sub

from ganzoo.assembly.build import build
from ganzoo.interchange.stylegan2_names import load_published
from ganzoo.nn.growing import enlarge, shrink
from ganzoo.recipe.grid import load_point
from ganzoo.registry.contracts import NetworkSite
from ganzoo.registry.discovery import discover

TOLERANCE = TOLERANCES["network"]
REGISTRY = discover()

# recipe: (next step on the command line, stored generator); a family, then its file
STYLE = "task.generator.stem={use: ganzoo/constant, finished: true}", "task.generator.noise=true"
GROWING_GENERATORS = {
    "progan": ((), "progan_G_nofuse"),
    "stylegan-a": ((), "progan_G_nofuse"),
    "stylegan-b": (("task.generator.blur=null",), "progan_G_nofuse"),  # a step back, to A
    "stylegan-c": (STYLE, "stylegan1_G_nofuse"),
    "stylegan-d": (STYLE[1:], "stylegan1_G_nofuse"),
    "stylegan-e": ((), "stylegan1_G_nofuse"),
    "stylegan-f": ((), "stylegan1_G_fuse_cond"),
    "stylegan2-a": ((), "stylegan1_G_nofuse"),
}
GROWING_DISCRIMINATORS = {
    "progan": "progan_D_nofuse",
    "stylegan-a": "progan_D_nofuse",
    "stylegan-b": "stylegan1_D_nofuse",
    "stylegan-c": "stylegan1_D_fuse_cond",
    "stylegan-d": "stylegan1_D_nofuse",
    "stylegan-e": "stylegan1_D_nofuse",
    "stylegan-f": "stylegan1_D_fuse_cond",
    "stylegan2-a": "stylegan1_D_nofuse",
}
BLOCKS = ("orig_orig", "skip_resnet", "resnet_skip")  # generators original, skip, residual
DISCRIMINATORS = ("orig_orig", "resnet_skip", "skip_resnet")
TABLE_2 = [(f"stylegan2-table2:{i}", BLOCKS[i // 3], DISCRIMINATORS[i % 3]) for i in range(9)]
STYLEGAN2 = [
    ("stylegan2-b", "orig_orig", "orig_orig"),
    ("stylegan2-c", "orig_orig", "orig_orig"),
    ("stylegan2-d", "orig_orig", "orig_orig"),
    ("stylegan2-e", "skip_resnet", "skip_resnet"),
    ("stylegan2-e", "skip_resnet_cond", "skip_resnet_cond"),
    ("stylegan2-f", "skip_resnet", "skip_resnet"),
    ("stylegan2-f", "skip_resnet_cond", "skip_resnet_cond"),
    *TABLE_2,
]


def network_of(word, which, site, overrides):
    """A network of a recipe, in float64; ``recipe:4`` is point 4 of a grid."""
    name, _, point = word.partition(":")
    recipe = load_point(
        f"ganzoo.recipes:{name}.yaml",
        int(point) if point else None,
        overrides,
        registry=REGISTRY,
    ).recipe
    grows = recipe.task.parameters["growth"] is not None
    site = NetworkSite(**site, grows=grows)
    return build(recipe.task.parameters[which], REGISTRY, which)(site).double()


def sizes(which, **values):
    """Overrides of a network's sizes."""
    return [f"task.{which}.{name}={value}" for name, value in values.items()]


def growing_site(cfg):
    return {
        "resolution": (cfg["resolution"], cfg["resolution"]),
        "label_width": cfg["label_size"],
    }


@pytest.mark.parametrize(
    ("recipe", "step", "file"), [(r, *x) for r, x in GROWING_GENERATORS.items()]
)
def test_a_growing_generator_is_the_published_one_at_every_fade(recipe, step, file, golden_dir):
    arrays = load_once(golden_dir / f"{file}.npz")
    cfg, family = numbers(arrays, "cfg"), file.partition("_")[0]
    mapping = {}
    if family == "stylegan1":
        mapping = {
            "mapping.depth": cfg["mapping_layers"],
            "mapping.width": cfg["w_dim"],
            "mapping.hidden": cfg["mapping_fmaps"],
            "mapping.lr_scale": cfg["mapping_lr_mul"],
        }
    overrides = sizes(
        "generator",
        channels_base=cfg["fmaps_base"],
        channels_max=cfg["fmaps_max"],
        latent_width=cfg["z_dim"],
        **mapping,
    )
    generator = network_of(recipe, "generator", growing_site(cfg), [*overrides, *step]).eval()
    stored = growing_networks.published_generator(family, cfg, sub(arrays, "sd"))
    generator.load_state_dict(stored.state_dict())
    top = len(generator.blocks)
    output = "img_once_lod" if family == "progan" else "img_lod"
    styles = generator.styles(arrays["in/z"], arrays.get("in/label"))
    for index, lod in enumerate(arrays["in/lods"].tolist()):
        size = growing_networks.size_of(top, lod)
        image = generator.synthesize(styles, generator.fixed_noise(), **size)
        expected = arrays.get(f"out/{output}{index}")
        if expected is not None:
            full = enlarge(image, top - size["level"])
            assert_agrees(full, expected, TOLERANCE, f"image at lod {lod}")


@pytest.mark.parametrize(("recipe", "file"), GROWING_DISCRIMINATORS.items())
def test_a_growing_discriminator_is_the_published_one_at_every_fade(recipe, file, golden_dir):
    arrays = load_once(golden_dir / f"{file}.npz")
    cfg, family = numbers(arrays, "cfg"), file.partition("_")[0]
    overrides = sizes(
        "discriminator",
        channels_base=cfg["fmaps_base"],
        channels_max=cfg["fmaps_max"],
        **{"head.hidden": min(cfg["fmaps_base"] // 2, cfg["fmaps_max"])},
    )
    discriminator = network_of(recipe, "discriminator", growing_site(cfg), overrides)
    stored = growing_networks.published_discriminator(family, cfg, sub(arrays, "sd"))
    discriminator.load_state_dict(stored.state_dict())
    top = len(discriminator.blocks)
    for index, lod in enumerate(arrays["in/lods"].tolist()):
        size = growing_networks.size_of(top, lod)
        small = shrink(arrays["in/img"], top - size["level"])
        label = arrays.get("in/label")
        logits = growing_networks.logits_of(discriminator, small, label, **size)
        expected = arrays[f"out/logits_lod{index}"]
        assert_agrees(logits, expected, TOLERANCE, f"logits at lod {lod}")


@pytest.mark.parametrize(("recipe", "file", "other"), STYLEGAN2)
def test_a_stylegan2_generator_is_the_published_one(recipe, file, other, golden_dir):
    arrays = load_once(golden_dir / f"net_G_{file}.npz")
    cfg = numbers(arrays, "cfg")
    overrides = sizes(
        "generator",
        channels_base=cfg["channel_base"],
        channels_max=cfg["channel_max"],
        latent_width=cfg["z_dim"],
        clamp=cfg.get("conv_clamp", "null"),
        **{"mapping.depth": cfg["mapping_num_layers"], "mapping.width": cfg["w_dim"]},
    )
    generator = network_of(recipe, "generator", stylegan2_site(cfg), overrides).eval()
    stored = published_networks.published_generator(cfg).double()
    load_published(stored, sub(arrays, "sd"))
    load_what_is_stored(generator, stored, "to_rgb")
    label = arrays["in/c"] if arrays["in/c"].shape[1] else None
    with torch.no_grad():
        image = generator(arrays["in/z"], label)
    assert_agrees(image, arrays["out/img"], TOLERANCE, "image")


@pytest.mark.parametrize(("recipe", "other", "file"), STYLEGAN2)
def test_a_stylegan2_discriminator_is_the_published_one(recipe, other, file, golden_dir):
    arrays = load_once(golden_dir / f"net_D_{file}.npz")
    cfg = numbers(arrays, "cfg")
    overrides = sizes(
        "discriminator",
        channels_base=cfg["channel_base"],
        channels_max=cfg["channel_max"],
        clamp=cfg.get("conv_clamp", "null"),
        **{
            "head.group": cfg["mbstd_group_size"],
            "head.statistics": cfg["mbstd_num_channels"],
        },
    )
    discriminator = network_of(recipe, "discriminator", stylegan2_site(cfg), overrides)
    stored = published_networks.published_discriminator(cfg).double()
    load_published(stored, sub(arrays, "sd"))
    load_what_is_stored(discriminator, stored, "from_rgb")
    # some files keep the logits of the first samples only, which are another minibatch group
    whole = "out/logits" in arrays
    first = None if whole else int(arrays["in/first"])
    expected = arrays["out/logits" if whole else "out/logits_first"]
    label = arrays["in/c"][:first] if arrays["in/c"].shape[1] else None
    with torch.no_grad():
        logits = discriminator(arrays["in/img"][:first], label)
    assert_agrees(logits[:, None], expected, TOLERANCE, "logits")


def stylegan2_site(cfg):
    side = cfg["img_resolution"]
    return {
        "resolution": (side, side),
        "channels": cfg["img_channels"],
        "label_width": cfg["c_dim"],
    }


def load_what_is_stored(network, stored, images):
    """Everything, but for the images of smaller sizes that only a growing network has."""
    missing, unused = network.load_state_dict(stored.state_dict(), strict=False)
    assert not unused
    top = len(network.blocks)
    grown = {name for name in missing if name.startswith(f"{images}.")}
    assert grown == set(missing)
    assert not {name for name in grown if name.startswith(f"{images}.{top}.")}
    assert bool(grown) is network.grows
