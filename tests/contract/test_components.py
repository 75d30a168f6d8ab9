"""Every built-in component keeps every promise of its kind."""

from __future__ import annotations

import pytest

from ganzoo.registry.discovery import discover
from ganzoo.registry.kinds import KINDS
from ganzoo.testing import checks_for, gap_lines

REGISTRY = discover(disabled=("*",))
CHECKS = [
    check
    for component in REGISTRY.components()
    for check in checks_for(component.kind, component.name, REGISTRY)
]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_contract(check):
    check()


def test_every_kind_has_a_component_that_is_checked():
    assert {check.subject.component.kind for check in CHECKS} == set(KINDS)


def test_no_component_of_ours_has_a_known_gap():
    assert gap_lines(CHECKS) == []
