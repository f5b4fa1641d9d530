"""UNDELIVERED, told as stories: what is listed, and what comes out of being sent again."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.alerts.outbox import UNDELIVERED, Record, stored
from secgraph.alerts.ports import Outgoing, Stored
from secgraph.errors import ChannelError, InputError, StoreUnavailable
from secgraph.flows.notify import send_due
from secgraph.flows.undelivered import send_again, undelivered
from secgraph.rules.effects import Effect

NOW = 1_777_636_800_000
MINUTE = 60_000


class Away:
    """A channel that takes nothing until it is told to, and then notes what it gets."""

    def __init__(self) -> None:
        self.error: ChannelError | None = ChannelError("no such key", final=True)
        self.taken: list[str] = []

    def send(self, outgoing: Outgoing) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(outgoing.id)


@pytest.fixture
def channel() -> Away:
    return Away()


@pytest.fixture
def store(channel: Away) -> Iterator[LocalAlerts]:
    """Three messages given up: of an alert, of the summary, of an action; one waits for its next try."""
    with duckdb.connect(":memory:") as connection:
        store = LocalAlerts(connection)
        for place, id_ in enumerate(["a#1#topic", "summary#topic", "q#1#action:sqs/operations[0]"]):
            assert store.put(stored(record(id_, NOW + place)))
        run(store, channel, NOW + 10)
        channel.error = ChannelError("busy")
        assert store.put(stored(record("a#2#topic", NOW + 20)))
        run(store, channel, NOW + 30)
        assert store.put(Stored(f"{UNDELIVERED}odd", 1, "{"))
        yield store


def record(id_: str, made_on: int) -> Record:
    rule, _, rest = id_.partition("#")
    return Record(
        rule, rest.rpartition("#")[2], Outgoing(id_, effect=Effect("sqs", "q", "x", "p")), made_on, made_on
    )


def run(store: LocalAlerts, channel: Away, now: int) -> None:
    send_due(store, {"topic": channel, "action:sqs": channel}, now=now, run=f"r{now}")


def test_all_that_was_not_delivered_is_listed_of_whatever_it_is(store: LocalAlerts):
    found = undelivered(store)
    assert [(each.id, each.error) for each in found.waiting] == [("a#2#topic", "busy")]
    assert [each.id for each in found.given_up] == [
        "a#1#topic",
        "summary#topic",
        "q#1#action:sqs/operations[0]",
    ]
    assert [problem.partition(":")[0] for problem in found.problems] == ["undelivered/odd"]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({}, ["a#1#topic", "summary#topic", "q#1#action:sqs/operations[0]"]),
        ({"rule": "a"}, ["a#1#topic"]),
        ({"channel": "topic"}, ["a#1#topic", "summary#topic"]),
        ({"rule": "q", "channel": "action:sqs/operations[0]"}, ["q#1#action:sqs/operations[0]"]),
    ],
)
def test_what_was_given_up_is_sent_again_under_its_id(store: LocalAlerts, channel: Away, chosen, ids):
    assert [each.id for each in send_again(store, NOW + MINUTE, **chosen)] == ids
    channel.error = None
    run(store, channel, NOW + 2 * MINUTE)
    assert sorted(channel.taken) == sorted([*ids, "a#2#topic"])
    assert not {each.id for each in undelivered(store).given_up}.intersection(ids)


def test_what_died_in_between_is_sent_again_once(store: LocalAlerts, channel: Away):
    class Dying(LocalAlerts):
        def delete(self, item: Stored) -> bool:
            raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        send_again(Dying(store._connection), NOW + MINUTE, rule="a")
    assert [each.rule for each in undelivered(store).given_up] == ["a", "summary", "q"]
    send_again(store, NOW + MINUTE, rule="a")
    channel.error = None
    run(store, channel, NOW + 2 * MINUTE)
    assert sorted(channel.taken) == ["a#1#topic", "a#2#topic"]


def test_where_there_is_nothing_it_says_what_there_is(store: LocalAlerts):
    with pytest.raises(
        InputError, match=r"there is a \(topic\), q \(action:sqs/operations\[0\]\), summary \(topic\)$"
    ):
        send_again(store, NOW, rule="nobody")
    send_again(store, NOW)
    with pytest.raises(InputError, match="nothing was given up"):
        send_again(store, NOW)
