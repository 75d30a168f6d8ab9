"""Fakes and reals through the discriminator as one batch, each with statistics of its own."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import pytest
import torch
from small_networks import DISCRIMINATOR_BLOCKS, discriminator, generator, site
from torch import nn

from ganzoo.plugins.discriminator_block.residual import ResidualDiscriminatorBlock
from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.loss.logistic import LogisticLoss
from ganzoo.plugins.loss.relativistic import RelativisticLoss
from ganzoo.plugins.task.adversarial import AdversarialTask
from ganzoo.registry.contracts import TaskSite
from ganzoo.testing.toy_moment import ToyMoment


class Bound:
    component = "test"
    settings: ClassVar = {}

    def __init__(self, make):
        self.make = make

    def __call__(self, *site):
        return self.make(*site)


def pictures(n, seed):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, 16, 16, generator=random, dtype=torch.float64)


def close(a, b):
    # float64; the same operations on a batch of another size
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("block", DISCRIMINATOR_BLOCKS)
def test_two_batches_in_one_pass_score_as_in_two(block):
    network = discriminator(block)
    fake, real = pictures(4, 0), pictures(4, 1)
    first, second = network(torch.cat([fake, real]), parts=2).chunk(2)
    close(first, network(fake))
    close(second, network(real))
    mixed = network(torch.cat([fake, real])).chunk(2)[0]
    assert not torch.allclose(first, mixed), "the statistics of one batch would mix both"


def test_labels_and_further_outputs_go_with_their_batch():
    head = partial(MinibatchStddevHead, label="auxiliary")
    network = discriminator("residual", site(label_width=3), head=head)
    fake, real = pictures(4, 0), pictures(4, 1)
    label = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    said = network(torch.cat([fake, real]), torch.cat([label, label]), parts=2)
    close(said["classes"].chunk(2)[1], network(real, label)["classes"])


class MixingBlock(ResidualDiscriminatorBlock):
    """A block that subtracts the mean of the batch, and says so."""

    mixes_batch = True

    def forward(self, x, image):
        return super().forward(x - x.mean(0, keepdim=True), image)


class Counting(nn.Module):
    """Hands on to a discriminator, and counts."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls = inner, 0
        self.takes_parts = inner.takes_parts

    def forward(self, *inputs, **named):
        self.calls += 1
        return self.inner(*inputs, **named)


def discriminator_terms(block, loss=LogisticLoss):
    counting = Counting(discriminator(block))
    networks = {"generator": generator(), "discriminator": counting}
    task = AdversarialTask(
        TaskSite(resolution=(16, 16), channels=3, label_width=0),
        generator=Bound(lambda site: networks["generator"]),
        discriminator=Bound(lambda site: counting),
        loss=Bound(loss),
    )
    real = pictures(4, 1)
    moment = ToyMoment(networks, real)
    (stage,) = task.stages()
    terms = {phase.name: phase.terms for phase in stage.phases}
    return terms, moment, counting, real


def test_the_discriminators_phase_is_one_pass_and_the_same_loss():
    terms, moment, counting, real = discriminator_terms("residual")
    loss = terms["discriminator"](moment)["adversarial"]
    assert counting.calls == 1
    fake = moment.fake().image.detach()
    close(loss, LogisticLoss(None).discriminator(counting.inner(fake), counting.inner(real)))


def test_the_generators_phase_keeps_reals_apart_since_nothing_is_differentiated_there():
    terms, moment, counting, _ = discriminator_terms("residual", RelativisticLoss)
    terms["generator"](moment)
    assert counting.calls == 2


def test_blocks_that_mix_the_batch_get_fakes_and_reals_apart():
    terms, moment, counting, real = discriminator_terms(MixingBlock)
    loss = terms["discriminator"](moment)["adversarial"]
    assert counting.calls == 2
    fake = moment.fake().image.detach()
    close(loss, LogisticLoss(None).discriminator(counting.inner(fake), counting.inner(real)))
