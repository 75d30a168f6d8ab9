"""From slots to live components: factories, records, and errors that name their key."""

from __future__ import annotations

import sys

import pytest

from ganzoo.assembly.build import build
from ganzoo.errors import BadValue
from ganzoo.recipe.load import load_recipe
from ganzoo.registry.catalogue import Registry

LOSS = '''"""A loss with a schedule of its own."""
from __future__ import annotations

from dataclasses import dataclass, field

from ganzoo.errors import BadValue

__all__ = ["ScheduledLoss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When.

    Args:
        start: first image.
        rates: one for each part.
    """

    start: int = 0
    rates: tuple[float, ...] = (1.0,)


class ScheduledLoss:
    """A loss."""

    compares_pairs = False

    def __init__(self, site: None, *, schedule: Schedule = Schedule(), limit: int = 3) -> None:
        if limit < 0:
            raise BadValue(f"limit is {limit!r}", path="limit")
        self.schedule = schedule
'''
INIT = '''"""Acme."""
from ganzoo import components_in, hookimpl


@hookimpl
def ganzoo_components():
    return components_in(__package__)
'''
RECIPE = """
ganzoo: 1
task:
  use: ganzoo/adversarial
  generator:
    use: ganzoo/style-generator
    block: ganzoo/skip
    normalization: ganzoo/demodulation
    mapping: ganzoo/mlp
    stem: ganzoo/constant
  discriminator:
    use: ganzoo/stack-discriminator
    block: ganzoo/original
    head: ganzoo/minibatch-stddev
  loss: {use: acme/scheduled, LOSS}
data: ganzoo/shapes
"""


@pytest.fixture
def loss_slot(tmp_path, monkeypatch):
    package = tmp_path / "acme_scheduled"
    (package / "loss").mkdir(parents=True)
    (package / "__init__.py").write_text(INIT)
    (package / "loss" / "__init__.py").write_text('"""Losses."""')
    (package / "loss" / "scheduled.py").write_text(LOSS)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry()
    registry.register("ganzoo", "ganzoo.plugins")
    registry.register("acme", "acme_scheduled")
    assert not registry.failures

    def slot(text):
        file = tmp_path / "r.yaml"
        file.write_text(RECIPE.replace("LOSS", text))
        recipe = load_recipe(file, registry=registry).recipe
        return build(recipe.task.parameters["loss"], registry, "task.loss")

    yield slot
    for name in [name for name in sys.modules if name.startswith("acme_scheduled")]:
        del sys.modules[name]


def test_a_record_reaches_the_constructor_as_its_dataclass(loss_slot):
    loss = loss_slot("schedule: {start: 5, rates: [1, 2]}")(None)
    assert type(loss.schedule).__name__ == "Schedule"
    assert (loss.schedule.start, loss.schedule.rates) == (5, (1.0, 2.0))


def test_an_error_of_a_constructor_names_the_key(loss_slot):
    factory = loss_slot("limit: -1")
    with pytest.raises(BadValue, match=r"^task\.loss\.limit: limit is -1$"):
        factory(None)
