"""Which events secgraph wants, and rules on a bus that hand exactly those on.

The hub and its spokes share this one definition, so that a spoke forwards what the hub takes up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_events as events
from constructs import Construct

from secgraph import contract


@dataclass(frozen=True, slots=True)
class Pattern:
    """Events of one source and detail type. `calls` are the API calls among them, by name; empty: all."""

    name: str
    source: str
    detail_type: str
    calls: tuple[str, ...] = ()

    @property
    def detail(self) -> Mapping[str, list[str]] | None:
        """What the event's detail must hold, as a pattern says it."""
        return {"eventName": list(self.calls)} if self.calls else None


PATTERNS: Final = (
    Pattern("GuardDuty", contract.GUARDDUTY_SOURCE, contract.GUARDDUTY_DETAIL_TYPE),
    Pattern("Inspector", contract.INSPECTOR_SOURCE, contract.INSPECTOR_DETAIL_TYPE),
    Pattern("InspectorCoverage", contract.INSPECTOR_SOURCE, contract.INSPECTOR_COVERAGE),
    Pattern("InspectorScan", contract.INSPECTOR_SOURCE, contract.INSPECTOR_SCAN),
    Pattern("InspectorOnDemand", contract.ON_DEMAND_SOURCE, contract.ON_DEMAND_DETAIL_TYPE),
    Pattern("Archiving", contract.GUARDDUTY_SOURCE, contract.API_CALL_DETAIL_TYPE, contract.GUARDDUTY_CALLS),
)
DETAIL_TYPES: Final = tuple(dict.fromkeys(pattern.detail_type for pattern in PATTERNS))
QUEUE: Final = "the secgraph ingest queue"


def sources(tests: Sequence[str]) -> list[str]:
    """The sources of all patterns, and those of tests."""
    return list(dict.fromkeys([*(pattern.source for pattern in PATTERNS), *tests]))


def hand_on(
    scope: Construct,
    where: str,
    target: Callable[[], events.IRuleTarget],
    *,
    bus: events.IEventBus | None = None,
    tests: Sequence[str] = (),
) -> list[events.Rule]:
    """Make a rule for each pattern, on the default bus or on another one.

    `where` ends the rule's description; `tests` are sources whose events match every pattern as well. No
    pattern names an account: what other accounts send to the bus matches too.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    return [
        events.Rule(
            scope,
            pattern.name,
            description=f"{pattern.detail_type} events to {where}",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=[pattern.source, *tests],
                detail_type=[pattern.detail_type],
                detail=pattern.detail,
            ),
            targets=[target()],
        )
        for pattern in PATTERNS
    ]
