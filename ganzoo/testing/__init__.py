"""The conformance kit: what every component of a kind has promised, as checks that anyone can run.

The whole test file of a plugin may be::

    import pytest
    from ganzoo.testing import checks_for

    @pytest.mark.parametrize("check", checks_for("generator_block", "acme/attention"), ids=str)
    def test_contract(check):
        check()

A component that breaks a promise knowingly carries ``known_gaps = {"check_name": "reason"}``. Such
a check must fail, and ``gap_lines`` lists them.

The checks of a kind are what ``checks(subject)`` of the module of its name returns; those of
``every_kind`` come before them.
"""

from __future__ import annotations

from ganzoo.testing.check import Check, checks_for, gap_lines
from ganzoo.testing.failure import CheckFailure

__all__ = ["Check", "CheckFailure", "checks_for", "gap_lines"]
