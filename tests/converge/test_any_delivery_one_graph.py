"""Findings live, their events come late, twice, out of order and to workers that die: one graph comes out.

A state machine rather than generated histories, since operations and deliveries mix: part of a history is
in the graph before the rest of it happens, and a failing run shrinks to the few steps that matter.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from secgraph.flows.ingest import IGNORED, STALE, UNCHANGED
from secgraph.graph.model import AccountSettings
from secgraph.ingest.ports import Delivery
from tests.converge.delivery import Fault, Faulty, Memory, Settings, Worker
from tests.converge.estate import (
    ADDRESSES,
    ATTACKS,
    BANK,
    BUCKETS,
    HOSTS,
    SEQUENCES,
    SHOP,
    WEAKNESSES,
    Estate,
)
from tests.converge.reading import check_against, replayed

EXAMPLES = int(os.environ.get("SECGRAPH_EXAMPLES", "80"))
ACCOUNTS: tuple[Settings, ...] = (
    {},
    {SHOP.account: AccountSettings("shop-prod", production=True)},
    {SHOP.account: AccountSettings(None, production=False), BANK.account: AccountSettings("bank", None)},
)
WAITS = st.sampled_from((0, 1, 40, 900, 61_000, 90_000_000))
MESSAGES = st.lists(st.integers(0, 60), max_size=6)


class Life(RuleBasedStateMachine):
    """An estate, the messages on their way, and two workers on one store."""

    def __init__(self) -> None:
        super().__init__()
        self.estate = Estate()
        self.memory = Memory()
        self.sent: list[Delivery] = []
        self.waiting: list[Delivery] = []
        self.taken: list[Delivery] = []

    @initialize(accounts=st.sampled_from(ACCOUNTS), seed=st.integers(0, 9))
    def begin(self, accounts: Settings, seed: int) -> None:
        self.accounts = accounts
        self.workers = [Worker(self.memory, accounts) for _ in range(2)]
        self.random = Random(seed)

    @rule(
        number=st.integers(0, ATTACKS - 1),
        wait=WAITS,
        severity=st.sampled_from((2.0, 5.0, 8.0)),
        address=st.sampled_from(ADDRESSES),
        copies=st.booleans(),
    )
    def attack(self, number: int, wait: int, severity: float, address: str, copies: bool) -> None:
        self.estate.attack(number, wait, severity=severity, address=address, copies=copies)
        self._send()

    @rule(
        number=st.integers(0, ATTACKS - 1),
        wait=WAITS,
        archived=st.booleans(),
        by_administrator=st.booleans(),
        denied=st.sampled_from((False, False, True)),
    )
    def archive(self, number: int, wait: int, archived: bool, by_administrator: bool, denied: bool) -> None:
        self.estate.archive(number, wait, archived=archived, by_administrator=by_administrator, denied=denied)
        self._send()

    @rule(
        number=st.integers(0, SEQUENCES - 1),
        wait=WAITS,
        members=st.lists(st.integers(0, ATTACKS - 1), max_size=2),
        copies=st.booleans(),
    )
    def sequence(self, number: int, wait: int, members: list[int], copies: bool) -> None:
        self.estate.sequence(number, wait, members=members, copies=copies)
        self._send()

    @rule(
        number=st.integers(0, WEAKNESSES - 1),
        wait=WAITS,
        severity=st.sampled_from(("HIGH", "CRITICAL")),
        epss=st.sampled_from((0.1, 0.2)),
        copies=st.booleans(),
    )
    def scan(self, number: int, wait: int, severity: str, epss: float, copies: bool) -> None:
        self.estate.scan(number, wait, severity=severity, epss=epss, copies=copies)
        self._send()

    @rule(
        number=st.integers(0, WEAKNESSES - 1),
        wait=WAITS,
        status=st.sampled_from(("CLOSED", "SUPPRESSED")),
        copies=st.booleans(),
    )
    def settle(self, number: int, wait: int, status: str, copies: bool) -> None:
        self.estate.settle(number, wait, status=status, copies=copies)
        self._send()

    @rule(
        thing=st.integers(0, len(HOSTS) + len(BUCKETS) - 1),
        wait=WAITS,
        value=st.sampled_from(("true", "false", "yes")),
    )
    def tag(self, thing: int, wait: int, value: str) -> None:
        self.estate.tag(thing, wait, value=value)
        self._send()

    @rule(
        host=st.integers(0, len(HOSTS) - 1),
        wait=WAITS,
        scan_type=st.sampled_from(("PACKAGE", "NETWORK")),
        active=st.booleans(),
    )
    def cover(self, host: int, wait: int, scan_type: str, active: bool) -> None:
        self.estate.cover(host, wait, scan_type=scan_type, active=active)
        self._send()

    @rule(host=st.integers(0, len(HOSTS) - 1), wait=WAITS)
    def terminate(self, host: int, wait: int) -> None:
        self.estate.terminate(host, wait)
        self._send()

    @rule(
        batch=MESSAGES,
        meanwhile=MESSAGES,
        which=st.integers(0, 1),
        fault=st.sampled_from(Fault),
        at=st.integers(-1, 25),
    )
    def deliver(self, batch: list[int], meanwhile: list[int], which: int, fault: Fault, at: int) -> None:
        """One worker takes a batch, and fails at a call, if it gets that far; between its first read and
        write the other takes one too."""
        mine, theirs = self._taken(batch), self._taken(meanwhile)
        left: list[Delivery] = []

        def overtake() -> None:
            store.between = lambda: None
            left.extend(self.workers[1 - which].left(theirs))

        store = Faulty(self.memory, fault, at, between=overtake)
        left += self.workers[which].left(mine, store)
        if store.between is overtake:
            left += self.workers[1 - which].left(theirs)
        self.waiting += [message for message in left if message not in self.waiting]

    def teardown(self) -> None:
        if not hasattr(self, "accounts"):
            return
        rest = [*self.waiting, *self.random.choices(self.sent, k=len(self.sent) // 3)]
        self.random.shuffle(rest)
        for start in range(0, len(rest), 5):
            assert self.workers[start % 2].left(rest[start : start + 5]) == []
        self._check()

    def _check(self) -> None:
        assert self.memory.sameness() == replayed(self.sent, self.accounts).sameness()
        check_against(self.estate.log, self.memory)
        puts = self.memory.puts
        again = Worker(self.memory, self.accounts).ingest(self.sent)
        assert {report.outcome for report in again} <= {UNCHANGED, STALE, IGNORED}
        assert self.memory.puts == puts

    def _send(self) -> None:
        """Queue what the estate has published since; some messages take longer to be received."""
        for number in range(len(self.sent), len(self.estate.published)):
            text, at = self.estate.published[number]
            message = Delivery(f"m{number}", text, at + 500 + number * 7919 % 90_000)
            self.sent.append(message)
            self.waiting.append(message)

    def _taken(self, numbers: list[int]) -> list[Delivery]:
        """Take some messages off the queue, or get some again that were taken before."""
        everything = [*self.waiting, *self.sent]
        found = [everything[number % len(everything)] for number in numbers] if everything else []
        self.waiting = [message for message in self.waiting if message not in found]
        return found


LIMITS = settings(
    stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


def test_any_delivery_gives_one_graph() -> None:
    run_state_machine_as_test(Life, settings=settings(LIMITS, max_examples=10))


@pytest.mark.thorough
def test_any_delivery_gives_one_graph_often() -> None:
    run_state_machine_as_test(Life, settings=settings(LIMITS, max_examples=EXAMPLES, stateful_step_count=40))
