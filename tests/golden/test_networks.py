"""Every net_G_*, net_D_* and channel_tables file, whatever configurations the folder holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import pytest
import torch
from archives import (
    TOLERANCES,
    assert_agrees,
    assert_stat_agrees,
    folder_of,
    load_once,
    names,
    number,
    numbers,
    sub,
)
from published_networks import published_discriminator, published_generator
from torch import Tensor

from ganzoo.interchange.stylegan2_names import load_published
from ganzoo.nn.noise import NoNoise
from ganzoo.nn.pyramid import channels_at

TOLERANCE = TOLERANCES["network"]


def pytest_generate_tests(metafunc):
    """One test for each stored output: a file with fewer outputs has fewer tests."""
    for fixture, pattern, start in (
        ("generator_output", "net_G_*.npz", "out/"),
        ("discriminator_output", "net_D_*.npz", "out/"),
        ("table", "channel_tables.npz", ""),
    ):
        if fixture in metafunc.fixturenames:
            found = [
                (path, key.removeprefix(start))
                for path in sorted(folder_of(metafunc.config).glob(pattern))
                for key in names(path)
                if key.startswith(start)
                and (start or re.search(r"param_counts|/nf$|/channels$", key))
            ]
            ids = [f"{path.stem}-{key}" for path, key in found]
            metafunc.parametrize(("path", fixture), found, ids=ids)


def test_the_generator_agrees_with_the_published_one(path, generator_output):
    check(GENERATOR_OUTPUTS, generator_run(path), generator_output)


def test_the_discriminator_agrees_with_the_published_one(path, discriminator_output):
    check(DISCRIMINATOR_OUTPUTS, discriminator_run(path), discriminator_output)


def test_widths_and_totals_agree_with_the_published_ones(path, table):
    arrays = load_once(path)
    if not table.startswith("param_counts"):
        group = table.rpartition("/")[0]
        assert widths(sub(arrays, group)) == arrays[table].tolist()
        return
    for row in arrays[table].tolist():
        side, base, generator_architecture, discriminator_architecture, *totals = row
        cfg = {
            **{"img_resolution": side, "img_channels": 3, "c_dim": 0, "use_noise": 1},
            **{"channel_base": base, "channel_max": 512, "z_dim": 512, "w_dim": 512},
            **{"mapping_num_layers": 8, "mbstd_group_size": 4, "mbstd_num_channels": 1},
        }
        with torch.device("meta"):
            g = published_generator({**cfg, "architecture": generator_architecture})
            d = published_discriminator({**cfg, "architecture": discriminator_architecture})
        counts = [sum(p.numel() for p in network.parameters()) for network in (g, d)]
        assert [g.num_styles, *counts] == totals, f"row {row}"


def test_an_output_that_nobody_knows_is_refused():
    with pytest.raises(AssertionError, match="no check knows the output 'img_sideways'"):
        check(GENERATOR_OUTPUTS, Run(arrays={}, network=None), "img_sideways")


def check(known, run, output):
    for pattern, compare in known.items():
        if match := re.fullmatch(pattern, output):
            compare(run, run.arrays[f"out/{output}"], *match.groups())
            return
    raise AssertionError(f"no check knows the output {output!r}; they know {', '.join(known)}")


@dataclass
class Run:
    """One network with the file's weights, and what its parts said in one forward pass."""

    arrays: Mapping[str, Tensor]
    network: object
    features: dict[int, Tensor] = field(default_factory=dict)  # by resolution
    images: dict[int, Tensor] = field(default_factory=dict)

    def input(self, name):
        return self.arrays[f"in/{name}"]

    def label(self, first=None):
        label = self.arrays["in/c"]
        return label[:first] if label.shape[1] else None


@cache
def generator_run(path):
    arrays = load_once(path)
    generator = published_generator(numbers(arrays, "cfg")).double().eval()
    load_published(generator, sub(arrays, "sd"))
    run = Run(arrays=arrays, network=generator)
    hooks = [generator.stem.register_forward_hook(lambda _, inputs, x: note(run, x))]
    for block in generator.blocks:
        hooks.append(block.register_forward_hook(lambda _, inputs, made: note(run, made[0])))
        if hasattr(block, "to_rgb"):
            hooks.append(block.register_forward_pre_hook(lambda b, xs: note_image(run, b, *xs)))
    with torch.no_grad():
        generator.synthesize(styles(run), generator.fixed_noise())
    for hook in hooks:
        hook.remove()
    return run


def note(run, x):
    run.features[x.shape[-1]] = x


def note_image(run, block, x, image, styles, noise):
    """The image below a block: the published code counts it to the block that made ``x``."""
    rgb = block.to_rgb(x, styles[:, 0])
    run.images[x.shape[-1]] = rgb if image is None else image + rgb


def styles(run):
    return run.network.styles(run.input("z"), run.label())


def truncated(run, *, everywhere=False):
    if everywhere:
        return run.network.truncate(styles(run), number(run.arrays, "in/truncation_psi_all"))
    psi = number(run.arrays, "in/truncation_psi")
    return run.network.truncate(styles(run), psi, number(run.arrays, "in/truncation_cutoff"))


def picture(run, w):
    return run.network.synthesize(w, run.network.fixed_noise())


def mean_of_features(run, expected, side):
    assert_agrees(run.features[int(side)].mean((2, 3)), expected, TOLERANCE, f"mean at {side}")


def rms_of_features(run, expected, side):
    rms = run.features[int(side)].square().mean((2, 3)).sqrt()
    assert_agrees(rms, expected, TOLERANCE, f"root mean square at {side}")


def generator_gradient(run, expected):
    w = run.input("ws_mixed").clone().requires_grad_()
    (gradient,) = torch.autograd.grad(picture(run, w), w, run.input("dimg"))
    assert_agrees(gradient, expected, TOLERANCE, "gradient of the styles")


GENERATOR_OUTPUTS = {
    "ws": lambda run, y: assert_agrees(styles(run), y, TOLERANCE, "styles"),
    "img": lambda run, y: assert_agrees(picture(run, styles(run)), y, TOLERANCE, "image"),
    r"feat_mean_b(\d+)": mean_of_features,
    r"feat_rms_b(\d+)": rms_of_features,
    r"img_b(\d+)": lambda run, y, side: assert_agrees(
        run.images[int(side)], y, TOLERANCE, f"image so far at {side}"
    ),
    "img_noise_none": lambda run, y: assert_agrees(
        run.network.synthesize(styles(run), NoNoise()), y, TOLERANCE, "image without noise"
    ),
    "ws_trunc_cutoff": lambda run, y: assert_agrees(truncated(run), y, TOLERANCE, "styles"),
    "img_trunc_cutoff": lambda run, y: assert_agrees(
        picture(run, truncated(run)), y, TOLERANCE, "truncated image"
    ),
    "img_trunc_all": lambda run, y: assert_agrees(
        picture(run, truncated(run, everywhere=True)), y, TOLERANCE, "truncated image"
    ),
    "img_mixed": lambda run, y: assert_agrees(
        picture(run, run.input("ws_mixed")), y, TOLERANCE, "image of mixed styles"
    ),
    "dws_mixed": generator_gradient,
}


@cache
def discriminator_run(path):
    arrays = load_once(path)
    discriminator = published_discriminator(numbers(arrays, "cfg")).double()
    load_published(discriminator, sub(arrays, "sd"))
    run = Run(arrays=arrays, network=discriminator)
    hooks = []
    for block in discriminator.blocks:
        # The published block ends before the next from-RGB; ours adds it to what ``down`` makes.
        last = block.down if hasattr(block, "from_rgb") else block
        hooks.append(last.register_forward_hook(lambda _, inputs, made: note_half(run, made)))
    with torch.no_grad():
        discriminator(run.input("img"), run.label(len(run.input("img"))))
    for hook in hooks:
        hook.remove()
    return run


def note_half(run, made):
    """Published features are named after the input of their block, twice their own size."""
    x = made[0] if isinstance(made, tuple) else made
    run.features[2 * x.shape[-1]] = x


def logits(run, image, first=None):
    return run.network(image, run.label(first))[:, None]


def discriminator_gradient(run):
    image = run.input("img").clone().requires_grad_()
    (gradient,) = torch.autograd.grad(logits(run, image).sum(), image)
    return gradient


def corner(run, expected):
    gradient = discriminator_gradient(run)[..., : expected.shape[2], : expected.shape[3]]
    assert_agrees(gradient, expected, TOLERANCE, "gradient of the image")


def first_logits(run, expected):
    first = number(run.arrays, "in/first")
    assert_agrees(logits(run, run.input("img")[:first], first), expected, TOLERANCE, "logits")


DISCRIMINATOR_OUTPUTS = {
    "logits": lambda run, y: assert_agrees(logits(run, run.input("img")), y, TOLERANCE, "logits"),
    "logits_first": first_logits,
    "dimg_stat": lambda run, y: assert_stat_agrees(
        discriminator_gradient(run), y, TOLERANCE, "gradient of the image"
    ),
    "dimg_corner": corner,
    r"feat_mean_b(\d+)": mean_of_features,
    r"feat_rms_b(\d+)": rms_of_features,
}


def widths(table):
    """Ours, for a table that counts by resolution, or by stage: resolution 2^(stage + 1)."""
    if "resolution" in table:
        base, most = number(table, "channel_base"), number(table, "channel_max")
        return [channels_at(side, base, most) for side in table["resolution"].tolist()]
    base, most = 2 * number(table, "fmap_base"), number(table, "fmap_max")
    return [channels_at(2 << stage, base, most) for stage in table["stage"].tolist()]
