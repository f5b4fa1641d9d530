"""Thousands of events, half of them twice, out of order, through stores that fail every tenth call."""

from __future__ import annotations

from random import Random

import pytest

from tests.converge.delivery import Fault, Faulty, Memory, Worker, deliveries
from tests.converge.estate import ADDRESSES, ATTACKS, BUCKETS, HOSTS, SEQUENCES, WEAKNESSES, Estate
from tests.converge.reading import check_against, replayed

FAULTS = (Fault.THROTTLED, Fault.UNANSWERED, Fault.ECHOED, Fault.REFUSED, Fault.KILLED_AFTER)


def year(random: Random, operations: int) -> Estate:
    """Let an estate live through this many operations."""
    estate = Estate()

    def attack(wait: int) -> None:
        severity, address = random.choice((2.0, 8.0)), random.choice(ADDRESSES)
        copies = random.random() < 0.5
        estate.attack(random.randrange(ATTACKS), wait, severity=severity, address=address, copies=copies)

    def scan(wait: int) -> None:
        severity, epss = random.choice(("HIGH", "CRITICAL")), random.random()
        number = random.randrange(WEAKNESSES)
        estate.scan(number, wait, severity=severity, epss=epss, copies=False)
        if random.random() < 0.6:  # two states of one moment
            estate.settle(number, 0, status=random.choice(("CLOSED", "SUPPRESSED")), copies=False)

    def settle(wait: int) -> None:
        status = random.choice(("CLOSED", "SUPPRESSED"))
        estate.settle(random.randrange(WEAKNESSES), wait, status=status, copies=True)

    def archive(wait: int) -> None:
        archived, denied = random.random() < 0.6, random.random() < 0.2
        estate.archive(
            random.randrange(ATTACKS), wait, archived=archived, by_administrator=True, denied=denied
        )

    def sequence(wait: int) -> None:
        members = random.sample(range(ATTACKS), 2)
        estate.sequence(random.randrange(SEQUENCES), wait, members=members, copies=False)

    def tag(wait: int) -> None:
        estate.tag(random.randrange(len(HOSTS) + len(BUCKETS)), wait, value=random.choice(("true", "no")))

    for _ in range(operations):
        random.choice((attack, attack, scan, scan, settle, archive, sequence, tag))(
            random.choice((0, 40, 900_000))
        )
    for _ in range(WEAKNESSES):
        scan(40)
    return estate


@pytest.mark.parametrize("operations", [60, pytest.param(2_000, marks=pytest.mark.thorough)])
def test_half_of_the_events_twice_out_of_order_through_stores_that_fail(operations):
    random = Random(operations)
    estate = year(random, operations)
    messages = deliveries(estate.published)
    queue = [*messages, *random.sample(messages, len(messages) // 2)]
    random.shuffle(queue)
    memory = Memory()
    workers = [Worker(memory) for _ in FAULTS]
    tries = 0
    while queue:
        tries += 1
        batch, queue = queue[:10], queue[10:]
        which = tries % len(FAULTS)
        faulty = Faulty(memory, FAULTS[which], at=tries % 10, every=10)
        queue += workers[which].left(batch, faulty)
    assert tries > len(messages) * 1.5 / 10, "no call went wrong"
    assert memory.sameness() == replayed(messages, {}).sameness()
    assert memory.archived.records.keys() == {message.id for message in messages}
    check_against(estate.log, memory)
