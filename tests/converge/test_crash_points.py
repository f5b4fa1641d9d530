"""INGEST when any call it makes goes wrong in any way: what comes again heals it.

The calls are those of the flow: a put into the raw archive, the read, the put of each item, and a put into
the quarantine, of a batch that creates, updates, closes and ties findings of an estate known in part.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from secgraph.ingest.ports import Delivery
from tests.converge.delivery import Fault, Faulty, Memory, Worker, deliveries
from tests.converge.estate import Estate
from tests.converge.reading import check_against, replayed


def history() -> tuple[Estate, list[Delivery], list[Delivery], list[Delivery]]:
    """Make an estate: what was received of it before, the batch that is to suffer, and what another worker
    receives between the first read and write of the batch.

    That attack 1 was archived is received before its finding, so that the batch finds it waiting there. The
    other worker is the first to write of the host of attack 1, and as another source.
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
    estate.scan(1, 900, severity="HIGH", epss=0.1, copies=False)
    attacked, scanned, *rest, archived, rival = deliveries(estate.published)
    bad = Delivery("bad", '{"source": "aws.guardduty"', estate.now)
    return estate, [attacked, scanned, archived], [*rest, bad], [rival]


@dataclass
class Run:
    """One worker on its way through the batch, with a call that goes wrong, and another in between."""

    fault: Fault = Fault.THROTTLED
    at: int = -1
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.estate, self.before, self.batch, self.rival = history()
        self.worker = Worker(self.memory)
        self.worker.ingest(self.before)
        self.faulty = Faulty(self.memory, self.fault, self.at, between=self.overtake)

    def overtake(self) -> None:
        self.faulty.between = lambda: None
        assert Worker(self.memory).left(self.rival) == []

    def left(self) -> list[Delivery]:
        """Give what is to come again."""
        return self.worker.left(self.batch, self.faulty)


def undisturbed() -> tuple[int, dict[str, str]]:
    """Give how many calls the batch makes, and the graph that it gives."""
    run = Run()
    assert run.left() == []
    assert {record.body for record in run.memory.quarantined.records.values()} == {run.batch[-1].body}
    everything = [*run.before, *run.batch, *run.rival]
    assert run.memory.sameness() == replayed(everything, {}).sameness()
    return run.faulty.calls, run.memory.sameness()


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("again", ["by the same worker", "by another"])
@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.thorough)])
def test_what_comes_again_after_a_crash_heals_the_graph(fault, again, step):
    calls, graph = undisturbed()
    for at in {*range(0, calls, step), calls - 2, calls - 1}:
        run = Run(fault, at)
        known = dict(run.memory.texts)
        left = run.left()
        memory, messages = run.memory, {message.id for message in run.batch}
        assert run.faulty.calls > at
        assert left or fault is Fault.ECHOED, f"call {at} went wrong and nothing comes again"
        if memory.texts != known:  # never the graph before the raw events that it can be rebuilt from
            assert memory.archived.records.keys() >= messages
        run.overtake()
        assert (run.worker if again == "by the same worker" else Worker(memory)).left(left) == []
        assert memory.sameness() == graph, f"call {at}"
        assert {record.body for record in memory.quarantined.records.values()} == {run.batch[-1].body}
        assert memory.archived.records.keys() >= messages
        check_against(run.estate.log, memory)
