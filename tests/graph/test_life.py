"""The life of a thing: what is seen after some observations, in whatever order they came."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

import pytest

from secgraph.graph import merge, stored
from secgraph.graph.locators import locates, locator, passed_on
from secgraph.graph.model import (
    AccountSettings,
    Edge,
    Entity,
    GraphChange,
    Item,
    Observation,
    Ref,
    Relationship,
    Value,
)

FINDING: Final = Ref.of(
    "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f", "aws_guardduty_finding"
)
INSTANCE: Final = Ref.of("arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", "aws_instance")
DETECTOR: Final = Ref.of("arn:aws:guardduty:eu-west-1:111122223333:detector/d", "aws_guardduty_detector")
STATUSES: Final = {"opened": "open", "closed": "closed", "suppressed": "suppressed", "archived": "archived"}
RANKS: Final = {"opened": 0, "suppressed": 1, "archived": 1, "closed": 2}


def said(word: str) -> GraphChange:
    """Give the change that a word such as `closed@2` stands for: what was observed, and when.

    `opened`, `closed`, `suppressed`, `archived`: the finding's own event. `archive`, `unarchive`, `missing`,
    `gone`: its state, told apart. `sight`: another block of the same thing. `key`: what follows from its key.
    """
    what, _, when = word.partition("@")
    time = int(when)
    if what in STATUSES:
        observation = _event(what, time)
    elif what in ("sight", "key"):
        observation = Observation(f"guardduty/{what}", time, {"_class": ("Finding",), "seen": True})
    else:
        observation = Observation("guardduty/state", time, _state(what, time), rank=int(what == "archive"))
    return GraphChange(FINDING, observation, received_on=10_000 - time)


def _event(what: str, time: int) -> Observation:
    properties: dict[str, Value] = {
        "_class": ("Finding",),
        **_status(STATUSES[what], time if what in ("closed", "archived") else None),
        "archived": what == "archived",
        "updatedOn": time,
    }
    edges = (
        Edge("HAS" if what == "opened" else "HAD", INSTANCE, outgoing=False, properties={"primary": True}),
        Edge("IDENTIFIED", DETECTOR, outgoing=False),
    )
    return Observation("guardduty/finding", time, properties, edges, rank=RANKS[what])


def _state(what: str, time: int) -> dict[str, Value]:
    if what == "gone":
        return {"_deleted": True}
    if what == "missing":
        return {**_status("closed", time), "closedReason": "absent"}
    status = _status("archived", time) if what == "archive" else _status("open", None)
    return {**status, "archived": what == "archive", "stateObservedOn": time}


def _status(status: str, closed_on: int | None) -> dict[str, Value]:
    is_open = status == "open"
    ended: dict[str, Value] = {} if closed_on is None else {"closedOn": closed_on}
    return {"open": is_open, "active": is_open, "status": status, **ended}


CASES: Final = [
    # observations → open, possession, status, closedOn, deleted
    ("opened@1", True, "HAS", "open", None, False),
    ("closed@1", False, "HAD", "closed", 1, False),
    ("opened@1 opened@2", True, "HAS", "open", None, False),
    ("opened@1 closed@2", False, "HAD", "closed", 2, False),
    ("opened@1 suppressed@2", False, "HAD", "suppressed", None, False),
    ("opened@1 archived@2", False, "HAD", "archived", 2, False),
    ("opened@1 closed@2 opened@3", True, "HAS", "open", None, False),
    ("opened@1 suppressed@2 opened@3 closed@4", False, "HAD", "closed", 4, False),
    # at one time
    ("opened@1 closed@1", False, "HAD", "closed", 1, False),
    ("opened@1 suppressed@1 closed@1", False, "HAD", "closed", 1, False),
    ("opened@1 archived@1", False, "HAD", "archived", 1, False),
    # a state that is told apart
    ("opened@1 archive@2", False, "HAD", "archived", 2, False),
    ("opened@1 archive@1", False, "HAD", "archived", 1, False),
    ("archive@1 opened@2", True, "HAS", "open", None, False),
    ("opened@1 archive@2 opened@2", False, "HAD", "archived", 2, False),
    ("opened@1 archive@2 opened@3", True, "HAS", "open", None, False),
    ("opened@1 archive@2 unarchive@3", True, "HAS", "open", None, False),
    ("opened@1 archive@2 unarchive@2", False, "HAD", "archived", 2, False),
    ("archived@1 unarchive@2", True, "HAS", "open", None, False),
    ("archived@1 unarchive@1", True, "HAS", "open", None, False),
    ("archived@1 unarchive@2 archived@3", False, "HAD", "archived", 3, False),
    ("opened@1 missing@2", False, "HAD", "closed", 2, False),
    ("opened@1 missing@2 opened@3", True, "HAS", "open", None, False),
    # it closed the first time
    ("opened@1 archive@2 archived@5", False, "HAD", "archived", 2, False),
    ("archived@1 archive@5", False, "HAD", "archived", 1, False),
    # ended, and seen again
    ("opened@1 gone@2", False, "HAD", "closed", 2, True),
    ("opened@2 gone@2", False, "HAD", "closed", 2, True),
    ("closed@1 gone@3", False, "HAD", "closed", 1, True),
    ("opened@1 gone@2 key@0", False, "HAD", "closed", 2, True),
    ("opened@1 gone@2 opened@3", True, "HAS", "open", None, False),
    ("opened@1 gone@2 closed@3", False, "HAD", "closed", 3, False),
    ("opened@1 gone@2 sight@3", True, "HAS", "open", None, False),
    ("opened@1 gone@2 archive@3", False, "HAD", "archived", 3, False),
    ("opened@1 archive@2 gone@3 opened@4", True, "HAS", "open", None, False),
]


def lived(words: Iterable[str]) -> Item:
    """Give the item after these observations, one by one and each twice, stored in between."""
    item: Item | None = None
    for now, word in enumerate(words, 1_000):
        for _ in range(2):
            item = merge.apply(item, [said(word)], now=now, settings={}).item
            item = stored.load(stored.dump(item))
    assert item is not None
    return item


def shown(item: Item) -> Entity:
    entity = merge.entity(item)
    assert entity is not None
    return entity


def possession(item: Item) -> Relationship:
    (edge,) = [edge for edge in merge.relationships(item) if edge.from_id == INSTANCE.id]
    return edge


@pytest.mark.parametrize(("words", "is_open", "verb", "status", "closed_on", "deleted"), CASES)
def test_what_is_seen_in_any_order(words, is_open, verb, status, closed_on, deleted):
    items = [lived(order) for order in itertools.permutations(words.split())]
    for item in items:
        properties = shown(item).properties
        found = {name: properties.get(name) for name in ("open", "active", "status", "closedOn")}
        assert found == {"open": is_open, "active": is_open, "status": status, "closedOn": closed_on}
        assert properties.get("archived", False) is (status == "archived")
        assert possession(item).verb == verb
        assert possession(item).properties["primary"] is True
        for held in (properties, *(edge.properties for edge in merge.relationships(item))):
            assert held.get("_deleted", False) is deleted
            assert ("_endOn" in held) is deleted
    assert len({merge.same_graph(item) for item in items}) == 1
    assert {shown(item).properties["_createdOn"] for item in items} == {
        10_000 - max(int(word.partition("@")[2]) for word in words.split())
    }


@pytest.mark.parametrize("words", ["archive@2", "archive@1 unarchive@2", "gone@2", "archive@1 gone@2"])
def test_a_state_without_its_thing_is_not_seen(words):
    item = lived(words.split())
    assert merge.entity(item) is None
    assert merge.relationships(item) == ()


def test_each_turn_of_a_life_is_a_version_and_opening_again_is_marked():
    turns = [
        ("opened@1", 1, None),
        ("opened@2", 1, None),
        ("archive@3", 2, None),
        ("unarchive@4", 3, 1_003),
        ("unarchive@5", 3, 1_003),
        ("gone@6", 4, 1_003),
        ("opened@7", 5, 1_006),
        ("closed@8", 6, 1_006),
    ]
    words = [word for word, _, _ in turns]
    for n, (_, version, reopened_on) in enumerate(turns, 1):
        properties = shown(lived(words[:n])).properties
        assert (properties["_version"], properties.get("reopenedOn")) == (version, reopened_on), words[:n]


def test_what_was_not_seen_before_is_the_first_version():
    properties = shown(lived(["archive@2", "opened@1"])).properties
    assert (properties["_version"], properties["_beginOn"]) == (1, 1_001)


def test_a_thing_that_is_no_finding_ends_too():
    seen = Observation("guardduty/instanceDetails", 5, {"_class": ("Host",), "state": "running"})
    gone = Observation("inventory/state", 7, {"_deleted": True})
    again = Observation("inspector2/awsEc2Instance", 8, {"_class": ("Host",)})
    settings = {"111122223333": AccountSettings("shop", production=True)}

    def after(*observations: Observation) -> dict[str, Value]:
        changes = [GraphChange(INSTANCE, each, 1) for each in observations]
        item = merge.apply(None, changes, now=9, settings=settings).item
        return dict(shown(item).properties)

    ended = after(seen, gone)
    assert (ended["_deleted"], ended["_endOn"], ended["state"]) == (True, 7, "running")
    assert "open" not in ended
    assert "_deleted" not in after(seen, gone, again)


def test_a_locator_passes_on_what_it_hears_to_each_thing_it_stands_for():
    there = locator("guardduty-finding-id:eu-west-1:f")
    other = Ref.of(f"{FINDING.key}2", FINDING.type)
    state = said("archive@2").observation

    def heard(*observations: Observation) -> Item:
        changes = [GraphChange(there, each, 50) for each in observations]
        return merge.apply(None, changes, now=9, settings={}).item

    assert passed_on(heard(state)) == ()
    assert passed_on(heard(locates("guardduty", FINDING))) == ()
    both = heard(locates("guardduty", FINDING), state, locates("guardduty", other))
    assert {(change.thing, change.observation.block) for change in passed_on(both)} == {
        (FINDING, "guardduty/state"),
        (other, "guardduty/state"),
    }
    assert [merge.entity(both), merge.relationships(both)] == [None, ()]
    assert passed_on(lived(["opened@1", "archive@2"])) == ()
