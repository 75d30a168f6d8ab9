"""The adversarial task: its phases, and the regularizers it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.errors import BadValue
from ganzoo.plugins.loss.logistic import LogisticLoss
from ganzoo.plugins.regularizer.r1 import R1
from ganzoo.plugins.task.adversarial import AdversarialTask
from ganzoo.registry.contracts import TaskSite


class Bound:
    """A factory with settings, as assembly makes them from a recipe."""

    component = "test"

    def __init__(self, make, **settings):
        self.make, self.settings = make, settings

    def __call__(self, *site):
        return self.make(*site)


class Stranger(nn.Module):
    trains = "critic"

    def __init__(self, site):
        super().__init__()

    def forward(self, moment):
        return torch.zeros(1)


def made(order=("generator", "discriminator"), **regularizers):
    network = Bound(lambda site: nn.Linear(1, 1))
    return AdversarialTask(
        TaskSite(resolution=(8, 8), channels=1, label_width=0),
        generator=network,
        discriminator=network,
        loss=Bound(LogisticLoss),
        regularizers=regularizers,
        order=order,
    )


def phases(task):
    (stage,) = task.stages()
    return [(phase.name, phase.every, phase.lazy) for phase in stage.phases]


def test_a_regularizer_of_every_step_is_part_of_the_main_phase():
    task = made(r1=Bound(R1, weight=1.0, every=1))
    assert phases(task) == [("generator", 1, False), ("discriminator", 1, False)]


def test_a_lazy_regularizer_is_a_phase_behind_its_network():
    task = made(r1=Bound(R1, weight=1.0, every=16))
    assert phases(task)[1:] == [("discriminator", 1, False), ("discriminator/r1", 16, True)]


def test_the_order_says_which_network_steps_first():
    task = made(order=("discriminator", "generator"))
    assert [name for name, _, _ in phases(task)] == ["discriminator", "generator"]
    with pytest.raises(BadValue, match="each network once"):
        made(order=("generator", "generator"))


def test_the_order_in_which_regularizers_are_written_changes_nothing():
    a, b = Bound(R1, weight=1.0, every=2), Bound(R1, weight=1.0, every=3)
    assert phases(made(first=a, second=b)) == phases(made(second=b, first=a))


@pytest.mark.parametrize("name", ["adversarial", "r.1", "", "r 1"])
def test_a_name_that_would_hide_the_loss_or_break_the_state_is_refused(name):
    with pytest.raises(BadValue, match="cannot name a regularizer"):
        made(**{name: Bound(R1, weight=1.0, every=1)})


@pytest.mark.parametrize("name", ["train", "keys", "path-length"])
def test_any_other_word_may_name_a_regularizer(name):
    task = made(**{name: Bound(R1, weight=1.0, every=1)})
    task.state.load_state_dict(task.state.state_dict())


def test_a_regularizer_of_no_network_is_refused():
    with pytest.raises(BadValue, match=r"it trains 'critic'; this task has \['discriminator'"):
        made(odd=Bound(Stranger, weight=1.0, every=1))
