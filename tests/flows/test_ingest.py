"""INGEST end to end on real parts: events in any order, repeated, cut short by failures, one graph out."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.errors import StoreUnavailable
from secgraph.flows.ingest import Delivery, Report, WarmCache, count, ingest
from secgraph.graph import merge, stored
from secgraph.graph.model import Item
from secgraph.ingest.ports import Quarantined

NOW = 1_795_000_000_000


@pytest.fixture
def graph():
    with LocalGraph.in_memory() as opened:
        yield opened


def deliver(events, graph, *, writer=None, quarantine=None, cache=None, now=NOW) -> list[Report]:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return ingest(
        [Delivery(f"m{number}", text, NOW) for number, text in enumerate(texts)],
        writer=writer or graph,
        quarantine=quarantine or graph,
        now=now,
        settings={},
        cache=cache if cache is not None else WarmCache(),
    )


@pytest.fixture(scope="module")
def undisturbed() -> Callable[..., dict[str, str]]:
    """Give a function from the texts of events to the graph that they make when nothing goes wrong."""

    @cache
    def graph_of_texts(*texts: str) -> dict[str, str]:
        with LocalGraph.in_memory() as graph:
            deliver(texts, graph)
            return graph_of(graph)

    return lambda events: graph_of_texts(*map(json.dumps, events))


def outcomes(reports) -> list[str]:
    return [report.outcome for report in reports]


def graph_of(graph: LocalGraph) -> dict[str, str]:
    return {item.thing.key: merge.same_graph(item) for item in graph.items()}


def test_any_order_twice_each_gives_one_graph(sample):
    events = [sample("01"), sample("02"), sample("05")]
    graphs = []
    for number, order in enumerate(itertools.permutations(events)):
        batches = [[one] for one in (*order, *reversed(order))] if number % 2 else [[*order, *order]]
        with LocalGraph.in_memory() as graph:
            for batch in batches:
                deliver(batch, graph)
            graphs.append(graph_of(graph))
    assert len(graphs[0]) > 10
    assert all(one == graphs[0] for one in graphs)


def test_reports_say_what_became_of_each_event(graph, sample):
    older, newer = sample("02"), sample("02")
    older["detail"]["updatedAt"] = "Thu Nov 19 21:04:11.120 UTC 2026"
    older["detail"]["status"], newer["detail"]["status"] = "ACTIVE", "CLOSED"
    assert outcomes(deliver([newer], graph)) == ["applied"]
    assert outcomes(deliver([newer, older, sample("07"), sample("08")], graph)) == [
        "unchanged",
        "stale",
        "ignored",
        "quarantined",
    ]


def test_one_bad_event_does_not_touch_the_others(graph, sample):
    truncated = json.dumps(sample("01"))[:700]
    reports = deliver([truncated, sample("02"), "[]", '"text"', sample("08"), "{}"], graph)
    assert outcomes(reports) == ["quarantined", "applied", *["quarantined"] * 4]
    kept = graph.quarantined()
    assert {event.body for event in kept} == {truncated, "[]", '"text"', json.dumps(sample("08")), "{}"}
    assert "line 1" in reports[0].reason
    assert all(event.reason for event in kept)


def test_a_finding_too_large_for_the_table_is_cut_or_kept_aside_never_lost(graph, sample):
    event = sample("01")
    event["detail"]["description"] = "x" * 450_000
    reports = deliver([event, sample("02")], graph)
    assert reports[1].outcome == "applied"
    assert reports[0].outcome in ("applied", "quarantined")
    if reports[0].outcome == "quarantined":
        assert graph.quarantined()[0].body == json.dumps(event)
    shown = [merge.entity(item) for item in graph.items()]
    assert all(len(str(one.properties.get("description", ""))) <= 4_096 for one in shown if one)


def test_an_event_that_would_make_a_resource_too_large_does_not_hold_up_the_others(graph, sample):
    large = sample("02")
    large["detail"]["findingArn"] += "0"
    large["detail"]["resources"][0]["tags"] = {f"tag{n:03}": "x" * 4000 for n in range(120)}
    large["detail"]["updatedAt"] = "Thu Nov 19 23:04:11.120 UTC 2026"
    reports = deliver([sample("01"), large, sample("02")], graph)
    assert outcomes(reports) == ["applied", "quarantined", "applied"]
    assert "would take" in reports[1].reason
    with LocalGraph.in_memory() as apart:
        for event in (large, sample("02"), sample("01")):
            deliver([event], apart)
        assert graph_of(apart) == graph_of(graph)


@pytest.mark.parametrize(
    "key", ["\ud800", "\0", "\x1b[2J", "k" * 200_000], ids=["half", "nul", "escape", "long"]
)
def test_a_reason_can_be_stored_and_shown_whatever_it_quotes(graph, sample, key):
    event = sample("02")
    event["detail"]["resources"][0]["tags"] = {key: ["no text"]}
    [report] = deliver([event], graph)
    assert report.outcome == "quarantined"
    assert report.reason.isprintable()
    assert len(report.reason) < 2_000
    assert [kept.reason for kept in graph.quarantined()] == [report.reason]


class Failing:
    """A store that fails at its n-th call, before the work is done or after it (an answer lost)."""

    def __init__(self, graph: LocalGraph, at: int, *, after: bool) -> None:
        self._graph = graph
        self._left = at
        self._after = after

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        self._step(after=False)
        return self._graph.read(ids)

    def write(self, items: Sequence[Item]) -> Collection[str]:
        if not self._after:
            self._step(after=False)
        half = len(items) // 2 if self._left == 1 else len(items)
        lost = self._graph.write(items[:half])
        self._step(after=self._after)
        return [*lost, *self._graph.write(items[half:])]

    def _step(self, *, after: bool) -> None:
        if after is self._after:
            self._left -= 1
            if self._left == 0:
                raise StoreUnavailable("throttled")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_crash_at_any_call_heals_when_the_events_come_again(graph, sample, undisturbed, at, after):
    events = [sample("01"), sample("02"), sample("05"), sample("08")]
    warm = WarmCache()
    failing = Failing(graph, at, after=after)
    for event in events:
        report = deliver([event], graph, writer=failing, cache=warm)[0]
        while report.outcome == "failed":
            assert "throttled" in report.reason
            report = deliver([event], graph, writer=failing, cache=warm)[0]
    assert graph_of(graph) == undisturbed(events)


class Rival:
    """A store on which another writer slips in between the read and the write, a number of times."""

    def __init__(self, graph: LocalGraph, event: str, times: int) -> None:
        self._graph = graph
        self._event = event
        self._times = times

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        held = self._graph.read(ids)
        if self._times:
            self._times -= 1
            event = json.loads(self._event)
            newer = 1_000 - self._times
            moment = f"2026-11-21T{newer // 60:02}:{newer % 60:02}:00.000Z"
            event["detail"]["updatedAt"] = event["detail"]["service"]["eventLastSeen"] = moment
            deliver([event], self._graph)
        return held

    def write(self, items: Sequence[Item]) -> Collection[str]:
        return self._graph.write(items)


def test_a_writer_that_loses_reads_again_and_merges_on_top(graph, sample):
    rival = Rival(graph, json.dumps(sample("01")), times=3)
    assert outcomes(deliver([sample("02")], graph, writer=rival)) == ["applied"]
    verbs = {edge.properties["_type"] for item in graph.items() for edge in merge.relationships(item)}
    assert {"aws_instance_has_guardduty_finding", "aws_instance_has_inspector_finding"} <= verbs


def test_a_writer_that_never_wins_hands_the_event_back(graph, sample):
    rival = Rival(graph, json.dumps(sample("01")), times=900)
    (report,) = deliver([sample("02")], graph, writer=rival)
    assert report.outcome == "failed"
    assert "deliver the event again" in report.reason


class Counting:
    """A store that counts the items it reads and writes."""

    def __init__(self, graph: LocalGraph) -> None:
        self._graph = graph
        self.read_ids = 0
        self.written = 0

    def read(self, ids: Collection[str]) -> Mapping[str, Item]:
        self.read_ids += len(ids)
        return self._graph.read(ids)

    def write(self, items: Sequence[Item]) -> Collection[str]:
        self.written += len(items)
        return self._graph.write(items)


def test_a_warm_cache_spares_busy_stubs_and_changes_nothing(graph, sample):
    def update(number):
        event = sample("01")
        event["detail"]["service"]["count"] = number
        event["detail"]["updatedAt"] = f"2026-11-20T09:{number:02}:00.000Z"
        return event

    warm, cache = Counting(graph), WarmCache()
    deliver([update(1)], graph, writer=warm, cache=cache)
    first = warm.read_ids
    deliver([update(2)], graph, writer=warm, cache=cache)
    assert warm.read_ids - first < first / 2
    with LocalGraph.in_memory() as cold:
        for number in (1, 2):
            deliver([update(number)], cold)
        assert graph_of(cold) == graph_of(graph)


def test_the_same_event_again_writes_nothing(graph, sample):
    counting = Counting(graph)
    deliver([sample("01"), sample("05")], graph, writer=counting)
    written = counting.written
    assert outcomes(deliver([sample("01"), sample("05")], graph, writer=counting, now=NOW + 60_000)) == [
        "unchanged",
        "unchanged",
    ]
    assert counting.written == written


class Full:
    """A quarantine that cannot take anything."""

    def put(self, events: Sequence[Quarantined]) -> None:
        raise StoreUnavailable("the bucket is not there")


def test_an_event_that_cannot_even_be_set_aside_comes_again(graph, sample):
    reports = deliver([sample("08"), sample("01")], graph, quarantine=Full())
    assert outcomes(reports) == ["failed", "applied"]
    assert "the bucket is not there" in reports[0].reason


def test_counting_names_every_outcome():
    assert count([]) == {
        "applied": 0,
        "unchanged": 0,
        "stale": 0,
        "ignored": 0,
        "quarantined": 0,
        "failed": 0,
    }


@pytest.mark.parametrize("limit", range(300, 2_400, 300))
def test_what_was_refused_is_not_remembered_as_stored(graph, sample, undisturbed, monkeypatch, limit):
    warm, events = WarmCache(), [sample("01"), sample("02")]
    monkeypatch.setattr(stored, "LIMIT_BYTES", limit)
    assert "quarantined" in outcomes(deliver(events, graph, cache=warm))
    monkeypatch.undo()
    deliver(events, graph, cache=warm)
    assert graph_of(graph) == undisturbed(events)


@pytest.mark.parametrize(("at", "after"), [(1, False), (2, False), (1, True)])
def test_an_event_that_is_refused_comes_again_until_the_rest_of_it_is_stored(graph, sample, at, after):
    """Its quarantine would acknowledge it, and what else it says would wait for a person."""
    large = sample("02")
    large["detail"]["resources"][0]["tags"] = {f"tag{n:03}": "x" * 4000 for n in range(120)}
    failing, cache = Failing(graph, at, after=after), WarmCache()
    first = deliver([large, sample("01")], graph, writer=failing, cache=cache)
    assert outcomes(first) == ["failed", "failed"]
    assert "throttled" in first[0].reason
    assert graph.quarantined() == []
    assert outcomes(deliver([large, sample("01")], graph, writer=failing, cache=cache))[0] == "quarantined"
    with LocalGraph.in_memory() as apart:
        deliver([large, sample("01")], apart)
        assert graph_of(apart) == graph_of(graph)
    assert "cve" in {item.thing.type for item in graph.items()}


def test_what_is_too_large_is_found_in_few_merges(graph, sample, monkeypatch):
    """One by one, each on top of all before it, would be quadratic in the changes of one item."""
    events = []
    for number in range(64):
        event = sample("02")
        event["detail"]["findingArn"] += str(number)
        event["detail"]["updatedAt"] = f"2026-11-19T23:{number % 60:02}:04.120Z"
        if number == 41:
            event["detail"]["resources"][0]["tags"] = {f"tag{n:03}": "x" * 4000 for n in range(120)}
            event["detail"]["updatedAt"] = "2026-11-20T23:04:11.120Z"
        events.append(event)
    merged: Counter[str] = Counter()
    real = merge.apply

    def counting(item, changes, **options):
        merged[changes[0].thing.type] += len(changes)
        return real(item, changes, **options)

    monkeypatch.setattr(merge, "apply", counting)
    assert outcomes(deliver(events, graph)).count("quarantined") == 1
    assert merged["aws_instance"] <= 12 * len(events)
