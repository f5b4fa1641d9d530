"""Status: what the graph says of its sources → how complete it is, as of when, and where it may not be.

GraphReader ─FIND secgraph_source→ Source… ─Status→ {completeAsOf, incomplete, sources…}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from secgraph.flows.ask import ask
from secgraph.graph.ports import GraphReader
from secgraph.j1ql.moments import iso

HOUR_MS: Final = 60 * 60_000
INTERVAL_MS: Final = 24 * HOUR_MS
"""How often sources are reconciled where nothing else is set."""
NAMED_AT_MOST: Final = 5
"""Sources that an answer to a query names."""
ON: Final = "on"
OFF: Final = "off"
UNREACHABLE: Final = "unreachable"
UNKNOWN: Final = "unknown"
"""Of a source whose events came and that no reconcile has asked for."""
UNASKED_MS: Final = 2 * HOUR_MS
"""So long a deployment waits for its first reconcile to begin, before rules tell what is there."""
SETTLED_MS: Final = 24 * HOUR_MS
"""So long it waits at most for the first load to be done."""
PROJECTED_MS: Final = 2 * 60_000
"""By which the image may hold the news that a load is done before all that was loaded."""
NOTHING_KNOWN: Final = "no source was reconciled yet: nothing says that the graph is complete"

_FIELDS: Final = (
    "state",
    "reason",
    "failure",
    "failedOn",
    "lastEventOn",
    "completeAsOf",
    "reconciledOn",
    "countAtSource",
    "countHeld",
    "repaired",
    "closed",
    "quarantined",
)
_MOMENTS: Final = ("failedOn", "lastEventOn", "completeAsOf", "reconciledOn")
_QUERY: Final = (
    "FIND secgraph_source AS s (THAT HAS aws_account AS a)? RETURN s.source AS source, "
    "s.accountId AS account, s.region AS region, a.displayName AS name, "
    + ", ".join(f"s.{name} AS {name}" for name in _FIELDS)
)


@dataclass(frozen=True, slots=True)
class Source:
    """A source in an account and region, as the graph knows it. `said` holds what is known of `_FIELDS` but
    the state; moments are epoch milliseconds."""

    source: str
    account: str
    region: str
    name: str
    state: str
    said: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Give the text that names it everywhere: `guardduty/123456789012/eu-west-1`."""
        return f"{self.source}/{self.account}/{self.region}"

    @property
    def complete_as_of(self) -> int | None:
        """Give the moment as of which all its findings are in the graph, if a run has come to its end."""
        moment = self.said.get("completeAsOf")
        return None if moment is None else int(moment)

    def doubt(self, now: int, interval_ms: int) -> str:
        """Say why findings of it may be missing; empty if nothing speaks for that. Off is no reason."""
        if self.state == OFF:
            return ""
        if self.state == UNKNOWN:
            return "events came, and it was never reconciled"
        if self.state == UNREACHABLE:
            return f"it cannot be asked: {self.said.get('reason', 'nobody covers it')}"
        if "failure" in self.said:
            return f"its last reconcile failed: {self.said['failure']}"
        if self.complete_as_of is None:
            return "its first load is not done"
        if now - self.complete_as_of > 2 * interval_ms:
            return "its last reconcile is more than two intervals ago"
        return ""

    def as_json(self, now: int, interval_ms: int) -> dict[str, object]:
        """Give it for people's programs; a moment is an ISO 8601 text, and what is not known is left out."""
        doubt = self.doubt(now, interval_ms)
        said = {name: iso(value) if name in _MOMENTS else value for name, value in self.said.items()}
        return {
            "source": self.source,
            "account": self.account,
            "accountName": self.name,
            "region": self.region,
            "state": self.state,
            **said,
            **({"incomplete": doubt} if doubt else {}),
        }


@dataclass(frozen=True, slots=True)
class Status:
    """How complete the graph is at the moment `now`, its sources being reconciled every `interval_ms`."""

    sources: Sequence[Source]
    now: int
    interval_ms: int = INTERVAL_MS

    @property
    def as_of(self) -> int | None:
        """Give the moment as of which the graph holds what every source that is on held: the oldest of
        theirs. None if the first load of one is not done, or none is on."""
        on = [each for each in self.sources if each.state == ON]
        known = [each.complete_as_of for each in on if each.complete_as_of is not None]
        return min(known) if known and len(known) == len(on) else None

    @property
    def incomplete(self) -> list[Source]:
        """Give the sources of which findings may be missing."""
        return [each for each in self.sources if each.doubt(self.now, self.interval_ms)]

    @property
    def has_ledger(self) -> bool:
        """Tell whether a reconcile has said anything of any source."""
        return any(each.state != UNKNOWN for each in self.sources)

    def complete(self) -> dict[str, Any]:
        """Give what every answer to a query says: `{asOf, incomplete: [up to five names], more, reason?}`."""
        names = [each.key for each in self.incomplete]
        return {
            "asOf": None if self.as_of is None else iso(self.as_of),
            "incomplete": names[:NAMED_AT_MOST],
            "more": max(0, len(names) - NAMED_AT_MOST),
            **({} if self.has_ledger else {"reason": NOTHING_KNOWN}),
        }

    def settling(self, began_on: int) -> bool:
        """Tell whether the first load of a deployment that began then is still under way. A source that is
        off, cannot be asked, or failed at first does not hold it up, nor does anything for ever."""
        waited = self.now - began_on
        if not 0 <= waited < SETTLED_MS:
            return False
        if not self.has_ledger:
            return waited < UNASKED_MS
        return any(self._is_loading(each) for each in self.sources)

    def _is_loading(self, source: Source) -> bool:
        if source.state != ON or "failure" in source.said:
            return False
        return self.now - int(source.said.get("reconciledOn", self.now)) < PROJECTED_MS

    def as_json(self) -> dict[str, object]:
        """Give all of it: `{completeAsOf, incomplete: [all names], reason?, sources: […]}`."""
        return {
            "completeAsOf": None if self.as_of is None else iso(self.as_of),
            "incomplete": [each.key for each in self.incomplete],
            **({} if self.has_ledger else {"reason": NOTHING_KNOWN}),
            "sources": [each.as_json(self.now, self.interval_ms) for each in self.sources],
        }


def status(reader: GraphReader, *, now: int, interval_ms: int = INTERVAL_MS) -> Status:
    """Ask the graph how complete it is. Raises StoreError, and QueryError LIMITS."""
    return Status(sources_of(reader, now=now), now, interval_ms)


def sources_of(reader: GraphReader, *, now: int) -> tuple[Source, ...]:
    """Read what the graph knows of its sources, in the order of their names."""
    answer = ask(_QUERY, reader=reader, now=now, page_rows=None, page_bytes=None, warn=False)
    return tuple(sorted(map(_source, answer["data"]), key=lambda each: each.key))


def _source(row: Mapping[str, Any]) -> Source:
    said = {name: row[name] for name in _FIELDS[1:] if row.get(name) is not None}
    name = str(row.get("name") or row["account"])
    return Source(row["source"], row["account"], row["region"], name, row.get("state") or UNKNOWN, said)
