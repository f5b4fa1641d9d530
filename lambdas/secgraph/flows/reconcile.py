"""RECONCILE: what the sources hold → graph: it misses nothing then, and nothing stays open that they closed.

    tick ─discover→ Standing… ─in turn, each under a lease→ Run ─listing.pages, closing.buckets→ Run… ─finish→

A tick does as much as its time allows and keeps how far it came after each page. A tick that dies anywhere
repeats one page; two at once keep out of each other's way by the lease and the `rev` of a standing. It closes
only in a scope whose listing came to its end, and there only what the source, asked again, does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from secgraph.errors import CursorExpired, SourceError, StoreError
from secgraph.flows.closing import buckets
from secgraph.flows.discover import discover
from secgraph.flows.ingest import WarmCache
from secgraph.flows.listing import pages
from secgraph.flows.reconciling import ADVANCED, BUSY, FAILURE, FINISHED, ReconcileReport, ScopeReport, Work
from secgraph.flows.reconciling import Plan as Plan
from secgraph.flows.reconciling import Ports as Ports
from secgraph.flows.reconciling import Request as Request
from secgraph.graph.model import AccountSettings
from secgraph.sources import turns
from secgraph.sources.standing import Run, Standing, State


def reconcile(
    plan: Plan,
    *,
    ports: Ports,
    settings: Mapping[str, AccountSettings],
    cache: WarmCache,
    clock: Callable[[], int],
    token: Callable[[], str],
    request: Request | None = None,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda _: None,
) -> ReconcileReport:
    """Do one tick: discover where that is due, then work on the scopes that are due until `stop` says so.

    A `request` makes the scopes that it wants due, and only these are worked on. `clock` gives epoch
    milliseconds, `token` a text that is new each time. What goes wrong in a scope is kept with it and stands
    in the report. Raises StoreError if the ledger cannot be read or written, or if the graph cannot be told
    what was discovered.
    """
    work = Work(plan, ports, settings, cache, clock, token, stop, tell)
    asked = request and replace(request, asked_on=request.asked_on or clock())
    standings, all_asked = discover(work, asked)
    if asked:
        due, reports = _requested(work, asked, standings.values())
    else:
        due = [each for each in standings.values() if turns.is_due(each, clock(), plan.interval_ms)]
        reports = []
    waiting = 0
    for standing in turns.in_turn(due):
        if stop():
            waiting += 1
            continue
        report = _work_on(work, standing)
        if report.did == FINISHED and report.standing.requested_on:
            # That run had begun before it was asked for: another one tells how things are since.
            report = _work_on(work, report.standing)
        reports.append(report)
        waiting += report.did == ADVANCED
    return ReconcileReport(tuple(reports), waiting, asked.asked_on if asked else 0, all_asked)


def _requested(
    work: Work, request: Request, standings: Iterable[Standing]
) -> tuple[list[Standing], list[ScopeReport]]:
    """Give the scopes that a request makes due, and say of the others what is to be said."""
    due: list[Standing] = []
    reports: list[ScopeReport] = []
    for standing in sorted(standings, key=lambda each: each.scope):
        if not request.wants(standing.scope):
            continue
        report = _answered(work, request, standing)
        noted = standing if report else _noted(work, request, standing)
        if noted is None:
            report = _busy(standing)
        if report:
            reports.append(report)
        elif noted:
            due.append(noted)
    return due, reports


def _answered(work: Work, request: Request, standing: Standing) -> ScopeReport | None:
    """Say why there is nothing to do in a scope, if there is not."""
    finished, failure = standing.finished, standing.failure
    if turns.is_busy(standing, work.clock()):
        return _busy(standing)
    if standing.state is State.UNREACHABLE:
        return ScopeReport(standing, FAILURE, standing.reason)
    if failure and failure.failed_on >= request.asked_on:
        return ScopeReport(standing, FAILURE, failure.reason)
    if finished and finished.began_on >= request.asked_on:
        return ScopeReport(standing, FINISHED)
    return None


def _noted(work: Work, request: Request, standing: Standing) -> Standing | None:
    """Keep that a person asked for a run, should the time be up before it begins; a run that began since
    then is the one. None if another runner is at work on it."""
    if standing.requested_on or (standing.run and standing.run.began_on >= request.asked_on):
        return standing
    return work.keep(replace(standing, requested_on=work.clock()))


def _work_on(work: Work, standing: Standing) -> ScopeReport:
    """Take a scope on if nobody else has it, and go on until its run is finished or the time is up."""
    if turns.is_busy(standing, work.clock()):
        return _busy(standing)
    begun, run = turns.begun(standing, work.token(), work.clock())
    given_up = standing.run.id if standing.run and standing.run.id != run.id else ""
    taken = _Taken(work, begun, run, given_up)
    try:
        taken.begin()
        return taken.carry_on()
    except _OvertakenError:
        return _busy(taken.standing)


def _busy(standing: Standing) -> ScopeReport:
    return ScopeReport(standing, BUSY, "another runner is at work on it")


class _OvertakenError(Exception):
    """Another runner has written the standing: what this one still wanted to do is that one's now."""


@dataclass(slots=True)
class _Taken:
    """A scope under this runner's lease, which each write renews. `given_up` is the id of the run that this
    one replaces, or empty; `got_on`: it has done some work."""

    work: Work
    standing: Standing
    run: Run
    given_up: str
    got_on: bool = False

    def hold(self, run: Run) -> None:
        """Keep how far the run came, and the lease with it. Raises _OvertakenError."""
        self._keep(replace(self.standing, run=run, busy_until=self.work.clock() + turns.LEASE_MS))
        self.run = run

    def begin(self) -> None:
        """Take the lease. A step that was cut off keeps the moment at which it was begun."""
        self.hold(replace(self.run, asked_on=self.run.asked_on or self.work.clock()))

    def carry_on(self) -> ScopeReport:
        """Go on from step to step; each is kept before the next. Raises _OvertakenError."""
        try:
            steps = self._steps()
            while not self.work.stop():
                run = next(steps, None)
                if run is None:
                    return self._finish()
                self.hold(run)
                self.got_on = True
        except (SourceError, StoreError) as error:
            return self._fail(error)
        self._keep(replace(self.standing, run=replace(self.run, asked_on=0), busy_until=0))
        return ScopeReport(self.standing, ADVANCED)

    def _steps(self) -> Iterator[Run]:
        if self.given_up:
            self.work.ports.seen.forget(self.given_up)
        scope = self.standing.scope
        api = self.work.ports.sources.api(scope.source, self.standing.reader, scope.region)
        yield from pages(self.work, api, self.standing, self.run)
        yield from buckets(self.work, api, self.standing, self.run)

    def _finish(self) -> ScopeReport:
        run = self.run
        done = turns.finished(self.standing, run, self.work.clock())
        self.work.ports.seen.forget(run.id)
        # Told first: if this dies in between it is done once more, and nothing remains untold.
        self.work.say(done)
        self._keep(done)
        self.work.tell(
            f"{done.scope.key}: complete, {run.at_source:,} at the source, {run.repaired:,} repaired, "
            f"{run.closed:,} of them closed"
        )
        return ScopeReport(self.standing, FINISHED)

    def _fail(self, error: SourceError | StoreError) -> ScopeReport:
        """Keep why it stopped. The run goes on from there, but for one whose listing never holds."""
        reason = str(error)
        noted = turns.failed(self.standing, reason, self.work.clock(), got_on=self.got_on)
        self.work.tell(f"{noted.scope.key}: {reason}")
        if isinstance(error, CursorExpired):
            noted = replace(noted, run=None)
        elif isinstance(error, SourceError):  # it gave no answer, so nothing of this step was brought in yet
            noted = replace(noted, run=replace(self.run, asked_on=0))
        try:
            self.work.say(noted)
            if noted.run is None:
                self.work.ports.seen.forget(self.run.id)
        except StoreError as another:
            reason = f"{reason}; and {another}"
        self._keep(noted)
        return ScopeReport(self.standing, FAILURE, reason)

    def _keep(self, standing: Standing) -> None:
        kept = self.work.keep(standing)
        if kept is None:
            raise _OvertakenError
        self.standing = kept
