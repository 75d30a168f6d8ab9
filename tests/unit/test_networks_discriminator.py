"""The stack discriminator and its head, over every block."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from small_networks import DISCRIMINATOR_BLOCKS, discriminator, site

from ganzoo.errors import BadValue
from ganzoo.plugins.discriminator_block.original import OriginalDiscriminatorBlock
from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.mapping.mlp import MlpMapping

every_block = pytest.mark.parametrize("block", DISCRIMINATOR_BLOCKS)
ALONE = partial(MinibatchStddevHead, statistics=0)


def pictures(n=4, channels=3, size=(16, 16)):
    random = torch.Generator().manual_seed(4)
    return torch.randn(n, channels, *size, generator=random, dtype=torch.float64)


def labels(n=4, width=2):
    return torch.eye(width, dtype=torch.float64)[[i % width for i in range(n)]]


def close(a, b):
    # float64; the same operations, on a batch cut otherwise
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@every_block
@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize(("base", "channels"), [((4, 4), 1), ((3, 5), 4)])
def test_logits_have_one_number_a_sample(block, grows, base, channels):
    size = (base[0] * 4, base[1] * 4)
    where = site(size, base=base, channels=channels, grows=grows)
    logits = discriminator(block, where)(pictures(channels=channels, size=size))
    assert logits.shape == (4,)
    assert logits.isfinite().all()


@every_block
def test_every_parameter_is_reached_and_the_penalty_too(block):
    network = discriminator(block, site(label_width=2), blur=(1, 2, 1))
    image = pictures().requires_grad_()
    logits = network(image, labels())
    (gradient,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
    (gradient.square().sum() + logits.sum()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_block
def test_samples_see_each_other_only_through_the_statistics(block):
    alone = discriminator(block, head=ALONE)
    close(alone(pictures())[1:2], alone(pictures()[1:2]))
    together = discriminator(block)
    assert not torch.allclose(together(pictures())[1:2], together(pictures()[1:2]))


@every_block
def test_a_copy_and_a_restored_state_score_the_same(block):
    network, other = discriminator(block), discriminator(block, seed=7)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(pictures()), network(pictures()))
    assert torch.equal(copy.deepcopy(network)(pictures()), network(pictures()))


# Growing


@every_block
@pytest.mark.parametrize("level", [1, 2])
def test_fade_0_is_the_smaller_network_of_the_downsampled_image(block, level):
    network = discriminator(block, site(grows=True), image_resample=(1, 1))
    image = pictures(size=(4 << level, 4 << level))
    smaller = network(torch.nn.functional.avg_pool2d(image, 2), level=level - 1)
    close(network(image, level=level, fade=0.0), smaller)
    assert not torch.allclose(network(image, level=level, fade=0.5), smaller)
    close(network(image, level=level, fade=1.0), network(image, level=level, fade=1 - 1e-13))


def test_a_network_that_does_not_grow_has_one_level():
    with pytest.raises(ValueError, match="does not grow; expected level 2 at fade 1"):
        discriminator()(pictures(size=(8, 8)), level=1)


# Head


def test_one_hot_takes_the_score_of_the_class():
    where = site(label_width=3)
    network = discriminator(where=where, head=partial(MinibatchStddevHead, label="one-hot"))
    scores = []
    network.head.out.register_forward_hook(lambda _, inputs, out: scores.append(out))
    logits = network(pictures(), labels(width=3))
    close(logits, scores[0][torch.arange(4), torch.tensor([0, 1, 2, 0])])


def test_auxiliary_says_the_score_first_and_a_logit_for_each_class():
    head = partial(MinibatchStddevHead, label="auxiliary")
    network = discriminator(where=site(label_width=3, grows=True), head=head)
    outs = []
    network.head.out.register_forward_hook(lambda _, inputs, out: outs.append(out))
    said = network(pictures(), labels(width=3), fade=0.5)
    assert list(said) == ["score", "classes"]
    assert torch.equal(said["score"], outs[0][:, 0])
    assert torch.equal(said["classes"], outs[0][:, 1:])
    assert said["classes"].shape == (4, 3)


def test_projection_is_the_inner_product_with_the_mapped_label():
    network = discriminator(where=site(label_width=2))
    assert len(network.head.mapping.layers) == 8
    assert network.head.mapping.width == 8
    outs = []
    network.head.out.register_forward_hook(lambda _, inputs, out: outs.append(out))
    logits = network(pictures(), labels())
    mapped = network.head.mapping(None, labels())
    close(logits, (outs[0] * mapped).sum(1) / 8**0.5)


def test_projection_takes_a_mapping_of_another_width():
    head = partial(MinibatchStddevHead, mapping=partial(MlpMapping, depth=2, width=5))
    network = discriminator(where=site(label_width=2), head=head)
    assert network.head.out.weight.shape == (5, 8)
    assert not torch.allclose(network(pictures(), labels()), network(pictures(), labels().flip(1)))


@pytest.mark.parametrize("label", ["none", "auxiliary", "one-hot", "projection"])
def test_without_labels_every_scheme_is_the_unconditional_one(label):
    network = discriminator(head=partial(MinibatchStddevHead, label=label))
    assert torch.equal(network(pictures()), discriminator()(pictures()))


def test_none_does_not_look_at_labels():
    head = partial(MinibatchStddevHead, label="none")
    network = discriminator(where=site(label_width=2), head=head)
    assert torch.equal(network(pictures(), labels()), network(pictures()))


@pytest.mark.parametrize("label", ["one-hot", "projection"])
def test_a_missing_label_is_refused(label):
    head = partial(MinibatchStddevHead, label=label)
    with pytest.raises(ValueError, match=r"a conditional head needs labels \[N, 2\]"):
        discriminator(where=site(label_width=2), head=head)(pictures())


def test_the_head_has_the_widths_it_was_told():
    head = partial(MinibatchStddevHead, hidden=5, statistics=2)
    network = discriminator(head=head)
    assert network.head.conv.weight.shape == (8, 10, 3, 3)
    assert network.head.dense.weight.shape == (5, 8 * 16)
    assert network.head.out.weight.shape == (1, 5)


def test_a_batch_that_does_not_divide_into_groups_is_refused():
    with pytest.raises(BadValue, match="6 samples, which do not divide into groups of 4"):
        discriminator()(pictures(n=6))


@pytest.mark.parametrize(("name", "value"), [("group", -1), ("statistics", -1), ("statistics", 3)])
def test_numbers_that_cannot_be_are_refused(name, value):
    with pytest.raises(BadValue, match=f"{name} is {value}; expected"):
        discriminator(head=partial(MinibatchStddevHead, **{name: value}))


# Precision


@every_block
def test_logits_keep_their_precision_under_autocast(block):
    network = discriminator(block, site(label_width=2, grows=True)).float()
    image, label = pictures().float(), labels().float()
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(image, label)
        faded = network(image, label, fade=0.5)
    assert logits.dtype == faded.dtype == torch.float32
    # bfloat16 keeps 8 bits, in a dozen layers
    assert (logits - network(image, label)).abs().max() < 0.1 * logits.abs().max()


# Blocks


def test_pooling_happens_behind_the_second_activation():
    pooling = partial(OriginalDiscriminatorBlock, pool=True)
    network = discriminator(block=pooling, resample=(1, 1))
    block = network.blocks[0]
    x = network.from_rgb["2"](pictures())
    expected = torch.nn.functional.avg_pool2d(block.down(block.conv(x)), 2)
    close(block(x, None)[0], expected)
    assert not torch.allclose(network(pictures()), discriminator("original")(pictures()))


def test_only_the_from_rgb_of_the_base_grid_is_not_clamped():
    network = discriminator("skip", clamp=0.5)
    assert network.from_rgb["2"].clamp == 0.5
    assert [block.from_rgb.clamp for block in network.blocks] == [0.5, None]
    assert network.head.conv.clamp == 0.5


def test_an_input_skip_behind_a_block_that_drops_the_image_says_so():
    network = discriminator("skip")
    with pytest.raises(ValueError, match="needs the image that the block before handed on"):
        network.blocks[1](torch.zeros(1, 8, 8, 8, dtype=torch.float64), None)


def test_an_image_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"image has shape .*; expected \[N, 3, 16, 16\]"):
        discriminator()(pictures(size=(8, 8)))


def test_a_resolution_that_does_not_fit_is_refused():
    with pytest.raises(BadValue, match=r"resolution 20 x 20 .* Nearest: 16 x 16 or 32 x 32"):
        discriminator(where=site((20, 20)))
