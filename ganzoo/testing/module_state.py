"""Checks of what a module remembers: its state dict holds everything, and a copy shares nothing."""

from __future__ import annotations

import copy
import io
import pickle

import torch
from torch import Tensor, nn

from ganzoo.nn.running_mean import RunningMean
from ganzoo.testing.case import Case
from ganzoo.testing.failure import CheckFailure, expect


def state_round_trips(case: Case) -> None:
    """Its state dict, loaded into another one just built, makes that one give the same outputs."""
    original, other = case.built(seed=0), case.built(seed=7)
    inputs = original.inputs()
    original.run(inputs)
    settle(original.module)
    load_through_file(original.module, other.module)
    for training in (True, False):
        original.module.train(training)
        other.module.train(training)
        change = _change(original.run(inputs), other.run(inputs))
        expect(
            change == 0,
            f"with the same state dict the outputs differ by {change:.2g}; something that matters"
            " is no parameter and no persistent buffer",
        )


def copies_are_independent(case: Case) -> None:
    """A deep copy, as the average of the weights is, computes with its own tensors alone."""
    part = case.built()
    inputs = part.inputs()
    expected = [output.detach() for output in part.run(inputs)]
    twin = copy.deepcopy(part.module)
    with torch.no_grad():
        for tensor in (*part.module.parameters(), *part.module.buffers()):
            tensor.fill_(0.123)
    change = _change(part.run(inputs, module=twin), expected)
    expect(
        change == 0,
        f"a deep copy changes by {change:.2g} when the original does; something is held by a"
        " function instead of by the module",
    )


def load_through_file(source: nn.Module, target: nn.Module) -> None:
    """Bring the state of one module into another, the way a checkpoint does.

    Raises:
        CheckFailure: the state is more than tensors and plain data, or does not fit.
    """
    file = io.BytesIO()
    torch.save(source.state_dict(), file)
    file.seek(0)
    try:
        target.load_state_dict(torch.load(file, weights_only=True))
    except (RuntimeError, TypeError, pickle.PickleError) as error:
        raise CheckFailure(f"its state dict cannot be saved and loaded: {error}") from error


def settle(module: nn.Module) -> None:
    """Move the running means inside by what they observed, as the loop does after a phase."""
    for inner in module.modules():
        if isinstance(inner, RunningMean):
            inner.settle()


def _change(outputs: tuple[Tensor, ...], expected: tuple[Tensor, ...] | list[Tensor]) -> float:
    found = [float((a - b).detach().abs().max()) for a, b in zip(outputs, expected)]
    return max(found, default=0.0)
