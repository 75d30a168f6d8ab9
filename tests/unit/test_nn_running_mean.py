"""RunningMean: one move a step, however the batch was cut."""

from __future__ import annotations

import copy

import pytest
import torch

from ganzoo.nn.running_mean import RunningMean


def test_it_starts_at_zero_and_moves_only_when_settled():
    mean = RunningMean((2,), beta=0.75)
    mean.observe(torch.tensor([4.0, 8.0]))
    assert mean.value.tolist() == [0, 0]
    mean.settle()
    assert mean.value.tolist() == [1, 2]


def test_unequal_shares_move_it_as_the_whole_batch_would():
    values = torch.arange(5.0)
    whole, cut = RunningMean((), beta=0.5), RunningMean((), beta=0.5)
    whole.observe(values.mean())
    cut.observe(values[:2].mean(), count=2)
    cut.observe(values[2:].mean(), count=3)
    whole.settle()
    cut.settle()
    assert cut.value.item() == pytest.approx(whole.value.item())


def test_a_sum_gathered_over_ranks_replaces_its_own():
    mean = RunningMean((), beta=0.5)
    mean.observe(torch.tensor(6.0))
    total, count = mean.pending()
    mean.settle(sum=total + 2.0, count=count + 1)
    assert mean.value.item() == 2.0
    assert mean.pending()[1] == 0


def test_nothing_pending_moves_nothing():
    mean = RunningMean((), beta=0.5)
    mean.value.fill_(3.0)
    mean.settle()
    assert mean.value.item() == 3.0


def test_in_eval_mode_nothing_is_observed():
    mean = RunningMean((), beta=0.5).eval()
    mean.observe(torch.tensor(6.0))
    assert mean.pending()[1] == 0


def test_the_state_holds_the_value_and_not_what_is_pending():
    mean = RunningMean((), beta=0.5)
    mean.observe(torch.ones((), requires_grad=True) * 2)
    assert list(mean.state_dict()) == ["value"]
    assert not mean.pending()[0].requires_grad
    assert copy.deepcopy(mean).pending()[0].item() == 2.0
