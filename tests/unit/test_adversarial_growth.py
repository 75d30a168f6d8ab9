"""The adversarial task with growing networks: sizes, real images, draws, gradients, samples."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from small_networks import discriminator, generator
from test_adversarial import Bound
from torch import nn

from ganzoo.errors import BadValue
from ganzoo.plugins.growth.progressive import ProgressiveGrowth
from ganzoo.plugins.loss.logistic import LogisticLoss
from ganzoo.plugins.regularizer.r1 import R1
from ganzoo.plugins.task.adversarial import AdversarialTask
from ganzoo.registry.contracts import SampleRequest, TaskSite
from ganzoo.training.share import RealShare
from ganzoo.training.statistics import Observations
from ganzoo.training.world import World

FADING, WHOLE = 150, 200  # images at which 8 x 8 is half faded in, and is all there


def task(make_generator=generator, make_discriminator=discriminator, images=None, **changes):
    settings = {
        "generator": Bound(lambda site: make_generator(where=site)),
        "discriminator": Bound(lambda site: make_discriminator(where=site)),
        "loss": Bound(LogisticLoss),
        "growth": Bound(
            partial(
                ProgressiveGrowth,
                hold_images=100,
                fade_images=100,
                batch={8: 6},
                lr={16: 0.5},
                lr_ramp_up_images=300,
            )
        ),
        **changes,
    }
    site = TaskSite(resolution=(16, 16), channels=3, label_width=0, images=images)
    return AdversarialTask(site, **settings)


def moment(made, images, size=4):
    random = torch.Generator().manual_seed(images)
    image = torch.randn(size, 3, 16, 16, generator=random, dtype=torch.float64)
    share = RealShare(
        {"image": image},
        images=images,
        random=random,
        labels=None,
        observations=Observations(),
        world=World(),
    )
    return made.moment(share), image


def test_fakes_and_reals_have_the_present_size():
    made = task()
    for images, side in ((0, 4), (FADING, 8), (WHOLE, 8), (400, 16)):
        now, _ = moment(made, images)
        assert now.fake().image.shape == now["image"].shape == (4, 3, side, side)
        assert now.score(now["image"], None).shape == (4,)
        assert now.enlargement == 16 // side


def test_reals_are_faded_as_far_as_fakes():
    now, image = moment(task(), FADING)
    small = torch.nn.functional.avg_pool2d(image, 2)
    boxes = torch.nn.functional.avg_pool2d(small, 2)
    expected = (small + boxes.repeat_interleave(2, 2).repeat_interleave(2, 3)) / 2
    torch.testing.assert_close(now["image"], expected)


def test_networks_fade_as_the_growth_says():
    made = task()
    now, _ = moment(made, FADING)
    network = made.networks["discriminator"]
    image = now["image"]
    expected = network(image, None, level=1, fade=0.5)
    assert torch.equal(now.score(image, None), expected)
    assert not torch.equal(expected, network(image, None, level=1))


def test_the_mixing_cut_falls_among_the_layers_in_use():
    made = task(style_mixing=1)
    for images, active in ((0, 2), (FADING, 4), (400, 6)):
        cuts = set()
        for seed in range(40):
            now, _ = moment(made, images)
            now.random.manual_seed(seed)
            now.fake()
            cuts.add(now._latents[2][1])
        assert cuts == set(range(1, active))


def test_a_penalty_on_gradients_is_that_of_the_published_full_size_networks():
    made = task(regularizers={"r1": Bound(R1, weight=1.0, every=2)})
    now, image = moment(made, 0)
    full = image.requires_grad_()
    small = torch.nn.functional.avg_pool2d(full, 4)
    scores = made.networks["discriminator"](small, None, level=0)
    (gradient,) = torch.autograd.grad(scores.sum(), full)
    expected = gradient.square().sum(dim=(1, 2, 3)) / 2
    torch.testing.assert_close(made.regularizers["r1"](now), expected)


def test_the_pace_follows_the_growth_and_a_fade_is_a_chapter():
    (stage,) = task().stages()
    paces = [stage.pace(images) for images in (0, 99, FADING, WHOLE, 400)]
    assert [pace.chapter for pace in paces] == [
        ("4 x 4",), ("4 x 4",), ("8 x 8", "fading in"), ("8 x 8",), ("16 x 16",),
    ]  # fmt: skip
    assert [pace.batch for pace in paces] == [None, None, 6, 6, None]
    assert [pace.lr for pace in paces] == [None, None, None, None, 0.5]
    assert [pace.lr_scale for pace in paces] == [0, 0.33, 0.5, pytest.approx(2 / 3), 1]


def test_a_task_without_growth_has_the_recipes_pace():
    (stage,) = task(growth=None).stages()
    assert stage.pace is None


def test_samples_are_enlarged_to_the_full_size():
    made = task()
    request = partial(SampleRequest, seeds=(1, 2))
    small = made.sample(made.networks, request(images=0))
    assert small.shape == (2, 3, 16, 16)
    assert torch.equal(small, small[..., ::4, ::4].repeat_interleave(4, 2).repeat_interleave(4, 3))
    whole = made.sample(made.networks, request())
    assert torch.equal(whole, made.sample(made.networks, request(images=400)))
    assert not torch.equal(whole, small)


def test_samples_may_be_given_latents_styles_and_noise():
    made = task()
    network = made.networks["generator"].eval()
    z = torch.randn(2, 5, dtype=torch.float64)
    maps = [torch.randn(size, dtype=torch.float64) for size in network.noise_sizes]
    by_latents = made.sample(made.networks, SampleRequest(latents=z, noise=maps))
    styles = network.styles(z)
    assert torch.equal(
        by_latents, made.sample(made.networks, SampleRequest(styles=styles, noise=maps))
    )
    assert not torch.equal(by_latents, made.sample(made.networks, SampleRequest(styles=styles)))
    with pytest.raises(ValueError, match="layer 1 asks for its noise map, but only 1 were given"):
        made.sample(made.networks, SampleRequest(styles=styles, noise=maps[:1]))


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (
            399,
            r"at 16 x 16, 99% faded in, and the images are 16 x 16\. Raise training.images to 400 ",
        ),
        (100, "at 4 x 4, and the images are 16 x 16"),
    ],
)
def test_a_budget_that_ends_while_networks_grow_is_refused(images, text):
    with pytest.raises(BadValue, match=text) as caught:
        task(images=images)
    assert caught.value.path == "growth"
    task(images=400)


def test_a_network_without_levels_is_refused():
    with pytest.raises(BadValue, match=r"the generator \(Linear\) cannot grow: it has no levels"):
        task(make_generator=lambda where: nn.Linear(1, 1))


class StubbornBlock(nn.Module):
    num_styles = 2
    refuses_growth = "it needs the image of every resolution."

    def __init__(self, site):
        super().__init__()


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_block_that_cannot_grow_says_why(network):
    makers = {"generator": generator, "discriminator": discriminator}
    make = partial(makers[network], block=StubbornBlock)
    with pytest.raises(BadValue, match=r"StubbornBlock cannot grow: it needs the image of every"):
        task(**{f"make_{network}": make})


@pytest.mark.parametrize("block", ["original", "skip", "residual"])
def test_every_pair_of_blocks_grows(block):
    for other in ("original", "skip", "residual"):
        made = task(partial(generator, block), partial(discriminator, other))
        for images in (0, FADING, 400):
            now, _ = moment(made, images)
            fake = now.fake()
            now.score(fake.image, None).sum().backward()


def grouped(batch, micro_batch=None, group=4, table=None):
    """A growing task whose head compares groups, for a training of these batches."""
    from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead

    site = TaskSite(
        resolution=(16, 16),
        channels=3,
        label_width=0,
        images=1000,
        batch=batch,
        micro_batch=micro_batch,
    )
    growth = partial(ProgressiveGrowth, hold_images=100, fade_images=100, batch=table or {})
    return AdversarialTask(
        site,
        generator=Bound(lambda site: generator(where=site)),
        discriminator=Bound(
            lambda site: discriminator(where=site, head=partial(MinibatchStddevHead, group=group))
        ),
        loss=Bound(LogisticLoss),
        growth=Bound(growth),
    )


def test_a_batch_that_comes_later_and_cannot_be_grouped_is_refused_at_once():
    text = r"6 samples does not divide into groups of 4.*\(batch 6 at 8 x 8\)\. Change it, training"
    with pytest.raises(BadValue, match=text) as caught:
        grouped(8, table={8: 6})
    assert caught.value.path == "growth.batch"
    grouped(8, table={8: 4})


def test_a_micro_batch_that_cannot_be_grouped_is_refused_at_once():
    with pytest.raises(BadValue, match=r"share of 6 .*\(batch 12, training.micro_batch 6\)"):
        grouped(12, micro_batch=6)
    grouped(12, micro_batch=4)
