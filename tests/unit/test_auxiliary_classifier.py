"""The auxiliary classifier: whose classes it asks for, and what it says where there are none."""

from __future__ import annotations

import math
from functools import partial

import pytest
import small_networks
import torch
from torch import nn

from ganzoo.errors import BadValue
from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
from ganzoo.plugins.regularizer.auxiliary_classifier import AuxiliaryClassifier
from ganzoo.registry.contracts import Fake
from ganzoo.testing.toy_moment import ToyMoment

REALS = torch.tensor([[1.0, 0.0, 2.0], [1.0, -1.0, 0.0]], dtype=torch.float64)
FAKES = torch.tensor([[0.5, 0.5, -1.0], [3.0, 0.0, 1.0]], dtype=torch.float64)
LABELS = torch.eye(3, dtype=torch.float64)[[2, 0]]
FAKE_LABELS = torch.eye(3, dtype=torch.float64)[[0, 1]]


class ColourDiscriminator(nn.Module):
    """Class logits are the weighed colours of a one-pixel image: known softmax, known slope."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3, dtype=torch.float64))

    def forward(self, image, label):
        return {"score": image.sum(dim=(1, 2, 3)), "classes": image[:, :, 0, 0] @ self.weight}


class GivenFakes(ToyMoment):
    """Fakes that are given, with labels of their own."""

    def __init__(self, discriminator, label=LABELS, fake_label=FAKE_LABELS):
        super().__init__({"discriminator": discriminator}, REALS[:, :, None, None], label)
        self.made = FAKES[:, :, None, None].clone().requires_grad_()
        self.fake_label = fake_label

    def fake(self, first=None):
        return Fake(image=self.made, styles=torch.zeros(2, 1, 1), label=self.fake_label)


def cross_entropy(logits, label):
    return (logits.exp().sum(dim=1)).log() - (logits * label).sum(dim=1)


def residual(logits, label):
    """The derivative of the cross-entropy with respect to the logits."""
    return logits.softmax(dim=1) - label


def test_each_network_has_a_part_of_its_own():
    assert AuxiliaryClassifier(network="generator").trains == "generator"
    assert AuxiliaryClassifier(network="discriminator").trains == "discriminator"


def test_the_generators_part_is_the_cross_entropy_of_its_fakes():
    moment = GivenFakes(ColourDiscriminator())
    loss = AuxiliaryClassifier(network="generator")(moment)
    torch.testing.assert_close(loss, cross_entropy(FAKES, FAKE_LABELS))


def test_the_discriminators_part_is_the_sum_for_fakes_and_reals():
    moment = GivenFakes(ColourDiscriminator())
    loss = AuxiliaryClassifier(network="discriminator")(moment)
    expected = cross_entropy(FAKES, FAKE_LABELS) + cross_entropy(REALS, LABELS)
    torch.testing.assert_close(loss, expected)


def test_the_generators_gradient_is_softmax_less_label():
    moment = GivenFakes(ColourDiscriminator())
    AuxiliaryClassifier(network="generator")(moment).sum().backward()
    torch.testing.assert_close(moment.made.grad[:, :, 0, 0], residual(FAKES, FAKE_LABELS))


def test_the_discriminators_gradient_comes_from_fakes_and_reals_and_stops_at_the_fakes():
    discriminator = ColourDiscriminator()
    moment = GivenFakes(discriminator)
    AuxiliaryClassifier(network="discriminator")(moment).sum().backward()
    expected = FAKES.T @ residual(FAKES, FAKE_LABELS) + REALS.T @ residual(REALS, LABELS)
    torch.testing.assert_close(discriminator.weight.grad, expected)
    assert moment.made.grad is None


def test_one_who_knows_nothing_pays_the_logarithm_of_the_number_of_classes():
    discriminator = ColourDiscriminator()
    with torch.no_grad():
        discriminator.weight.zero_()
    loss = AuxiliaryClassifier(network="generator")(GivenFakes(discriminator))
    assert loss.tolist() == pytest.approx([math.log(3)] * 2)


def test_the_share_of_reals_whose_class_is_told_right_is_logged():
    moment = GivenFakes(ColourDiscriminator())
    AuxiliaryClassifier(network="discriminator")(moment)
    assert moment.observed["class_accuracy"].tolist() == [1, 1]
    moment = GivenFakes(ColourDiscriminator(), label=FAKE_LABELS)
    AuxiliaryClassifier(network="discriminator")(moment)
    assert moment.observed["class_accuracy"].tolist() == [0, 0]


def test_it_trains_the_class_logits_of_an_auxiliary_head_and_not_its_score():
    head = partial(MinibatchStddevHead, label="auxiliary")
    where = small_networks.site(resolution=(8, 8), label_width=3)
    networks = {
        "generator": small_networks.generator(where=where),
        "discriminator": small_networks.discriminator(where=where, head=head),
    }
    image = torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    AuxiliaryClassifier()(ToyMoment(networks, image, LABELS)).sum().backward()
    to_score, *to_classes = networks["discriminator"].head.out.weight.grad
    assert to_score.abs().sum() == 0
    assert all(row.abs().sum() > 0 for row in to_classes)
    assert all(p.grad is None for p in networks["generator"].parameters())


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_head_without_classes_is_named_with_the_line_to_write(network):
    moment = GivenFakes(lambda image, label: image.sum(dim=(1, 2, 3)))
    text = r"head gives score alone\. Write head: \{label: auxiliary\} in the discriminator"
    with pytest.raises(BadValue, match=text):
        AuxiliaryClassifier(network=network)(moment)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_data_without_labels_is_named_with_the_remedy(network):
    moment = GivenFakes(ColourDiscriminator(), label=None, fake_label=None)
    with pytest.raises(BadValue, match=r"this run has none\. .* data\.labels=class"):
        AuxiliaryClassifier(network=network)(moment)


def test_classes_of_another_number_than_labels_are_refused():
    class Short(ColourDiscriminator):
        def forward(self, image, label):
            outputs = super().forward(image, label)
            return {**outputs, "classes": outputs["classes"][:, :2]}

    with pytest.raises(ValueError, match=r"classes has shape \[2, 2\]; expected \[2, 3\]"):
        AuxiliaryClassifier()(GivenFakes(Short()))


def conditional_task(head_label, classifiers, label_width=3):
    from functools import partial

    from small_networks import discriminator, generator
    from test_adversarial import Bound

    from ganzoo.plugins.head.minibatch_stddev import MinibatchStddevHead
    from ganzoo.plugins.loss.logistic import LogisticLoss
    from ganzoo.plugins.task.adversarial import AdversarialTask
    from ganzoo.registry.contracts import TaskSite

    head = partial(MinibatchStddevHead, label=head_label)
    return AdversarialTask(
        TaskSite(resolution=(16, 16), channels=3, label_width=label_width),
        generator=Bound(lambda site: generator(where=site)),
        discriminator=Bound(lambda site: discriminator(where=site, head=head)),
        loss=Bound(LogisticLoss),
        regularizers={
            name: Bound(partial(AuxiliaryClassifier, network=name), weight=1.0, every=1)
            for name in classifiers
        },
    )


def test_classes_that_nothing_learns_from_are_refused():
    with pytest.raises(BadValue, match="also gives classes, which nothing learns from") as caught:
        conditional_task("auxiliary", ())
    assert caught.value.path == "discriminator"
    conditional_task("auxiliary", ("generator", "discriminator"))
    conditional_task("auxiliary", (), label_width=0)


def test_a_classifier_without_classes_is_refused_before_the_first_step():
    text = "it reads classes, but the discriminator gives score only"
    with pytest.raises(BadValue, match=text) as caught:
        conditional_task("projection", ("discriminator",))
    assert caught.value.path == "regularizers.discriminator"
