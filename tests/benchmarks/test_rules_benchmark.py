"""The tick that is measured is one of a hundred rules, all of them different ones."""

from __future__ import annotations

from benchmarks.rules import RULES, hundred


def test_there_are_a_hundred_and_each_can_be_evaluated() -> None:
    rules = hundred()
    assert len({rule.name for rule in rules}) == len(rules) == RULES
    assert not [rule.name for rule in rules if rule.blocked]
