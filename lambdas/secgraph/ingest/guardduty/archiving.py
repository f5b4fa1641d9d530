"""A call to GuardDuty's API, as CloudTrail reports it → who was archived or unarchived, by finding id.

Archiving sends no finding event. The call names ids and a detector, which is the administrator's where an
administrator makes it, so neither gives the finding's ARN: the state is said to the finding's locator
(graph/locators.py), which every finding event states too.
"""

from __future__ import annotations

from typing import Final

from secgraph import contract
from secgraph.errors import EventError
from secgraph.graph import locators
from secgraph.graph.model import GraphChange, Observation, Ref, Value
from secgraph.graph.settled import STATE
from secgraph.ingest.body import Body, checked_identifier
from secgraph.ingest.guardduty.origin import Origin
from secgraph.ingest.guardduty.properties import standing

SOURCE: Final = "guardduty"
API: Final = "guardduty.amazonaws.com"
_REST_OF_A_SECOND: Final = 999
"""CloudTrail cuts moments to the second, findings tell theirs to the millisecond. What was reported earlier
in the second of the call must not outlast it; what is reported later tells by itself what the call did."""
_ARCHIVED: Final = dict(zip(contract.GUARDDUTY_CALLS, (True, False), strict=True))


def located(origin: Origin, received_on: int) -> GraphChange:
    """State which finding an id stands for."""
    return GraphChange(
        _locator(origin.place.region, origin.id), locators.locates(SOURCE, origin.finding.ref), received_on
    )


def reason_to_ignore(detail: Body) -> str | None:
    """Tell why a call changes no finding's state; None if it does."""
    name = detail.required("eventName")
    if detail.required("eventSource") != API or name not in _ARCHIVED:
        return f"the API call {name[:100]} archives no finding"
    if error := detail.text("errorCode"):
        return f"the API call {name} was refused ({error[:100]}) and changed nothing"
    if not detail.body("requestParameters").texts("findingIds"):
        return f"the API call {name} names no finding"
    return None


def changes(detail: Body, received_on: int) -> tuple[GraphChange, ...]:
    """Say of each finding that a call names whether it is archived.

    For calls that are not to be ignored. Raises EventError for one without region or moment.
    """
    region = checked_identifier(detail.required("awsRegion"), detail.at("awsRegion"))
    moment = detail.moment("eventTime")
    if moment is None:
        raise EventError("is missing: it orders the states of a finding", detail.at("eventTime"))
    state = _state(moment, archived=_ARCHIVED[detail.required("eventName")])
    ids = detail.body("requestParameters").identifiers("findingIds")
    return tuple(GraphChange(_locator(region, id_), state, received_on) for id_ in ids)


def _state(moment: int, *, archived: bool) -> Observation:
    """Write the state. Of two calls in one second nobody can tell the later: the unarchiving one holds, for
    to show a finding that is closed is the cheaper mistake than to hide one that is open."""
    said: dict[str, Value] = {**standing(moment, archived=archived), "stateObservedOn": moment}
    return Observation(f"{SOURCE}/{STATE}", moment + _REST_OF_A_SECOND, said, rank=int(not archived))


def _locator(region: str, finding_id: str) -> Ref:
    return locators.locator(f"guardduty-finding-id:{region}:{finding_id}")
