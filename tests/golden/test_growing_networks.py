"""Every progan_* and stylegan1_* file: growing networks at all their stored levels of detail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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
from growing_networks import (
    discriminator_names,
    logits_of,
    published_discriminator,
    published_generator,
    size_of,
)
from torch import Tensor

from ganzoo.nn.growing import enlarge, shrink
from ganzoo.ops.second_moment_norm import second_moment_norm
from ganzoo.plugins.loss.wasserstein import WassersteinLoss
from ganzoo.plugins.regularizer.gradient_penalty import GradientPenalty
from ganzoo.registry.contracts import Fake

TOLERANCE = TOLERANCES["network"]


def pytest_generate_tests(metafunc):
    """One test for each stored output: a file with fewer outputs has fewer tests."""
    for fixture, pattern in (("generator_output", "*_G_*"), ("discriminator_output", "*_D_*")):
        if fixture in metafunc.fixturenames:
            folder = folder_of(metafunc.config)
            found = [
                (path, key.removeprefix("out/"))
                for family in ("progan", "stylegan1")
                for path in sorted(folder.glob(f"{family}{pattern}.npz"))
                for key in names(path)
                if key.startswith("out/")
            ]
            ids = [f"{path.stem}-{key}" for path, key in found]
            metafunc.parametrize(("path", fixture), found, ids=ids)


def test_the_generator_agrees_with_the_published_one(path, generator_output):
    check(GENERATOR_OUTPUTS, run_of(path), generator_output)


def test_the_discriminator_agrees_with_the_published_one(path, discriminator_output):
    check(DISCRIMINATOR_OUTPUTS, run_of(path), discriminator_output)


def test_an_output_that_nobody_knows_is_refused():
    run = Run(family="progan", arrays={"out/img_sideways": torch.zeros(1)}, network=None)
    with pytest.raises(AssertionError, match="no check knows the output 'img_sideways'"):
        check(GENERATOR_OUTPUTS, run, "img_sideways")


def check(known, run, output):
    for pattern, compare in known.items():
        if match := re.fullmatch(pattern, output):
            compare(run, run.arrays[f"out/{output}"], *match.groups())
            return
    raise AssertionError(f"no check knows the output {output!r}; they know {', '.join(known)}")


@dataclass(frozen=True, eq=False)
class Run:
    """One network with the file's weights."""

    family: str
    arrays: Mapping[str, Tensor]
    network: object

    def input(self, name):
        return self.arrays[f"in/{name}"]

    @property
    def label(self):
        return self.arrays.get("in/label")

    @property
    def top(self):
        return len(self.network.blocks)

    def size(self, index):
        return size_of(self.top, self.input("lods")[int(index)].item())


@cache
def run_of(path):
    family, which = path.stem.split("_")[:2]
    arrays = load_once(path)
    make = published_generator if which == "G" else published_discriminator
    network = make(family, numbers(arrays, "cfg"), sub(arrays, "sd"))
    return Run(family=family, arrays=arrays, network=network)


# Generators


def styles(run, z=None):
    return run.network.styles(run.input("z") if z is None else z, run.label)


def truncated(run):
    psi, layers = (number(run.arrays, f"in/truncation_{x}") for x in ("psi", "layers"))
    return run.network.truncate(styles(run), psi, layers)


def picture(run, w, index=0):
    """Published images have the full size at every level: pixels are repeated."""
    size = run.size(index)
    image = run.network.synthesize(w, run.network.fixed_noise(), **size)
    return enlarge(image, run.top - size["level"])


def image(run, expected, index):
    z = run.input("z")
    if run.family == "progan":
        z = second_moment_norm(z)  # these were made of a latent that is normalized twice
    assert_agrees(picture(run, styles(run, z), index), expected, TOLERANCE, "image")


GENERATOR_OUTPUTS = {
    r"img_lod(\d+)": image,
    r"img_once_lod(\d+)": lambda run, y, index: assert_agrees(
        picture(run, styles(run), index), y, TOLERANCE, "image"
    ),
    "w": lambda run, y: assert_agrees(
        run.network.mapping(run.input("z"), run.label), y, TOLERANCE, "mapped latent"
    ),
    "wp": lambda run, y: assert_agrees(styles(run), y, TOLERANCE, "styles"),
    "wp_trunc": lambda run, y: assert_agrees(truncated(run), y, TOLERANCE, "truncated styles"),
    "img_trunc": lambda run, y: assert_agrees(
        picture(run, truncated(run)), y, TOLERANCE, "truncated image"
    ),
    r"img_mixed_lod(\d+)": lambda run, y, index: assert_agrees(
        picture(run, run.input("ws_mixed"), index), y, TOLERANCE, "image of mixed styles"
    ),
}


# Discriminators


def logits(run, image, index=0):
    size = run.size(index)
    small = shrink(image, run.top - size["level"])
    return logits_of(run.network, small, run.label, **size)


def gradient(run, expected, index):
    image = run.input("img").clone().requires_grad_()
    (found,) = torch.autograd.grad(logits(run, image, index).sum(), image)
    assert_stat_agrees(found, expected, TOLERANCE, "gradient of the full-size image")


class CriticMoment:
    """Stored reals, fakes and mixing amounts, for the components of WGAN-GP."""

    def __init__(self, run):
        self.run = run
        self.seen = {}
        self.enlargement = 1

    def __getitem__(self, name):
        return {"image": self.run.input("img"), "label": None}[name]

    def fake(self, first=None):
        assert first is None
        return Fake(image=self.run.input("wgan_fake"), styles=torch.empty(0), label=None)

    def uniform(self, count):
        return self.run.input("wgan_mix").reshape(count)

    def score(self, image, label):
        return logits(self.run, image)[:, 0]

    def observe(self, name, value):
        self.seen[name] = value.detach()


def critic_loss(run):
    """[N] losses of the discriminator, and the norms of its gradient between reals and fakes."""
    moment = CriticMoment(run)
    scores = [moment.score(moment.fake().image, None), moment.score(moment["image"], None)]
    loss = WassersteinLoss(None, drift=number(run.arrays, "in/wgan_epsilon"))
    penalty = GradientPenalty(None, target=number(run.arrays, "in/wgan_target"))(moment)
    weighted = number(run.arrays, "in/wgan_lambda") * penalty
    return loss.discriminator(*scores) + weighted, moment.seen["gradient_norm"]


@cache
def critic_gradients(run):
    """By published name; None for the smaller levels' layers from an image."""
    ours = dict(run.network.named_parameters())
    loss = critic_loss(run)[0].mean()
    gradients = torch.autograd.grad(loss, list(ours.values()), allow_unused=True)
    published = discriminator_names(run.top)
    return {published[name]: gradient for name, gradient in zip(ours, gradients)}


def critic_gradient(run, expected, parameter):
    found = critic_gradients(run)[parameter]
    assert_stat_agrees(found, expected, TOLERANCES["gradient"], f"gradient of {parameter}")


DISCRIMINATOR_OUTPUTS = {
    r"logits_lod(\d+)": lambda run, y, index: assert_agrees(
        logits(run, run.input("img"), index), y, TOLERANCE, "logits"
    ),
    r"dimg_stat_lod(\d+)": gradient,
    "wgan_score_real": lambda run, y: assert_agrees(
        logits(run, run.input("img")), y, TOLERANCE, "logits of reals"
    ),
    "wgan_score_fake": lambda run, y: assert_agrees(
        logits(run, run.input("wgan_fake")), y, TOLERANCE, "logits of fakes"
    ),
    "wgan_mixed_norms": lambda run, y: assert_agrees(
        critic_loss(run)[1], y, TOLERANCE, "norms between reals and fakes"
    ),
    "wgan_loss": lambda run, y: assert_agrees(critic_loss(run)[0], y, TOLERANCE, "loss"),
    r"wgan_grad_stat/(.+)": critic_gradient,
}
