"""SourceEvent → GraphChange…, or the reason why the event is ignored on purpose.

What is neither known nor ignored by name raises EventError, so that it is quarantined and can be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from secgraph import contract
from secgraph.errors import EventError
from secgraph.graph.model import Edge, GraphChange, Ref
from secgraph.ingest import observed
from secgraph.ingest.event import SourceEvent
from secgraph.ingest.guardduty import archiving
from secgraph.ingest.guardduty import finding as guardduty
from secgraph.ingest.inspector import coverage
from secgraph.ingest.inspector import finding as inspector
from secgraph.ingest.things import in_order


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is left out on purpose: what it is, for the report."""

    reason: str


_Normaliser = Callable[[SourceEvent, int], Iterable[GraphChange] | Ignored]


def _guardduty(event: SourceEvent, received_on: int) -> Iterable[GraphChange]:
    return guardduty.changes(event.detail, received_on)


def _call(event: SourceEvent, received_on: int) -> Iterable[GraphChange] | Ignored:
    if reason := archiving.reason_to_ignore(event.detail):
        return Ignored(reason)
    return archiving.changes(event.detail, received_on)


def _inspector(event: SourceEvent, received_on: int) -> Iterable[GraphChange]:
    return inspector.changes(event.detail, received_on)


_REAL: Final[Mapping[tuple[str, str], _Normaliser]] = {
    (contract.GUARDDUTY_SOURCE, contract.GUARDDUTY_DETAIL_TYPE): _guardduty,
    (contract.GUARDDUTY_SOURCE, contract.API_CALL_DETAIL_TYPE): _call,
    (contract.INSPECTOR_SOURCE, contract.INSPECTOR_DETAIL_TYPE): _inspector,
    (contract.INSPECTOR_SOURCE, contract.INSPECTOR_COVERAGE): coverage.coverage_changes,
    (contract.INSPECTOR_SOURCE, contract.INSPECTOR_SCAN): coverage.scan_changes,
    (contract.ON_DEMAND_SOURCE, contract.ON_DEMAND_DETAIL_TYPE): _inspector,
}
_NORMALISERS: Final = {
    **_REAL,
    (contract.OWN_SOURCE, contract.FINDING_STATE): observed.finding_changes,
    (contract.OWN_SOURCE, contract.SOURCE_STATE): observed.source_changes,
    **{(contract.TEST_SOURCE, detail_type): read for (_, detail_type), read in _REAL.items()},
}
_IGNORED: Final[Mapping[str, frozenset[str]]] = {
    contract.GUARDDUTY_SOURCE: frozenset(
        {
            "GuardDuty Runtime Protection Healthy",
            "GuardDuty Runtime Protection Unhealthy",
            "GuardDuty Malware Protection Object Scan Result",
            "GuardDuty Malware Protection Resource Status Active",
            "GuardDuty Malware Protection Resource Status Warning",
            "GuardDuty Malware Protection Resource Status Error",
            "GuardDuty Malware Protection Post Scan Action Failed",
        }
    ),
    contract.INSPECTOR_SOURCE: frozenset(
        {
            "AWS API Call via CloudTrail",
            "Inspector2 AutoEnable",
            "Inspector2 OnDemand Scan Complete",
        }
    ),
    contract.ON_DEMAND_SOURCE: frozenset({"Inspector2 OnDemand Scan Complete"}),
}
_REFUSED: Final[Mapping[str, str]] = {
    "aws.inspector": "Inspector Classic ended in May 2026 and is not read; use Amazon Inspector (inspector2)",
    "aws.securityhub": "Security Hub events are read by a later release; this one can be replayed then",
}
_NAMES: Final = ", ".join(sorted({source for source, _ in _REAL}))


def normalise(
    event: SourceEvent, *, received_on: int, test_source: bool = False
) -> tuple[GraphChange, ...] | Ignored:
    """Say what an event says of things; the first change is about the finding itself.

    `received_on` (epoch ms) is when the event first reached us. With `test_source`, events of
    `secgraph.test` are let in, under keys of their own and marked `sample`. Raises EventError with the
    field at fault for what cannot be understood.
    """
    if event.detail_type in _IGNORED.get(event.source, ()):
        return Ignored(f"{event.detail_type} is not a finding")
    normaliser = _NORMALISERS.get((event.source, event.detail_type))
    if normaliser is None:
        raise _unknown(event)
    is_test = event.source == contract.TEST_SOURCE
    if is_test and not test_source:
        raise EventError(
            f"events of {contract.TEST_SOURCE} are switched off; "
            f"set {contract.TEST_SOURCE_ENABLED}=true to let them in",
            "source",
        )
    found = normaliser(event, received_on)
    if isinstance(found, Ignored):
        return found
    changes = _gathered(found)
    return tuple(_apart(change) for change in changes) if is_test else changes


def _unknown(event: SourceEvent) -> EventError:
    if event.source in _REFUSED:
        return EventError(_REFUSED[event.source], "source")
    known = sorted({name for source, name in _NORMALISERS if source == event.source})
    if known:
        expected = " and ".join(repr(name) for name in known)
        return EventError(
            f"{event.detail_type[:100]!r} is no detail type that secgraph knows of {event.source}; "
            f"it reads {expected}",
            "detail-type",
        )
    return EventError(f"secgraph reads no events of {event.source[:100]!r}; it reads {_NAMES}", "source")


def _gathered(changes: Iterable[GraphChange]) -> tuple[GraphChange, ...]:
    """Say each thing once: leave out what comes twice in the same words, and put together what one block
    says of one thing at one moment in several (a bucket listed twice). Else a hash would choose."""
    kept: dict[tuple[str, str, int, int], GraphChange] = {}
    for change in changes:
        observation = change.observation
        place = (change.thing.id, observation.block, observation.time, observation.rank)
        held = kept.get(place)
        kept[place] = change if held is None or held == change else _together(held, change)
    return tuple(kept.values())


def _together(first: GraphChange, other: GraphChange) -> GraphChange:
    """Let the first prevail where both say something."""
    one, more = first.observation, other.observation
    together = replace(
        one,
        properties={**more.properties, **one.properties},
        edges=in_order((*more.edges, *one.edges)),
        collected={**more.collected, **one.collected},
    )
    return replace(first, observation=together)


def _apart(change: GraphChange) -> GraphChange:
    """Move a test event's change under keys of its own, so that it can never touch a real thing."""
    observation = change.observation
    return replace(
        change,
        thing=_test_ref(change.thing),
        observation=replace(
            observation,
            properties={
                **observation.properties,
                "_source": "sample-data",
                "_scope": contract.TEST_SOURCE,
                "sample": True,
            },
            edges=tuple(_test_edge(edge) for edge in observation.edges),
        ),
    )


def _test_ref(ref: Ref) -> Ref:
    return Ref.of(f"{contract.TEST_SOURCE}:{ref.key}", ref.type)


def _test_edge(edge: Edge) -> Edge:
    return replace(edge, end=_test_ref(edge.end))
