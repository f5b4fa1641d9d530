"""Whatever was lost, whatever died, whoever was at it too: a finished reconcile leaves the graph as AWS is.

Findings come, change, end; their events are dropped, come twice, late, out of order. Runs are cut off at any
call of any port, lose answers, are throttled, see torn listings, meet AWS and other runners in the middle.
That a run closes only what was asked for again, in a scope whose listing it came to the end of, is checked as
it happens (reconcile_world.Archived); that it misses and hides nothing, once all is quiet.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from secgraph.errors import StoreError
from secgraph.flows.reconcile import Request
from secgraph.graph import merge
from secgraph.sources.observed import ABSENT
from secgraph.sources.scope import GUARDDUTY, INSPECTOR
from tests.converge.delivery import Killed, Memory
from tests.converge.events import Event
from tests.reconcile.reconcile_world import MINUTE, World, dies, no_answer
from tests.reconcile.source_model import BANK, HUB, SHOP, is_open, scope

EXAMPLES = int(os.environ.get("SECGRAPH_EXAMPLES", "25"))
ACCOUNTS = st.sampled_from((SHOP, SHOP, BANK, HUB))
NUMBERS = st.integers(0, 3)
SOURCES = st.sampled_from((GUARDDUTY, INSPECTOR))
SENT = st.sampled_from(("lost", "lost", "now", "twice", "late"))
MEANWHILE = ("attack", "close", "archive", "expire", "switch", "another runner", "tokens", "deliver")
FAULTS = st.sampled_from(("", "", "dies", "no answer", "time is up", *MEANWHILE))
POINTS = st.integers(0, 120)


class Losses(RuleBasedStateMachine):
    """AWS, events on their way, and runners on one ledger and one graph."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.aws = self.world.aws
        self.late: list[Event] = []

    @initialize(behind=st.sampled_from((0, 4 * MINUTE)))
    def clocks_differ(self, behind: int) -> None:
        self.aws.behind = behind

    # ── what happens at AWS ───────────────────────────────────────────────────────────────────────────

    @rule(account=ACCOUNTS, number=NUMBERS, sent=SENT)
    def an_attack(self, account: str, number: int, sent: str) -> None:
        if scope(GUARDDUTY, account) not in self.aws.off:
            self._send(self._happens(lambda: self.aws.attack(account, number)), sent)

    @rule(account=ACCOUNTS, number=NUMBERS, archived=st.booleans(), sent=SENT)
    def an_archiving(self, account: str, number: int, archived: bool, sent: str) -> None:
        self._send(self._happens(lambda: self.aws.archive(account, number, archived=archived)), sent)

    @rule(
        account=ACCOUNTS,
        number=NUMBERS,
        status=st.sampled_from(("ACTIVE", "ACTIVE", "CLOSED", "SUPPRESSED")),
        sent=SENT,
    )
    def a_scan(self, account: str, number: int, status: str, sent: str) -> None:
        if scope(INSPECTOR, account) not in self.aws.off:
            self._send(self._happens(lambda: self.aws.scan(account, number, status=status)), sent)

    @rule(account=ACCOUNTS, source=SOURCES, sent=SENT)
    def many(self, account: str, source: str, sent: str) -> None:
        if scope(source, account) not in self.aws.off:
            act: Callable[[str, int], Event] = self.aws.attack if source == GUARDDUTY else self.aws.scan
            for number in range(8):
                self._send(self._happens(partial(act, account, number)), sent)

    @rule(source=SOURCES, account=ACCOUNTS, number=NUMBERS)
    def retention(self, source: str, account: str, number: int) -> None:
        self.aws.expire(source, account, number)

    @rule(source=SOURCES, account=ACCOUNTS, on=st.booleans())
    def a_switch(self, source: str, account: str, on: bool) -> None:
        self.aws.switch(source, account, on=on)

    @rule(account=st.sampled_from((SHOP, BANK)), refuses=st.booleans(), member=st.booleans())
    def permissions(self, account: str, refuses: bool, member: bool) -> None:
        (self.aws.refusing.add if refuses else self.aws.refusing.discard)(account)
        (self.aws.members.add if member else self.aws.members.discard)(account)

    @rule(source=SOURCES, account=ACCOUNTS, torn=st.booleans())
    def a_torn_listing(self, source: str, account: str, torn: bool) -> None:
        (self.aws.torn.add if torn else self.aws.torn.discard)(scope(source, account))

    @rule(minutes=st.sampled_from((1, 7, 16, 61, 24 * 60)))
    def time_passes(self, minutes: int) -> None:
        self.world.now += minutes * MINUTE

    @rule(
        lag=st.sampled_from((0, 400, 3_000)),
        upgrades=st.sampled_from((0, 0, 2)),
        slow=st.sampled_from((0, 0, 2 * MINUTE)),
    )
    def all_are_a_little_late(self, lag: int, upgrades: int, slow: int) -> None:
        self.world.lag, self.world.upgrades = lag, upgrades
        self.aws.slow = slow

    # ── events and runs ───────────────────────────────────────────────────────────────────────────────

    @rule(which=st.integers(0, 9))
    def a_late_event(self, which: int) -> None:
        if self.late:
            self.world.deliver(self.late.pop(which % len(self.late)))

    @rule(fault=FAULTS, point=POINTS, asked=st.sampled_from((None, None, Request(), Request(GUARDDUTY))))
    def a_run(self, fault: str, point: int, asked: Request | None) -> None:
        calls = [point % 8]

        def stop() -> bool:
            calls[0] -= 1
            return fault == "time is up" and calls[0] < 0

        world = self.world
        if fault == "dies":
            world.at(point, dies)
        elif fault == "no answer":
            world.at(point, no_answer)
        elif fault in MEANWHILE:
            world.at(point, self._meanwhile(fault, point))
        try:
            world.tick(asked, stop)
        except Killed:
            assert fault == "dies"
        except StoreError:
            assert fault == "no answer"  # of the ledger, or of the graph while it is told what is discovered
        world.between = lambda _: None
        self._check_nothing_is_closed_that_is_there()

    def _meanwhile(self, fault: str, point: int) -> Callable[[str], None]:
        account, number = (SHOP, BANK, HUB)[point % 3], point % 9
        acts: dict[str, Callable[[], object]] = {
            "attack": lambda: self.an_attack(account, number, ("lost", "now")[point % 2]),
            "close": lambda: self.a_scan(account, number, "CLOSED", ("lost", "now")[point % 2]),
            "archive": lambda: self.an_archiving(account, number, point % 2 == 0, "lost"),
            "expire": lambda: self.aws.expire(GUARDDUTY, account, number),
            "switch": lambda: self.aws.switch(GUARDDUTY, account, on=point % 2 == 0),
            "another runner": self.world.tick,
            "tokens": self.aws.forget_tokens,
            "deliver": lambda: self.a_late_event(point),
        }

        def happens(_: str) -> None:
            self.world.between = lambda _: None
            acts[fault]()

        return happens

    def _happens(self, act: Callable[[], Event | None]) -> Event | None:
        """Let it happen in a second of its own: that is how finely CloudTrail tells."""
        self.world.now += 2_000
        event = act()
        self.world.now += 2_000
        return event

    def _send(self, event: Event | None, sent: str) -> None:
        if event is None or sent == "lost":
            return
        if sent == "late":
            self.late.append(event)
            return
        for _ in range(2 if sent == "twice" else 1):
            self.world.deliver(event)

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────

    def teardown(self) -> None:
        self.aws.torn.clear()
        self.aws.refusing.clear()
        self.world.upgrades = 0
        self.world.until_done(Request())
        self._check()
        for event in self.late:
            self.world.deliver(event)
        self.world.until_done(Request())  # what AWS keeps no longer and was never known here comes and goes
        self._check()
        self._check_replay()

    def _check(self) -> None:
        """Within what somebody can read: nothing is missing, and nothing is open that AWS closed."""
        world = self.world
        read = {where for where, standing in world.standings.items() if standing.state.value != "unreachable"}
        expected = {
            arn: finding
            for where, held in self.aws.findings.items()
            for arn, finding in held.items()
            if where in read and is_open(finding)
        }
        for arn, finding in expected.items():
            shown = world.shown(arn)
            assert shown is not None
            assert (arn, shown["open"], shown["updatedOn"]) == (arn, True, finding.at)
        hidden = {item for item in world.open_arns() if item not in expected}
        assert all(scope_of_arn(arn) not in read for arn in hidden)
        for where in read:
            done = world.standings[where].finished
            assert done is not None
            in_scope = [arn for arn in expected if scope_of_arn(arn) == where]
            assert (done.at_source, done.held) == (len(in_scope), len(in_scope))
            assert world.ledger_shows(where)["countHeld"] == len(in_scope)
        assert world.parts == {}

    def _check_nothing_is_closed_that_is_there(self) -> None:
        """Nothing is called absent that AWS has open, as far as it was heard of."""
        for arn, finding in self.aws.all().items():
            shown = self.world.shown(arn) if is_open(finding) else None
            if shown and shown["updatedOn"] == finding.at:
                assert shown.get("closedReason") != ABSENT, arn

    def _check_replay(self) -> None:
        """The archive alone gives the same graph, to the moment at which a finding was first heard of. Of
        how a scope stands only that moment may differ: what a runner that died did not get to tell any more
        is told later."""
        memory = Memory()
        self.world.bring(self.world.archived, memory)
        assert graph_of(memory) == graph_of(self.world.memory)


def graph_of(memory: Memory) -> dict[str, str]:
    return {
        item.thing.key: merge.same_graph(
            replace(item, created_on=0) if item.thing.type == "secgraph_source" else item
        )
        for item in memory.items()
    }


def scope_of_arn(arn: str) -> object:
    _, _, service, _, account, *_ = arn.split(":")
    return scope(service, account)


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Losses,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_reconcile_repairs_what_was_lost() -> None:
    run(7, 10)


@pytest.mark.thorough
def test_a_reconcile_repairs_what_was_lost_in_many_lives() -> None:
    run(EXAMPLES, 40)


def history() -> World:
    """Make a world with everything for one tick to do: to bring in, to repair, to close, in two scopes."""
    world = World()
    aws = world.aws
    for number in range(4):
        world.deliver(aws.attack(SHOP, number))
        world.now += 2_000
    world.deliver(aws.scan(SHOP, 1))
    world.tick()
    world.now += 25 * 60 * MINUTE
    aws.expire(GUARDDUTY, SHOP, 0)
    aws.archive(SHOP, 1, archived=True)
    aws.scan(SHOP, 1, status="CLOSED")
    aws.attack(SHOP, 7)
    aws.attack(SHOP, 8)
    return world


def points(step: int) -> Iterator[int]:
    world = history()
    calls = [0]
    world.between = lambda _: calls.__setitem__(0, calls[0] + 1)
    world.tick()
    yield from range(0, calls[0], step)


@pytest.mark.parametrize("fault", [dies, no_answer], ids=["dies", "no answer"])
@pytest.mark.parametrize("step", [97, pytest.param(7, marks=pytest.mark.thorough)])
def test_a_run_may_be_cut_off_at_any_call(fault, step):
    whole = history()
    whole.until_done()
    wanted = whole.open_arns()
    assert len(wanted) == 4
    for point in points(step):
        world = history()
        world.at(point, fault)
        with contextlib.suppress(Killed, StoreError):
            world.tick()
        world.until_done(Request())
        assert world.open_arns() == wanted, f"call {point}"
        assert world.parts == {}, f"call {point}"
