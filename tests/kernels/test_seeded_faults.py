"""The comparisons notice the mistakes they are there for."""

from __future__ import annotations

import pytest
from emulator import EmulationError
from faults import SEEDED, SEEDED_IN_PYTHON, comparisons

NOTICED = (AssertionError, EmulationError)


@pytest.mark.parametrize("comparison", comparisons(), ids=lambda c: c.__name__)
def test_a_comparison_passes_where_nothing_is_wrong(comparison, built):
    comparison(built)


@pytest.mark.parametrize("seeded", SEEDED, ids=lambda s: s.name)
def test_a_mistake_in_a_kernel_is_noticed(seeded, built):
    with pytest.raises(NOTICED):
        seeded.noticed_by(built.with_(fault=seeded.fault))


@pytest.mark.parametrize("seeded", SEEDED_IN_PYTHON, ids=lambda s: s.name)
def test_a_mistake_beside_a_kernel_is_noticed(seeded, built, monkeypatch):
    monkeypatch.setattr(seeded.user, seeded.exchanged, seeded.wrong_object())
    with pytest.raises(NOTICED):
        seeded.noticed_by(built)


def test_a_mistake_whose_text_is_gone_is_no_mistake(built):
    fault = SEEDED[0].fault
    with pytest.raises(AssertionError, match="occurs 0 times"):
        fault.plant(fault.source, "another text")
