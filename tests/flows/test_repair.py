"""What was refused, or could not be archived, is not lost, and a replay counts from the first receipt."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from secgraph import contract
from secgraph.adapters.local_graph import LocalGraph
from secgraph.errors import InputError, StoreUnavailable
from secgraph.flows import repair
from secgraph.flows.ingest import Delivery, Report, WarmCache, ingest
from secgraph.graph import merge
from secgraph.ingest.glance import Glance, glance
from secgraph.ingest.ports import Quarantined
from secgraph.ingest.receipt import delivery

NOW = 1_795_000_000_000
LATER = NOW + 86_400_000


@pytest.fixture
def graph():
    with LocalGraph.in_memory() as opened:
        yield opened


class Kept:
    """An archive in memory, which can be broken."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.deliveries: list[Delivery] = []

    def put(self, deliveries: Sequence[Delivery]) -> None:
        if self.broken:
            raise StoreUnavailable("the bucket is not there")
        self.deliveries += deliveries


class Watched:
    """A writer that notes what the archive held when it was first asked for anything."""

    def __init__(self, graph: LocalGraph, archive: Kept) -> None:
        self._graph = graph
        self._archive = archive
        self.seen: list[int] = []

    def read(self, ids):
        self.seen.append(len(self._archive.deliveries))
        return self._graph.read(ids)

    def write(self, items):
        return self._graph.write(items)


def take_in(deliveries, graph, *, now=NOW, writer=None, archive=None, test_source=False) -> list[Report]:
    return ingest(
        deliveries,
        writer=writer or graph,
        quarantine=graph,
        now=now,
        settings={},
        cache=WarmCache(),
        archive=archive,
        test_source=test_source,
    )


def created(graph) -> set[int]:
    return {item.created_on for item in graph.items()}


def test_every_delivery_is_archived_before_anything_is_merged(graph, sample):
    kept = Kept()
    watched = Watched(graph, kept)
    deliveries = [Delivery(f"m{n}", json.dumps(sample(n)), NOW) for n in ("02", "07", "08")]
    deliveries.append(Delivery("m", "{cut", NOW))
    reports = take_in(deliveries, graph, writer=watched, archive=kept)
    assert [one.outcome for one in reports] == ["applied", "ignored", "quarantined", "quarantined"]
    assert watched.seen[0] == len(deliveries)
    assert kept.deliveries == deliveries


def test_what_cannot_be_archived_comes_again_and_nothing_is_merged(graph, sample):
    deliveries = [Delivery("m1", json.dumps(sample("02")), NOW), Delivery("m2", "{cut", NOW)]
    reports = take_in(deliveries, graph, archive=Kept(broken=True))
    assert [(one.outcome, one.reason) for one in reports] == [("failed", "the bucket is not there")] * 2
    assert graph.items() == graph.quarantined() == []


@pytest.mark.parametrize(
    ("given", "received_on", "refused"),
    [
        (None, NOW, False),
        (str(NOW - 5), NOW - 5, False),
        (NOW - 5, NOW - 5, False),
        (str(LATER + 1), NOW, True),
        ("0", NOW, True),
        ("-5", NOW, True),
        ("yesterday", NOW, True),
        ("9" * 400, NOW, True),
        ("١٢٣", NOW, True),
        ("", NOW, True),
        (True, NOW, True),
        (5.0, NOW, True),
    ],
)
def test_a_first_receipt_is_a_time_that_can_have_been(graph, sample, given, received_on, refused):
    one = delivery("m", json.dumps(sample("02")), arrived=NOW, given=given, now=LATER)
    (report,) = take_in([one], graph, now=LATER)
    assert report.outcome == ("quarantined" if refused else "applied")
    assert created(graph) == (set() if refused else {received_on})
    if refused:
        assert contract.RECEIVED_ON_ATTRIBUTE in report.reason
        assert [kept.received_on for kept in graph.quarantined()] == [NOW]


def again(graph, **options):
    return lambda events: take_in(
        [Delivery(one.id, one.body, one.received_on) for one in events], graph, now=LATER, **options
    )


def replay(graph, send, *, batch=10, clock=lambda: LATER) -> list[Report]:
    return list(
        repair.replay(repair.refused_for(graph, ""), store=graph, send=send, clock=clock, batch=batch)
    )


def test_a_replay_after_the_cause_is_gone_counts_from_the_first_receipt(graph, sample):
    bodies = [json.dumps({**sample(n), "source": contract.TEST_SOURCE}) for n in ("01", "02")]
    take_in([Delivery("m", body, NOW) for body in (*bodies, "{cut")], graph)
    assert [one.outcome for one in replay(graph, again(graph))] == ["quarantined"] * 3
    assert len(graph.quarantined()) == 3, "what is refused again stays"
    reports = replay(graph, again(graph, test_source=True), batch=1)
    assert sorted(one.outcome for one in reports) == ["applied", "applied", "quarantined"]
    assert [one.body for one in graph.quarantined()] == ["{cut"]
    assert created(graph) == {NOW}
    assert any(merge.entity(item) for item in graph.items())


def test_nothing_is_removed_that_was_not_sent(graph):
    take_in([Delivery("m", body, NOW) for body in ("{1", "{2", "{3")], graph)

    def dying(events):
        raise StoreUnavailable("cut off")

    with pytest.raises(StoreUnavailable):
        replay(graph, dying)
    (one, *_) = graph.quarantined()

    class Queue:
        def send(self, events):
            return {one.id: "too large"}

    reports = replay(graph, repair.through(Queue()))
    assert sorted(report.outcome for report in reports) == ["failed", "sent", "sent"]
    assert graph.quarantined() == [one]


def test_a_record_that_cannot_be_read_is_told_of_and_left_and_the_others_go(graph, sample):
    take_in([Delivery("m", "{cut", NOW)], graph)
    (good,) = graph.quarantined()
    bad = Quarantined("0" * 64, "s3://x: is no record", "[", NOW, is_readable=False)
    told = Report(bad.id, "failed", "not replayed: s3://x: is no record")
    for batch in (1, 10):
        sent: list[Quarantined] = []

        def send(events, sent=sent):
            sent += events
            return [Report(one.id, repair.SENT) for one in events]

        reports = repair.replay([bad, good], store=graph, send=send, clock=lambda: LATER, batch=batch)
        assert list(reports) == [told, Report(good.id, repair.SENT)]
        assert sent == [good]
    assert repair.preview(bad, test_source=None) == [told]


def test_a_record_is_left_when_its_event_may_be_back_already(graph):
    take_in([Delivery("m", "{cut", NOW)], graph)
    times = iter([0, repair.REMOVE_WITHIN_MS + 1])
    (report,) = replay(
        graph, lambda events: [Report(one.id, repair.SENT) for one in events], clock=lambda: next(times)
    )
    assert (report.outcome, bool(report.reason)) == ("sent", True)
    assert len(graph.quarantined()) == 1
    assert 2 * repair.REMOVE_WITHIN_MS <= 1_000 * repair.HIDDEN_SECONDS <= 900_000


def test_a_preview_says_what_this_version_makes_of_an_event(sample):
    bodies = [json.dumps(sample("02")), json.dumps(sample("07")), "{cut"]
    reports = [report for body in bodies for report in previewed(body)]
    assert [one.outcome for one in reports] == ["understood", "ignored", "quarantined"]
    assert [bool(one.reason) for one in reports] == [False, True, True]


def previewed(body: str, *, test_source: bool | None = False) -> list[Report]:
    return repair.preview(Quarantined("0" * 64, "", body, NOW), test_source=test_source)


@pytest.mark.parametrize(
    ("test_source", "outcome", "says"),
    [(True, "understood", ""), (False, "quarantined", "switched off"), (None, "understood", "testSource")],
)
def test_a_preview_of_a_test_event_depends_on_who_lets_it_in(sample, test_source, outcome, says):
    body = json.dumps({**sample("02"), "source": contract.TEST_SOURCE})
    (report,) = previewed(body, test_source=test_source)
    assert report.outcome == outcome
    assert says in report.reason
    (real,) = previewed(json.dumps(sample("02")), test_source=test_source)
    assert (real.outcome, real.reason) == ("understood", "")


def answer_of(sample, *more: object) -> str:
    return json.dumps({"findings": [sample("02")["detail"], *more]})


def test_an_answer_in_quarantine_is_replayed_finding_by_finding(graph, sample):
    """A version that could not take answers apart set it aside whole."""
    answer = Quarantined("ab" * 32, "is an answer with 2 findings", answer_of(sample, {"severity": 1}), NOW)
    graph.put([answer])
    assert [(one.outcome, one.place) for one in previewed(answer.body)] == [
        ("understood", ".findings[0]"),
        ("quarantined", ".findings[1]"),
    ]
    assert [(one.outcome, one.place) for one in replay(graph, again(graph))] == [
        ("applied", ".findings[0]"),
        ("quarantined", ".findings[1]"),
    ]
    assert [(one.body, one.received_on) for one in graph.quarantined()] == [('{"severity": 1}', NOW)]
    assert created(graph) == {NOW}


def test_an_answer_stays_in_quarantine_while_a_finding_of_it_failed(graph, sample):
    class Broken:
        def read(self, ids):
            raise StoreUnavailable("throttled")

    graph.put([Quarantined("ab" * 32, "", answer_of(sample, {"severity": 1}), NOW)])
    reports = replay(graph, again(graph, writer=Broken()))
    assert [one.outcome for one in reports] == ["failed", "quarantined"]
    assert "ab" * 32 in {one.id for one in graph.quarantined()}


def test_an_answer_is_archived_as_it_came_and_one_report_tells_of_each_finding(graph, sample):
    kept = Kept()
    deliveries = [
        Delivery("m1", answer_of(sample, 7), NOW),
        Delivery("m2", '{"findings": [], "nextToken": null}', NOW),
        Delivery("m3", answer_of(sample), NOW, "receivedOn: cannot be"),
    ]
    reports = take_in(deliveries, graph, archive=kept)
    assert [(one.id, one.place, one.outcome) for one in reports] == [
        ("m1", ".findings[0]", "applied"),
        ("m1", ".findings[1]", "quarantined"),
        ("m2", "", "ignored"),
        ("m3", "", "quarantined"),
    ]
    assert reports[2].reason == "it is an answer without findings"
    assert kept.deliveries == deliveries


def test_an_id_names_one_event(graph):
    twins = [Quarantined(f"{start}{'0' * 60}", "", "{", NOW) for start in ("abcd", "abce")]
    graph.put(twins)
    assert repair.named(graph, ["abcd", "abcd0", twins[1].id]) == twins
    for id_, says in {"abc": "at least four", "abcd.": "is no id", "ffff": "no such event"}.items():
        with pytest.raises(InputError, match=says):
            repair.named(graph, [id_])
    graph.put([Quarantined("abcd" + "1" * 60, "", "{", NOW)])
    with pytest.raises(InputError, match="give more digits"):
        repair.named(graph, ["abcd"])


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ('{"source": "s", "detail-type": "t", "detail": {"arn": "a", "id": "i"}}', Glance("s", "t", "a")),
        ('{"findingArn": "f"}', Glance("", "", "f")),
        ('{"Arn": 5, "Id": "i"}', Glance("", "", "i")),
        ('{"source": 5, "detail-type": null, "detail": [], "id": "envelope"}', Glance()),
        ("[]", Glance()),
        ("{cut", Glance()),
        ("[" * 100_000, Glance()),
        ("9" * 5_000, Glance()),
    ],
)
def test_a_glance_reads_what_can_be_read(body, seen):
    assert glance(body) == seen
