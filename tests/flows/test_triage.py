"""TRIAGE, told as stories: what people decide, what they hear then, and what evaluation does with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pytest

from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.alerts.decisions import (
    DECISION,
    REASON,
    Decisions,
    Dismissal,
    decision_id,
    dump_decisions,
    load_decisions,
)
from secgraph.alerts.ports import Stored
from secgraph.errors import InputError, StoreUnavailable
from secgraph.flows.triage import Triaged, dismiss, listed, shown, withdraw
from secgraph.flows.triaged_json import alert_json
from secgraph.rules.rule import Rule
from tests.flows.test_evaluate import World, rule

HOUR = 3_600_000
HIGH = rule("many", "FIND Many", level="HIGH")
WHOLE = rule("low", "FIND Low", level="LOW")


@pytest.fixture
def world() -> Iterator[World]:
    """A deployment whose first summary is sent; HIGH is open in two groups, WHOLE with two rows."""
    with duckdb.connect(":memory:") as connection:
        world = World(LocalAlerts(connection))
        found(world, many=["a", "b"], low=["x", "y"])
        assert world.heard() == ["summary summary"]
        yield world


def found(world: World, **rows: Sequence[str]) -> list[str]:
    """Let rules find these rows from now on, evaluate, and give what was told."""
    for name, ids in rows.items():
        world.answers[f"FIND {name.title()}"] = list(ids)
    world.tick(HIGH, WHOLE)
    return [f"{told.rule} {told.event.name.lower()} {told.group}".strip() for told in world.sent]


def decide(world: World, of: Rule, **given: Any) -> Triaged:
    return dismiss(
        world.store,
        of.name,
        **{"reason": "accepted", "author": "ann", "request": "q1", "now": world.now, **given},
    )


def take_back(world: World, of: Rule, **given: Any) -> Triaged:
    return withdraw(world.store, of.name, **{"author": "bob", "request": "q2", "now": world.now, **given})


def status(world: World, of: Rule) -> str:
    return shown(world.store, of.name, world.now).status


# ── what is heard ─────────────────────────────────────────────────────────────────────────────────────


def test_of_a_dismissed_alert_nothing_is_told_until_rows_join(world):
    assert decide(world, WHOLE).status == "DISMISSED"
    assert found(world, low=["x"]) == []
    assert status(world, WHOLE) == "DISMISSED"
    assert found(world, low=["x", "z"]) == ["low new_rows"]
    assert status(world, WHOLE) == "ACTIVE"


def test_the_end_of_a_dismissed_alert_is_not_told_and_its_return_is(world):
    decide(world, WHOLE)
    assert found(world, low=[]) == []
    assert status(world, WHOLE) == "INACTIVE"
    assert found(world, low=["x"]) == ["low opened"]


def test_of_a_dismissed_group_nothing_is_told_and_of_the_others_all(world):
    decide(world, HIGH, group="a")
    assert found(world, many=["c"]) == ["many opened c", "many resolved b"]
    assert status(world, HIGH) == "ACTIVE"


def test_an_alert_is_dismissed_when_each_of_its_groups_is(world):
    decide(world, HIGH, group="a")
    assert status(world, HIGH) == "ACTIVE"
    assert decide(world, HIGH, group="B").status == "DISMISSED"


def test_a_dismissal_expires(world):
    decide(world, WHOLE, until="2026-05-01T13:00:00Z")
    assert status(world, WHOLE) == "DISMISSED"
    world.now += HOUR
    assert status(world, WHOLE) == "ACTIVE"
    assert found(world, low=[]) == ["low resolved"]


def test_what_a_dismissal_that_expired_was_about_is_told_anew_while_it_is_open(world):
    decide(world, WHOLE, until="2026-05-01T13:00:00Z")
    decide(world, HIGH, group="a", until="2026-05-01T13:00:00Z")
    decide(world, HIGH, group="b")
    assert found(world) == []
    world.now += HOUR
    assert found(world) == ["many opened a", "low opened"]
    world.sent.clear()
    assert found(world) == []


def test_an_alert_that_is_over_when_its_dismissal_expires_is_not_told(world):
    decide(world, WHOLE, until="2026-05-01T13:00:00Z")
    found(world, low=[])
    world.now += HOUR
    assert found(world) == []


def test_a_newer_dismissal_replaces_the_older(world):
    decide(world, WHOLE)
    decide(world, WHOLE, until="2026-05-01T13:00:00Z")
    world.now += HOUR
    assert status(world, WHOLE) == "ACTIVE"


def test_what_is_withdrawn_is_told_again(world):
    decide(world, WHOLE)
    decide(world, HIGH, group="a")
    decide(world, HIGH, group="b")
    assert take_back(world, WHOLE, reason="no more").status == "ACTIVE"
    take_back(world, HIGH, group="a")
    assert found(world, low=[], many=[]) == ["many resolved a", "low resolved"]
    (kept,) = shown(world.store, WHOLE.name, world.now).decisions.made
    assert kept.withdrawn is not None
    assert (kept.withdrawn.author, kept.withdrawn.request, kept.withdrawn.reason) == ("bob", "q2", "no more")


def test_rows_that_joined_while_a_person_decided_end_the_dismissal(world):
    """An evaluation that began before the decision, and was written after it, bears an earlier time."""
    decide(world, WHOLE, now=world.now + HOUR)
    assert found(world, low=["x", "y", "z"]) == ["low new_rows"]


def test_decisions_outlive_the_rule_and_evaluation_never_writes_them(world):
    decide(world, WHOLE)
    before = world.store.read(decision_id(WHOLE.name))
    found(world, low=["x"])
    world.tick(HIGH, known=["many"])
    assert status(world, WHOLE) == "INACTIVE"
    assert world.store.read(decision_id(WHOLE.name)) == before


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────


def test_alerts_are_listed_open_ones_first(world):
    decide(world, HIGH)
    rules = [(each.state.rule, each.status) for each in listed(world.store, world.now).alerts]
    assert rules == [("low", "ACTIVE"), ("many", "DISMISSED")]


def test_an_item_that_cannot_be_read_hides_no_other(world):
    world.store.put(Stored(f"{DECISION}gone", 1, "{"))
    listing = listed(world.store, world.now)
    assert len(listing.alerts) == 2
    assert listing.problems[0].startswith("decision/gone: ")


def test_an_alert_shows_who_decided_what_and_what_did_not_arrive(world):
    world.down = True
    found(world, many=["a", "b", "c"])
    decide(world, HIGH, group="c", until="2026-05-02")
    alert = alert_json(shown(world.store, HIGH.name, world.now))
    assert {it["label"]: it["dismissed"] for it in alert["groups"]} == {"a": False, "b": False, "c": True}
    (made,) = alert["dismissals"]
    assert {name: made[name] for name in ("label", "reason", "author", "request", "until", "inForce")} == {
        "label": "c",
        "reason": "accepted",
        "author": "ann",
        "request": "q1",
        "until": "2026-05-02",
        "inForce": True,
    }
    (message,) = alert["undelivered"]
    assert (message["error"], message["givenUp"], message["attempts"]) == ("the topic is down", False, 1)
    assert alert["history"][-1]["new"] == 1


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "no such rule": ({"rule": "lowe"}, "rule: there is no alert of a rule lowe; did you mean low?"),
    "no reason": ({"reason": " \n"}, "reason: is empty; say why"),
    "a long reason": ({"reason": "x" * (REASON + 1)}, "reason: is longer than 300 characters"),
    "no author": ({"author": "\u202e"}, "author: is empty; say who decides this"),
    "no moment": ({"until": "tomorrow"}, "until: tomorrow is not an ISO 8601 date"),
    "a moment past": ({"until": "2026-05-01"}, "until: 2026-05-01 is past"),
    "groups where there are none": ({"group": "x"}, "group: the alert has no groups"),
    "no such group": ({"rule": "many", "group": "z"}, "group: z names no open group: "),
}


def test_bad_input_is_refused_with_a_remedy_and_changes_nothing(world):
    for what, (given, message) in REFUSED.items():
        about = {"rule": "low", "reason": "r", "author": "a", "request": "q", "now": world.now, **given}
        with pytest.raises(InputError) as caught:
            dismiss(world.store, **about)
        assert str(caught.value).startswith(message), what
    assert world.store.read_all(DECISION) == {}


def test_what_is_not_open_cannot_be_dismissed_nor_what_is_not_dismissed_withdrawn(world):
    with pytest.raises(InputError, match="nothing of the alert of low is dismissed"):
        take_back(world, WHOLE)
    decide(world, HIGH)
    with pytest.raises(InputError, match="dismissed as a whole; leave group out"):
        take_back(world, HIGH, group="a")
    found(world, low=[])
    with pytest.raises(InputError, match="is not open, so there is nothing to dismiss"):
        decide(world, WHOLE)


class Rival:
    """A store in which somebody else decides first, so many times."""

    def __init__(self, store: LocalAlerts, times: int) -> None:
        self._store, self._times = store, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, item: Stored, beside: Sequence[Stored] = ()) -> bool:
        if self._times:
            self._times -= 1
            held = self._store.read(item.id)
            made = () if held is None else load_decisions(held.body).made
            other = Dismissal(1, "rival", "eve", "q9", 0, group=7 + self._times)
            body = dump_decisions(Decisions("low", (*made, other)))
            assert self._store.put(Stored(item.id, (held.rev if held else 0) + 1, body))
        return self._store.put(item, beside)


def test_decisions_made_at_once_are_all_kept(world):
    alert = dismiss(Rival(world.store, 3), "low", reason="r", author="ann", request="q", now=world.now)
    assert [each.author for each in alert.decisions.made] == ["eve", "eve", "eve", "ann"]
    with pytest.raises(StoreUnavailable, match="try again"):
        dismiss(Rival(world.store, 99), "low", reason="r", author="bob", request="q", now=world.now)
