"""What a reconcile works with: what to read, whom it was asked for, the ports, and how it reports.

`Work` holds all of it for one tick, and does what every part of it needs: bring deliveries into the graph,
keep a standing, tell how a scope stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from secgraph.errors import StoreUnavailable
from secgraph.flows.ingest import FAILED, Report, WarmCache, ingest
from secgraph.graph.model import AccountSettings
from secgraph.graph.ports import GraphWriter
from secgraph.ingest.ports import Archive, Delivery, Quarantine
from secgraph.sources import observed
from secgraph.sources.ports import LedgerStore, OpenFindings, SeenFindings, Sources
from secgraph.sources.scope import Reader, Scope
from secgraph.sources.standing import Standing

FINISHED: Final = "finished"
ADVANCED: Final = "advanced"
FAILURE: Final = "failed"
BUSY: Final = "busy"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the deployment reads by API: with whose eyes, in which regions, and how often (milliseconds)."""

    readers: tuple[Reader, ...]
    regions: tuple[str, ...]
    interval_ms: int


@dataclass(frozen=True, slots=True)
class Request:
    """Whom a person asked for; None: any.

    A tick may not get through; who then calls again for the same gives the `asked_on` that the first report
    told (epoch ms), so that what was finished or failed since is not done once more. 0: it is asked just now.
    """

    source: str | None = None
    account: str | None = None
    region: str | None = None
    asked_on: int = 0

    def wants(self, scope: Scope) -> bool:
        """Tell whether a scope was asked for."""
        return self.reads(scope.source, scope.region) and self.account in (None, scope.account)

    def reads(self, source: str, region: str) -> bool:
        """Tell whether some scope of a source in a region was asked for."""
        return self.source in (None, source) and self.region in (None, region)


@dataclass(frozen=True, slots=True)
class Ports:
    """The world outside."""

    ledger: LedgerStore
    sources: Sources
    graph: GraphWriter
    open: OpenFindings
    archive: Archive
    quarantine: Quarantine
    seen: SeenFindings


@dataclass(frozen=True, slots=True)
class ScopeReport:
    """What a tick did in one scope: finished, advanced (there is more to do), failed, or busy (another runner
    is at it). The counts are those of the run, which may have begun in an earlier tick."""

    standing: Standing
    did: str
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        """Give it for people's programs."""
        scope, counts = self.standing.scope, self.standing.run or self.standing.finished
        return {
            "source": scope.source,
            "account": scope.account,
            "region": scope.region,
            "state": self.standing.state.value,
            "did": self.did,
            "listed": counts.at_source if counts else 0,
            "repaired": counts.repaired if counts else 0,
            "closed": counts.closed if counts else 0,
            "quarantined": counts.quarantined if counts else 0,
            **({"reason": self.reason} if self.reason else {}),
        }


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What a tick did. `waiting` counts the scopes that another tick can go on with at once. `asked_on` is
    when it was asked for, 0 for a tick of the schedule. Without `all_asked` the time was up before all
    readers had told what they see: another tick goes on with that."""

    scopes: tuple[ScopeReport, ...]
    waiting: int
    asked_on: int = 0
    all_asked: bool = True

    @property
    def finished(self) -> bool:
        """Tell whether there is nothing to go on with or to wait for: what was due is complete, or failed."""
        ended = all(each.did in (FINISHED, FAILURE) for each in self.scopes)
        return self.all_asked and not self.waiting and ended

    def as_json(self) -> dict[str, object]:
        """Give it for people's programs."""
        return {
            "scopes": [each.as_json() for each in self.scopes],
            "waiting": self.waiting,
            "finished": self.finished,
            **({"askedOn": self.asked_on} if self.asked_on else {}),
        }


@dataclass(frozen=True, slots=True)
class Work:
    """One tick. `clock` gives epoch milliseconds, `token` a text that is new each time; `stop` tells that the
    time is up, `tell` takes a line for who watches."""

    plan: Plan
    ports: Ports
    settings: Mapping[str, AccountSettings]
    cache: WarmCache
    clock: Callable[[], int]
    token: Callable[[], str]
    stop: Callable[[], bool]
    tell: Callable[[str], None]

    def bring_in(self, deliveries: Sequence[Delivery]) -> list[Report]:
        """Archive and merge; the reports come in the order of the deliveries, which are single findings and
        events. Raises StoreUnavailable if one did not get through: then all of them are to come again."""
        if not deliveries:
            return []
        reports = ingest(
            deliveries,
            writer=self.ports.graph,
            quarantine=self.ports.quarantine,
            archive=self.ports.archive,
            now=self.clock(),
            settings=self.settings,
            cache=self.cache,
        )
        for report in reports:
            if report.outcome == FAILED:
                raise StoreUnavailable(f"{report.id}: {report.reason}")
        return reports

    def keep(self, standing: Standing) -> Standing | None:
        """Store a standing; None if another runner was faster, whose it is then."""
        kept = replace(standing, rev=standing.rev + 1)
        return kept if self.ports.ledger.write(kept) else None

    def say(self, standing: Standing) -> None:
        """Show in the graph how a scope stands. Raises StoreUnavailable."""
        self.bring_in([observed.source_state(standing, self.clock())])
