"""NOTIFY, told as stories: what is sent when, what waits, and what is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import duckdb
import pytest

from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.alerts.outbox import CLAIM, OUTBOX, UNDELIVERED, Record, load_record, stored
from secgraph.alerts.ports import Outgoing, Stored
from secgraph.errors import ChannelError
from secgraph.flows import notify
from secgraph.flows.notify import AT_ONCE, DAY, SendReport, send_due
from secgraph.rules.effects import Effect
from secgraph.rules.rule import Level
from tests.channels.told import OPENED

MINUTE = 60_000
START = 1_777_636_800_000


@dataclass
class World:
    store: LocalAlerts
    now: int = START
    sent: list[str] = field(default_factory=list)
    says: dict[str, BaseException] = field(default_factory=dict)
    runs: int = 0

    def made(self, id_: str, age: int = 0, target: str = "q") -> None:
        rule, _, channel = id_.split("#")
        made_on = self.now - age
        effect = Effect("sqs", target, "x", "operations[0]")
        record = Record(rule, channel, Outgoing(id_, effect=effect), made_on, made_on)
        assert self.store.put(stored(record))

    def send(self, outgoing: Outgoing) -> None:
        error = self.says.get(outgoing.id) or self.says.get("")
        if error is not None:
            raise error
        self.sent.append(outgoing.id)

    def run(self, later: int = 0, stop: Callable[[], bool] = lambda: False) -> SendReport:
        self.now += later
        self.runs += 1
        channels = {"topic": self, "action:sqs": self}
        return send_due(self.store, channels, now=self.now, run=f"run-{self.runs}", stop=stop)

    def heard(self) -> list[str]:
        found = list(self.sent)
        self.sent.clear()
        return found

    def kept(self, prefix: str) -> list[Record]:
        return [load_record(item.body) for item in self.store.read_all(prefix).values()]


@pytest.fixture
def world() -> Iterator[World]:
    with duckdb.connect(":memory:") as connection:
        yield World(LocalAlerts(connection))


def test_what_is_due_is_sent_once_the_oldest_first(world: World):
    world.made("b#1#topic", age=MINUTE)
    world.made("a#10#topic", age=2 * MINUTE)
    world.made("a#9#topic", age=2 * MINUTE)
    world.made("a#10#action:sqs/operations[0].actions[2]", age=2 * MINUTE)
    report = world.run()
    assert world.heard() == [
        "a#9#topic",
        "a#10#action:sqs/operations[0].actions[2]",
        "a#10#topic",
        "b#1#topic",
    ]
    assert (report.waiting, report.refused, report.given_up, report.faults) == (0, (), (), ())
    assert world.run().deliveries == ()
    assert world.heard() == []


def test_what_is_refused_waits_ever_longer_and_then_an_hour(world: World):
    world.made("a#1#topic")
    world.says[""] = ChannelError("the topic\nis down")
    waits = []
    for _ in range(9):
        report = world.run()
        assert [each.error for each in report.refused] == ["the topic is down"]
        assert report.waiting == 1
        (record,) = world.kept(OUTBOX)
        waits.append((record.due_on - world.now) // MINUTE)
        assert world.run(later=record.due_on - world.now - 1).deliveries == ()
        world.now += 1
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    world.says.clear()
    world.run()
    assert world.heard() == ["a#1#topic"]


def test_a_channel_that_says_when_is_left_alone_until_then(world: World):
    world.made("a#1#topic", age=2)
    world.made("b#1#topic", age=1)
    world.says["a#1#topic"] = ChannelError("slower", retry_after=90_000)
    world.run()
    assert world.heard() == []
    world.says.clear()
    world.run(later=89_000)
    assert world.heard() == ["b#1#topic"]
    world.run(later=1_000)
    assert world.heard() == ["a#1#topic"]


def test_what_a_rule_says_in_a_channel_keeps_its_order_and_holds_back_no_other(world: World):
    for id_ in ("a#1#topic", "a#2#topic", "b#1#topic"):
        world.made(id_)
    world.says["a#1#topic"] = ChannelError("no")
    world.run()
    assert world.heard() == ["b#1#topic"]
    world.says.clear()
    world.run(later=MINUTE)
    assert world.heard() == ["a#1#topic", "a#2#topic"]


def test_a_channel_that_is_down_is_not_asked_for_every_message(world: World):
    for number in range(10):
        world.made(f"r{number}#1#topic")
    world.says[""] = ChannelError("down")
    assert len(world.run().refused) == notify.REFUSALS


def test_a_place_that_takes_nothing_holds_back_no_other_of_its_kind(world: World):
    for number in range(AT_ONCE):
        world.made(f"bad{number}#1#action:sqs/a", age=number + 1, target="bad")
        world.says[f"bad{number}#1#action:sqs/a"] = ChannelError("busy", retry_after=0)
    world.made("good#1#action:sqs/a", target="good")
    assert len(world.run().refused) == 1
    assert world.heard() == ["good#1#action:sqs/a"]
    assert len(world.run(later=MINUTE - 1).refused) == 1, "another one: the first waits for a minute at least"


def test_places_that_give_no_answer_take_the_time_of_no_other(world: World):
    """There is time for two that hang. All of theirs are older."""
    for number in range(6):
        place = f"bad{number % 2}"
        world.made(f"r{number}#1#action:sqs/a", age=number + 1, target=place)
        world.says[f"r{number}#1#action:sqs/a"] = ChannelError("no answer")
    world.made("good#1#action:sqs/a", target="good")
    for heard in ([], ["good#1#action:sqs/a"]):
        left = iter((False, False, True))
        world.run(stop=left.__next__)
        assert world.heard() == heard


def test_what_its_senders_die_of_is_given_up(world: World):
    class Died(BaseException):
        pass

    world.made("a#1#topic", age=2)
    world.made("b#1#topic", age=1)
    world.says["a#1#topic"] = Died()
    for _ in range(notify.UNANSWERED):
        with pytest.raises(Died):
            world.run(later=CLAIM)
    (given_up,) = world.run(later=CLAIM).given_up
    assert given_up.error.startswith("10 runs of the sender died")
    assert world.heard() == ["b#1#topic"]


@pytest.mark.parametrize(("unanswered", "given_up"), [(0, False), (1, True)])
def test_what_a_sender_died_of_is_not_tried_again_once_it_is_old(
    world: World, unanswered: int, given_up: bool
):
    """What was never tried is: the sender may not have run for days."""
    thing = Outgoing("a#1#topic", effect=Effect("sqs", "q", "x", "operations[0]"))
    made_on = world.now - 3 * DAY - 1
    assert world.store.put(stored(Record("a", "topic", thing, made_on, made_on, unanswered=unanswered)))
    assert bool(world.run().given_up) is given_up
    assert world.heard() == ([] if given_up else ["a#1#topic"])


def test_a_channel_takes_only_so_much_in_one_run(world: World):
    for number in range(AT_ONCE + 5):
        world.made(f"r{number}#1#topic", age=100 - number)
    world.made("r#1#action:sqs/operations[0]")
    assert world.run().waiting == 5
    assert len(world.heard()) == AT_ONCE + 1
    world.run()
    assert world.heard() == [f"r{AT_ONCE + number}#1#topic" for number in range(5)]


@pytest.mark.parametrize(
    ("error", "age", "given_up"),
    [
        (ChannelError("never", final=True), 0, True),
        (ChannelError("down"), 3 * DAY - MINUTE, False),
        (ChannelError("down"), 3 * DAY + MINUTE, True),
        (KeyError("a defect"), 0, False),
    ],
)
def test_what_is_given_up_is_kept_and_reported(world: World, error: Exception, age: int, given_up: bool):
    world.made("a#1#topic", age=age)
    world.made("a#2#topic", age=age)
    world.says["a#1#topic"] = error
    report = world.run()
    assert [each.id for each in (report.given_up if given_up else report.refused)] == ["a#1#topic"]
    assert [each.id for each in world.kept(UNDELIVERED)] == (["a#1#topic"] if given_up else [])
    assert world.heard() == (["a#2#topic"] if given_up else [])


def test_a_channel_that_is_gone_is_waited_for_a_day(world: World):
    world.made("a#1#slack", age=DAY - MINUTE)
    assert world.run().deliveries == ()
    (given_up,) = world.run(later=2 * MINUTE).given_up
    assert given_up.error == "this deployment has no channel slack any more"
    assert world.kept(OUTBOX) == []


def test_of_what_is_given_up_the_newest_is_kept(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notify, "UNDELIVERED_KEPT", 2)
    world.says[""] = ChannelError("never", final=True)
    for number in range(4):
        world.made(f"r{number}#1#topic")
        world.run(later=MINUTE)
    assert sorted(each.id for each in world.kept(UNDELIVERED)) == ["r2#1#topic", "r3#1#topic"]


def test_what_another_run_is_sending_is_left_to_it_until_it_must_be_dead(world: World):
    world.made("a#1#topic")
    (record,) = world.kept(OUTBOX)
    body = stored(record.claimed("another", world.now)).body
    assert world.store.put(Stored(f"{OUTBOX}a#1#topic", 2, body))
    world.made("a#2#topic")
    world.run(later=CLAIM - 1)
    assert world.heard() == []
    world.run(later=1)
    assert world.heard() == ["a#1#topic", "a#2#topic"]


def test_without_time_nothing_is_begun(world: World):
    world.made("a#1#topic")
    report = send_due(world.store, {"topic": world}, now=world.now, run="r", stop=lambda: True)
    assert (report.deliveries, report.waiting) == ((), 1)


def test_a_record_that_cannot_be_read_is_a_fault_and_stops_no_other(world: World):
    world.store.put(Stored(f"{OUTBOX}x", 1, '{"version":99}'))
    world.made("a#1#topic")
    report = world.run()
    assert world.heard() == ["a#1#topic"]
    assert "has version 99" in report.faults[0]


def test_the_report_is_plain_json(world: World):
    world.made("a#1#topic")
    world.says[""] = ChannelError("no", final=True)
    assert world.run().as_json() == {
        "messages": [{"id": "a#1#topic", "channel": "topic", "error": "no", "givenUp": True}],
        "waiting": 0,
        "faults": [],
    }


def told_at(world: World, rule: str, level: Level, age: int = 0) -> None:
    notification = replace(OPENED, id=f"{rule}#1", rule=rule, level=level)
    outgoing = Outgoing(f"{rule}#1#topic", notification=notification)
    assert world.store.put(stored(Record(rule, "topic", outgoing, world.now - age, world.now - age)))


def test_urgent_news_overtakes_a_storm(world: World):
    for number in range(AT_ONCE + 5):
        told_at(world, f"low{number:02}", Level.LOW, age=MINUTE)
    told_at(world, "worst", Level.CRITICAL)
    world.run()
    heard = world.heard()
    assert (heard[0], len(heard)) == ("worst#1#topic", AT_ONCE)


@pytest.mark.parametrize("answer", [ChannelError("down"), ChannelError("later", retry_after=MINUTE)])
def test_what_a_place_takes_nothing_of_for_days_is_given_up_whole(world: World, answer: ChannelError):
    for number in range(3 * AT_ONCE):
        world.made(f"a{number}#1#topic", age=3 * DAY + MINUTE)
    world.made("young#1#topic")
    world.says[""] = answer
    report = world.run()
    assert (len(report.given_up), report.waiting) == (3 * AT_ONCE, 1)
    assert {record.rule for record in world.kept(OUTBOX)} == {"young"}


def test_what_a_clock_that_was_ahead_has_made_is_due(world: World):
    world.made("a#1#topic", age=-365 * DAY)
    world.run()
    assert world.heard() == ["a#1#topic"]


def test_what_is_undelivered_and_unreadable_goes_first(world: World):
    assert world.store.put(Stored(f"{UNDELIVERED}odd", 1, "{"))
    for number in range(notify.UNDELIVERED_KEPT):
        world.made(f"a{number}#1#topic")
    world.says[""] = ChannelError("never", final=True)
    while world.run().waiting:
        pass
    assert len(world.kept(UNDELIVERED)) == notify.UNDELIVERED_KEPT
