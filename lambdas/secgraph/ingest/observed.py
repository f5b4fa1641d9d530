"""Events of our own, of what a reconcile learnt → the state of a finding, and how its source stands.

They come out of the archive or straight from the reconcile (sources/observed.py writes them), under the
source `secgraph`, which no rule of a bus lets in. Who may write to the queue could forge them as any event.

    FINDING_STATE  → `{source}/state` of the finding (graph/settled.py): it prevails if it is as new
    SOURCE_STATE   → `secgraph/ledger` of the entity that stands for a source in an account and region
"""

from __future__ import annotations

from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import GraphChange, Observation, Ref, Value
from secgraph.graph.settled import STATE
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import ACCOUNT_ID, Place, arn_of, partition_in
from secgraph.ingest.body import Body, checked_identifier
from secgraph.ingest.event import SourceEvent
from secgraph.ingest.guardduty import properties as guardduty
from secgraph.ingest.kinds import Kind
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts

OURS: Final = "secgraph"
LEDGER: Final = "ledger"
STATES: Final = ("on", "off", "unreachable")
FINDINGS: Final[dict[str, Kind]] = {
    "guardduty": kinds.GUARDDUTY_FINDING,
    "inspector2": kinds.INSPECTOR_FINDING,
}
NAMES: Final = {"guardduty": "GuardDuty", "inspector2": "Inspector"}
_COUNTS: Final = ("countAtSource", "countHeld", "repaired", "closed", "quarantined")
_MOMENTS: Final = ("failedOn", "completeAsOf", "reconciledOn")


def finding_changes(event: SourceEvent, received_on: int) -> tuple[GraphChange, ...]:
    """Say whether a finding is open at its source. Raises EventError."""
    detail = event.detail
    source, arn = _source(detail), detail.required("arn")
    found = arn_of(arn)
    if found is None or found.service != source:
        raise EventError(f"{arn[:200]!r} is not the ARN of a finding of {source}", detail.at("arn"))
    is_open, observed_on = detail.flag("open"), _observed_on(detail)
    if is_open is None:
        raise EventError("is missing: expected true or false", detail.at("open"))
    said = {**_standing(source, observed_on, is_open=is_open), "stateObservedOn": observed_on}
    # An archive may have been edited: what is open has no reason why it is closed.
    if not is_open and (reason := detail.text("reason")):
        said |= {"closedReason": reason, "status": "closed"}
    # An open one outranks: to show a finding that is closed is the cheaper mistake.
    state = Observation(f"{source}/{STATE}", observed_on, said, rank=int(is_open))
    return (GraphChange(Ref.of(arn, FINDINGS[source].type), state, received_on),)


def _standing(source: str, observed_on: int, *, is_open: bool) -> dict[str, Value]:
    if source == "guardduty":
        return guardduty.standing(observed_on, archived=not is_open)
    return facts(
        status="active" if is_open else "closed",
        open=is_open,
        active=is_open,
        suppressed=False,
        closedOn=None if is_open else observed_on,
    )


def source_changes(event: SourceEvent, received_on: int) -> tuple[GraphChange, ...]:
    """Say how a source stands in an account and region. Raises EventError."""
    detail = event.detail
    state = detail.required("state")
    if state not in STATES:
        raise EventError(f"{state[:40]!r} is none of {', '.join(STATES)}", detail.at("state"))
    account = checked_identifier(detail.required("accountId"), detail.at("accountId"))
    if not ACCOUNT_ID.fullmatch(account):
        raise EventError(f"{account[:40]!r} is no account id of 12 digits", detail.at("accountId"))
    region = checked_identifier(detail.required("region"), detail.at("region"))
    thing = source_thing(_source(detail), account, region)
    witness = Witness(OURS, OURS, _observed_on(detail), received_on)
    said = facts(
        state=state,
        enabled=None if state == "unreachable" else state == "on",
        reason=detail.text("reason"),
        failure=detail.text("failure"),
        **{name: detail.moment(name) for name in _MOMENTS},
        **{name: detail.number(name) for name in _COUNTS},
    )
    return (witness.saw(thing, LEDGER, said), *source_stubs(thing, witness))


def source_thing(source: str, account: str, region: str) -> Thing:
    """Name what stands for a source in an account and region."""
    key = f"{kinds.SOURCE.type}:{source}:{account}:{region}"
    place = Place(partition_in(region), account, region)
    return Thing(kinds.SOURCE, key, f"{source}:{account}:{region}", place, f"{NAMES[source]} in {region}")


def source_stubs(thing: Thing, witness: Witness) -> tuple[GraphChange, ...]:
    """State it by its key, and the account that has it."""
    place = thing.place
    if place is None:
        return ()
    owner = stubs.account(place.everywhere())
    source = thing.id.partition(":")[0]
    # Only mentioned: who has findings of the account has the last word on it.
    return witness.of_key(thing, owner, source=source), stubs.mentioned_account(witness, place.everywhere())


def _source(detail: Body) -> str:
    source = detail.required("source")
    if source not in FINDINGS:
        raise EventError(f"{source[:40]!r} is none of {', '.join(FINDINGS)}", detail.at("source"))
    return source


def _observed_on(detail: Body) -> int:
    moment = detail.moment("observedOn")
    if moment is None:
        raise EventError("is missing: it orders what was observed", detail.at("observedOn"))
    return moment
