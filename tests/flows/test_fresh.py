"""What was written in the last minutes is named by the newest events, and read from the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from secgraph.flows import fresh as flow
from secgraph.flows.ingest import Delivery, WarmCache, ingest
from secgraph.graph.model import Item
from secgraph.image.expand import expand as shown
from secgraph.image.rows import ItemRow
from secgraph.ingest.ports import Recent
from tests.converge.delivery import Memory

NOW = 1_795_000_000_000
Sample = Callable[[str], dict[str, Any]]


@dataclass
class Archive:
    """An archive whose every delivery is an object of its own; the newest comes first."""

    deliveries: list[Delivery] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def recent(self, since: int, now: int, at_most: int) -> Recent:
        self.asked.append((since, now))
        return Recent(tuple(self.deliveries[:at_most]), len(self.deliveries) <= at_most)


class Table(Memory):
    """Items that this version can read; of those `later` only the next one can."""

    later: frozenset[str] = frozenset()

    def readable(self, ids: Collection[str]) -> tuple[Mapping[str, Item], int]:
        found = self.read(ids)
        return {id_: item for id_, item in found.items() if id_ not in self.later}, len(
            self.later & found.keys()
        )


@pytest.fixture
def archived() -> tuple[Table, Archive, Callable[..., None]]:
    memory, archive = Table(), Archive()

    def receive(*bodies: str) -> None:
        deliveries = [Delivery("m", body, NOW) for body in bodies]
        archive.deliveries[:0] = deliveries
        ingest(
            deliveries,
            writer=memory,
            quarantine=memory.quarantined,
            now=NOW,
            settings={},
            cache=WarmCache(),
        )

    return memory, archive, receive


def call(finding: dict[str, Any]) -> dict[str, Any]:
    """An administrator's call that archives a finding, which names it by an id that is not its key."""
    detail = {
        "eventSource": "guardduty.amazonaws.com",
        "eventName": "ArchiveFindings",
        "eventTime": "2027-01-01T00:00:00Z",
        "awsRegion": finding["detail"]["region"],
        "requestParameters": {"detectorId": "0" * 32, "findingIds": [finding["detail"]["id"]]},
    }
    return {**finding, "detail-type": "AWS API Call via CloudTrail", "detail": detail}


def test_all_that_the_newest_events_changed_is_read(archived, sample: Sample) -> None:
    memory, archive, receive = archived
    finding = sample("01")
    receive(json.dumps(finding), "no event", json.dumps(sample("02")))
    found = flow.fresh(archive=archive, graph=memory, now=NOW)
    visible = {id_ for id_, text in memory.texts.items() if '"type":"locator"' not in text}
    assert len(visible) < len(memory.texts), "the finding has a locator"
    assert {row.id for row in found.rows} == visible
    assert {row.version.at for row in found.rows} == {NOW}
    assert (found.since, found.is_whole) == (NOW - flow.WINDOW_MS, True)
    assert archive.asked == [(NOW - flow.WINDOW_MS, NOW)]

    archive.deliveries.clear()
    receive(json.dumps(call(finding)))
    (row,) = flow.fresh(archive=archive, graph=memory, now=NOW).rows
    assert row.entity is not None
    assert '"open' in row.entity.columns, "what the locator passes on to is read as well"


def test_more_than_may_be_read_says_so(archived, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, archive, receive = archived
    receive(json.dumps(sample("01")))
    receive(json.dumps(sample("02")))
    whole = flow.fresh(archive=archive, graph=memory, now=NOW)
    for bound in ("OBJECTS", "ITEMS"):
        with monkeypatch.context() as patch:
            patch.setattr(flow, bound, 1)
            part = flow.fresh(archive=archive, graph=memory, now=NOW)
        assert not part.is_whole, bound
        assert {row.id for row in part.rows} < {row.id for row in whole.rows}
        assert any("inspector" in row.entity.type for row in part.rows if row.entity), "the newest first"


def test_one_that_cannot_be_read_or_shown_is_left_out_and_told(
    archived, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, archive, receive = archived
    receive(json.dumps(sample("01")))
    whole = {row.id for row in flow.fresh(archive=archive, graph=memory, now=NOW).rows}
    first, second = sorted(whole)[:2]
    memory.later = frozenset({first})
    found = flow.fresh(archive=archive, graph=memory, now=NOW)
    assert ({row.id for row in found.rows}, found.is_whole) == (whole - {first}, False)

    def expand(item: Item, at: int) -> ItemRow:
        if item.thing.id == second:
            raise ValueError("no such thing")
        return shown(item, at)

    memory.later = frozenset()
    monkeypatch.setattr("secgraph.flows.project.expand", expand)
    found = flow.fresh(archive=archive, graph=memory, now=NOW)
    assert ({row.id for row in found.rows}, found.is_whole) == (whole - {second}, False)


def test_events_of_the_test_source_count_where_they_are_let_in(archived, sample: Sample) -> None:
    memory, archive, _ = archived
    event = json.dumps({**sample("01"), "source": "secgraph.test"})
    archive.deliveries.append(Delivery("m", event, NOW))
    ingest(
        archive.deliveries,
        writer=memory,
        quarantine=memory.quarantined,
        now=NOW,
        settings={},
        cache=WarmCache(),
        test_source=True,
    )
    assert flow.fresh(archive=archive, graph=memory, now=NOW).rows == ()
    assert flow.fresh(archive=archive, graph=memory, now=NOW, test_source=True).rows
