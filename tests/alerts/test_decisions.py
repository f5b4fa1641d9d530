"""Decisions as values: when a dismissal is in force, what is kept of many, and their stored form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secgraph.alerts.decisions import (
    AUTHOR,
    KEPT,
    REASON,
    Decisions,
    Dismissal,
    Withdrawal,
    added,
    dismissed,
    dump_decisions,
    in_force,
    load_decisions,
)
from secgraph.alerts.groups import LABEL_BYTES, WHOLE
from secgraph.errors import InputError, StoreError

MADE = Dismissal(on=50, reason="why", author="ann", request="q1", joined_on=40, until=100)
BACK = Withdrawal(60, "bob", "q2")


@pytest.mark.parametrize(
    ("dismissal", "joined_on", "now", "expected"),
    [
        (MADE, 40, 99, True),
        (MADE, 40, 100, False),
        (MADE, 41, 99, False),
        (MADE, None, 99, True),
        (replace(MADE, until=None), 40, 10**15, True),
        (replace(MADE, withdrawn=BACK), 40, 99, False),
    ],
)
def test_a_dismissal_is_in_force_until_rows_join_it_expires_or_is_withdrawn(
    dismissal, joined_on, now, expected
):
    assert in_force(dismissal, joined_on, now) is expected


def test_of_several_the_newest_counts_and_that_of_the_whole_for_each_group():
    group = replace(MADE, group=7)
    for made, key, expected in [
        ((MADE,), 7, MADE),
        ((group,), 7, group),
        ((group,), 8, None),
        ((replace(group, until=None), replace(group, until=60)), 7, None),
        ((MADE, replace(group, withdrawn=BACK)), 7, MADE),
    ]:
        assert dismissed(Decisions("r", made), key, 40, 70) == expected
    assert dismissed(Decisions("r", (MADE,)), 7, 40, 70, alert_joined_on=41) is None
    assert dismissed(None, WHOLE, 40, 70) is None


def test_what_is_kept_is_bounded_and_none_in_force_is_forgotten():
    first = replace(MADE, group=1)
    decisions = Decisions("r", (first,))
    for _ in range(KEPT + 5):
        decisions = added(decisions, replace(MADE, group=2), lambda _: True)
    assert len(decisions.made) == KEPT
    assert decisions.made[0] is first
    for group in range(3, KEPT + 1):
        decisions = added(decisions, replace(MADE, group=group), lambda _: True)
    assert {each.group for each in decisions.made} == set(range(1, KEPT + 1))
    with pytest.raises(InputError, match=f"{KEPT} groups of r are dismissed already"):
        added(decisions, MADE, lambda _: True)
    lapsed = added(decisions, MADE, lambda each: each is not first)
    assert first not in lapsed.made
    assert lapsed.made[-1] is MADE


def test_as_many_as_are_kept_fit_into_an_item():
    largest = Dismissal(
        10**13,
        "😀" * REASON,
        "😀" * AUTHOR,
        "r" * 36,
        10**13,
        2**64 - 1,
        "😀" * (LABEL_BYTES // 4),
        10**13,
        Withdrawal(10**13, "😀" * AUTHOR, "r" * 36, "😀" * REASON),
    )
    assert len(dump_decisions(Decisions("r", (largest,) * KEPT)).encode()) < 400_000 - 1_000


def test_they_keep_their_stored_form():
    """Texts of this version are read for ever: a change of form needs another version."""
    text = (
        '{"version":1,"rule":"r","made":[{"on":50,"reason":"why","author":"ann","request":"q1","joined_on":40,'
        '"group":"0000000000000005","label":"web","until":100,"withdrawn":{"on":60,"author":"bob",'
        '"request":"q2","reason":""}}]}'
    )
    decisions = Decisions("r", (replace(MADE, group=5, label="web", withdrawn=BACK),))
    assert dump_decisions(decisions) == text
    assert load_decisions(text) == decisions
    assert load_decisions(dump_decisions(Decisions("r", (MADE,)))).made == (MADE,)
    with pytest.raises(StoreError, match="version 2"):
        load_decisions(text.replace('"version":1', '"version":2'))
