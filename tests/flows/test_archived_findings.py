"""Findings archived by a call that sends no finding: CloudTrail's report and the finding, in any order."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.cli.beside import reader_of
from secgraph.errors import StoreUnavailable
from secgraph.flows.ask import ask
from secgraph.flows.ingest import Delivery, Report, WarmCache, ingest
from secgraph.graph import merge
from secgraph.graph.model import GraphChange, Item, Observation
from secgraph.ingest.ports import Quarantined

Event = dict[str, Any]
NOW: Final = 1_795_000_000_000
FINDING_ID: Final = "1ab92989eaf0e742df4a014d5171c8d1"
OPEN: Final = ("HAS", True, "open", None)


def call(name: str, moment: str, *ids: str, **detail: object) -> Event:
    """A call to GuardDuty's API as CloudTrail reports it: from the administrator, with its own detector."""
    return {
        "source": "aws.guardduty",
        "detail-type": "AWS API Call via CloudTrail",
        "account": "999988887777",
        "region": "eu-west-1",
        "detail": {
            "eventVersion": "1.10",
            "eventSource": "guardduty.amazonaws.com",
            "eventName": name,
            "eventTime": moment,
            "awsRegion": "eu-west-1",
            "requestParameters": {"detectorId": "9" * 32, "findingIds": list(ids or (FINDING_ID,))},
            "responseElements": None,
            "recipientAccountId": "999988887777",
            **detail,
        },
    }


ARCHIVE: Final = call("ArchiveFindings", "2026-11-20T09:00:00Z")
UNARCHIVE: Final = call("UnarchiveFindings", "2026-11-20T10:00:00Z")
ARCHIVED: Final = ("HAD", False, "archived", 1_795_165_200_000)


def again(event: Event, moment: str, *, archived: bool) -> Event:
    """The finding's own event after another occurrence."""
    changed: Event = json.loads(json.dumps(event))
    changed["detail"]["updatedAt"] = moment
    changed["detail"]["service"] |= {"archived": archived, "count": 40}
    return changed


def deliver(
    events: Sequence[Event], graph: Any, cache: WarmCache | None = None, *, test_source: bool = False
) -> list[Report]:
    return ingest(
        [Delivery(f"m{number}", json.dumps(event), NOW) for number, event in enumerate(events)],
        writer=graph,
        quarantine=graph,
        now=NOW,
        settings={},
        cache=WarmCache() if cache is None else cache,
        test_source=test_source,
    )


class Memory:
    """A store of items that lets only the rev through that follows the one it holds."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        return {id_: self.items[id_] for id_ in ids if id_ in self.items}

    def write(self, items: Sequence[Item]) -> Collection[str]:
        held = {id_: item.rev for id_, item in self.items.items()}
        won = {item.thing.id: item for item in items if held.get(item.thing.id, 0) == item.rev - 1}
        self.items |= won
        return [item.thing.id for item in items if item.thing.id not in won]

    def put(self, events: Sequence[Quarantined]) -> None:
        raise AssertionError([event.reason for event in events])

    def state(self) -> tuple[Any, ...]:
        """What is seen of the finding: the verb from its instance, open, status, closedOn."""
        (item,) = self._findings()
        (finding,) = self.findings()
        (verb,) = {edge.verb for edge in merge.relationships(item)} - {"IDENTIFIED"}
        return (verb, *(finding.get(name) for name in ("open", "status", "closedOn")))

    def findings(self) -> list[dict[str, Any]]:
        """The properties of the findings that are seen."""
        entities = [merge.entity(item) for item in self._findings()]
        return [dict(entity.properties) for entity in entities if entity]

    def _findings(self) -> list[Item]:
        return [item for item in self.items.values() if item.thing.type == "aws_guardduty_finding"]

    def graph(self) -> dict[str, str]:
        return {id_: merge.same_graph(item) for id_, item in self.items.items()}


LIVES: Final = [
    ([ARCHIVE], ARCHIVED),
    ([ARCHIVE, UNARCHIVE], OPEN),
    ([ARCHIVE, call("UnarchiveFindings", "2026-11-20T09:00:00Z")], OPEN),
    ([ARCHIVE, ("2026-11-20T08:59:59Z", False)], ARCHIVED),
    ([ARCHIVE, ("2026-11-20T11:00:00Z", True)], ARCHIVED),
    ([ARCHIVE, ("2026-11-20T11:00:00Z", False)], OPEN),
    ([call("ArchiveFindings", "2026-11-20T08:00:00Z")], OPEN),
    ([ARCHIVE, ("2026-11-20T09:00:00.900Z", False)], ARCHIVED),
    ([ARCHIVE, ("2026-11-20T09:00:01.000Z", False)], OPEN),
]


@pytest.mark.parametrize(("more", "expected"), LIVES)
def test_either_may_come_first(sample, more, expected):
    finding = sample("01")
    later = [each if isinstance(each, dict) else again(finding, each[0], archived=each[1]) for each in more]
    graphs = []
    for order in itertools.permutations([finding, *later]):
        for batches in ([order], [[event] for event in order]):
            store, cache = Memory(), WarmCache()
            for batch in batches:
                assert {each.outcome for each in deliver(batch, store, cache)} <= {"applied", "stale"}
            assert store.state() == expected
            graphs.append(store.graph())
    assert all(one == graphs[0] for one in graphs)


class Watched(Memory):
    """Counts its writes, fails at its n-th call once that is done, and lets a rival in after a read."""

    def __init__(self, *, fails_at: int = 0, rival: Sequence[Event] = ()) -> None:
        super().__init__()
        self._calls = 0
        self._fails_at = fails_at
        self._rival = list(rival)
        self.written: list[str] = []

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        held = super().read(ids)
        if self._rival:
            deliver([self._rival.pop()], self)
        self._count()
        return held

    def write(self, items: Sequence[Item]) -> Collection[str]:
        lost = super().write(items)
        self.written += [item.thing.type for item in items if item.thing.id not in lost]
        self._count()
        return lost

    def _count(self) -> None:
        self._calls += 1
        if self._calls == self._fails_at:
            raise StoreUnavailable("throttled")


@pytest.mark.parametrize("first", [0, 1])
def test_a_crash_at_any_call_heals_when_the_event_comes_again(sample, first):
    events = [sample("01"), ARCHIVE]
    healed = 0
    for fails_at in range(1, 9):
        store, cache = Watched(fails_at=fails_at), WarmCache()
        for event in (events[first], events[1 - first]):
            while (report := deliver([event], store, cache)[0]).outcome == "failed":
                assert "throttled" in report.reason
                healed += 1
        assert store.state() == ARCHIVED
    assert healed == 6, "each call of two events: read and write, and again what is passed on"


@pytest.mark.parametrize("first", [0, 1])
def test_two_writers_at_once_converge(sample, first):
    events = [sample("01"), ARCHIVE]
    store = Watched(rival=[events[1 - first]])
    assert [each.outcome for each in deliver([events[first]], store)] == ["applied"]
    assert store.state() == ARCHIVED


def test_a_new_finding_costs_one_small_item_and_a_repeated_one_nothing(sample):
    store, cache = Watched(), WarmCache()

    def written(*events: Event, warm: WarmCache | None = None) -> list[str]:
        store.written.clear()
        deliver(events, store, warm)
        return store.written

    assert written(sample("01"), warm=cache).count("locator") == 1
    assert written(sample("01"), warm=cache) == []
    assert written(sample("01")) == []
    assert "locator" not in written(again(sample("01"), "2026-11-20T11:00:00Z", archived=False))
    assert written(ARCHIVE, ARCHIVE) == ["locator", "aws_guardduty_finding"]
    assert written(ARCHIVE) == []


def test_a_call_about_several_findings_says_what_became_of_it(sample):
    store = Memory()
    both = call("ArchiveFindings", "2026-11-20T09:00:00Z", FINDING_ID, "2bc03a9afb01f853e05b125e6282d9e2")
    deliver([sample("01"), sample("04"), UNARCHIVE], store)
    assert [each.outcome for each in deliver([both], store)] == ["applied"], "one is news"
    assert [each.outcome for each in deliver([ARCHIVE], store)] == ["stale"]
    assert {each["id"]: each["open"] for each in store.findings()} == {
        FINDING_ID: True,
        "2bc03a9afb01f853e05b125e6282d9e2": False,
    }


def test_nobody_sees_a_locator_or_the_state_of_a_finding_that_never_came(sample):
    with LocalGraph.in_memory() as graph:
        deliver([ARCHIVE], graph)
        assert ask("FIND *", reader=reader_of(graph), now=NOW, include_deleted=True)["data"] == []
        deliver([sample("01")], graph)
        reader = reader_of(graph)
        types = ask("FIND * AS e RETURN e._type AS t", reader=reader, now=NOW)["data"]
        assert {"t": "locator"} not in types
        assert "LOCATES" not in reader.catalogue().verbs


def test_a_sample_finding_is_archived_too(sample):
    event = sample("01")
    event["detail"]["service"]["additionalInfo"] = {"sample": True}
    store = Memory()
    deliver([ARCHIVE, event], store)
    assert [(each["sample"], each["open"]) for each in store.findings()] == [(True, False)]


def test_a_test_call_touches_no_real_finding(sample):
    store, apart = Memory(), {"source": "secgraph.test"}
    deliver([sample("01"), sample("01") | apart, ARCHIVE | apart], store, test_source=True)
    assert {each["_source"]: each["open"] for each in store.findings()} == {
        "integration-managed": True,
        "sample-data": False,
    }


def test_what_ended_is_found_by_those_who_ask_for_it(sample):
    with LocalGraph.in_memory() as graph:
        deliver([sample("01"), sample("02")], graph)
        (finding,) = [item for item in graph.items() if item.thing.type == "aws_guardduty_finding"]
        ended_on = NOW + 3_600_000_000
        gone = GraphChange(finding.thing, Observation("guardduty/state", ended_on, {"_deleted": True}), NOW)
        graph.write([merge.apply(finding, [gone], now=NOW, settings={}).item])

        def found(query: str, *, include_deleted: bool) -> int:
            reader = reader_of(graph)
            return len(ask(query, reader=reader, now=ended_on + 1, include_deleted=include_deleted)["data"])

        ended = "FIND aws_guardduty_finding WITH _endOn >= date.now - 24 hours AND _deleted = true"
        hosts = "FIND aws_instance THAT (HAS|HAD) aws_guardduty_finding"
        assert [found(ended, include_deleted=each) for each in (False, True)] == [1, 1]
        assert [found(hosts, include_deleted=each) for each in (False, True)] == [0, 1]
        deliver([again(sample("01"), "2027-11-20T11:00:00Z", archived=False)], graph)
        assert [found(ended, include_deleted=True), found(hosts, include_deleted=False)] == [0, 1]
