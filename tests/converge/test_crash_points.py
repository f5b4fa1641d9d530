"""INGEST when any call it makes goes wrong in any way: what comes again heals it.

The calls are those of the flow: a put into the raw archive, the read, the put of each item, and a put into
the quarantine, of a batch that creates, updates, closes and ties findings of an estate known in part.
"""

from __future__ import annotations

import pytest

from secgraph.flows.ingest import QUARANTINED
from secgraph.ingest.ports import Delivery
from tests.converge.delivery import Fault, Faulty, Memory, Worker, deliveries
from tests.converge.estate import Estate
from tests.converge.reading import check_against, replayed


def history() -> tuple[Estate, list[Delivery], list[Delivery]]:
    """Make an estate, what was received of it before, and the batch that is to suffer.

    That attack 1 was archived is received before its finding, so that the batch finds it waiting there.
    """
    estate = Estate()
    estate.attack(0, 0, severity=5.0, address="192.0.2.7", copies=False)
    estate.scan(0, 900, severity="HIGH", epss=0.1, copies=False)
    estate.attack(0, 40, severity=8.0, address="198.51.100.8", copies=True)
    estate.settle(0, 40, status="CLOSED", copies=False)
    estate.attack(1, 900, severity=2.0, address="192.0.2.7", copies=False)
    estate.sequence(0, 40, members=[0, 3], copies=False)
    estate.archive(0, 900, archived=True, by_administrator=True, denied=False)
    estate.archive(1, 900, archived=True, by_administrator=True, denied=False)
    attacked, scanned, *rest, archived = deliveries(estate.published)
    bad = Delivery("bad", '{"source": "aws.guardduty"', estate.now)
    return estate, [attacked, scanned, archived], [*rest, bad]


def undisturbed() -> tuple[int, dict[str, str]]:
    """Give how many calls the batch makes, and the graph that it gives."""
    _, before, batch = history()
    memory = Memory()
    worker = Worker(memory)
    worker.ingest(before)
    counting = Faulty(memory)
    reports = worker.ingest(batch, counting)
    assert [report.id for report in reports if report.outcome == QUARANTINED] == ["bad"]
    assert memory.sameness() == replayed([*before, *batch], {}).sameness()
    return counting.calls, memory.sameness()


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("again", ["by the same worker", "by another"])
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.thorough)])
def test_what_comes_again_after_a_crash_heals_the_graph(fault, again, step):
    calls, graph = undisturbed()
    for at in {*range(0, calls, step), calls - 2, calls - 1}:
        estate, before, batch = history()
        memory = Memory()
        worker = Worker(memory)
        worker.ingest(before)
        known = dict(memory.texts)
        faulty = Faulty(memory, fault, at)
        left = worker.left(batch, faulty)
        if memory.texts != known:  # never the graph before the raw events that it can be rebuilt from
            assert memory.archived.records.keys() >= {message.id for message in batch}
        assert faulty.calls > at
        assert left or fault is Fault.ECHOED, f"call {at} went wrong and nothing comes again"
        assert (worker if again == "by the same worker" else Worker(memory)).left(left) == []
        assert memory.sameness() == graph, f"call {at}"
        assert {record.body for record in memory.quarantined.records.values()} == {batch[-1].body}
        assert memory.archived.records.keys() == {message.id for message in (*before, *batch)}
        check_against(estate.log, memory)
