"""A sequence and its member findings → `sequence HAS member`, stated on the member's item.

The sequence names its members among its signals, a member names its sequence: both say the same in the
same words, in a block of its own that follows from the two keys alone, so whichever comes first, there is
one edge. It has no class: a finding that was never seen itself stays invisible, and the edge with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import GraphChange, Observation, Ref
from secgraph.ingest import kinds, things
from secgraph.ingest.aws import Arn, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.origin import Origin
from secgraph.ingest.things import Thing, incoming

_FINDING = kinds.GUARDDUTY_FINDING
_IN_ARN = "/finding/"


def members(sequence: Body, origin: Origin, received_on: int) -> Iterator[GraphChange]:
    """State the edge to each signal that is a finding; a bare id is of the sequence's own detector."""
    for signal in sequence.bodies("signals"):
        uid = signal.identifier("uid") if signal.text("type") == "FINDING" else None
        member = _member_arn(uid, origin) if uid else None
        if member and member != origin.arn:
            yield _membership(member, origin.arn, received_on)


def membership(detail: Body, origin: Origin, received_on: int) -> Iterator[GraphChange]:
    """State the edge from the sequence that a finding says it belongs to."""
    sequence = detail.identifier("associatedAttackSequenceArn")
    if sequence and sequence != origin.arn and _is_finding(arn_of(sequence)):
        yield _membership(origin.arn, sequence, received_on)


def _membership(member: str, sequence: str, received_on: int) -> GraphChange:
    id_ = sequence.rpartition("/")[2]
    edge = incoming("HAS", Thing(_FINDING, sequence, id_))
    observation = Observation(f"guardduty/sequence/{id_}", things.ALWAYS, {}, (edge,))
    return GraphChange(Ref.of(member, _FINDING.type), observation, received_on)


def _member_arn(uid: str, origin: Origin) -> str | None:
    arn = arn_of(uid)
    if arn:
        return uid if _is_finding(arn) else None
    detector = origin.arn.partition(_IN_ARN)[0]
    return f"{detector}{_IN_ARN}{uid}"


def _is_finding(arn: Arn | None) -> bool:
    """Tell the ARN of a GuardDuty finding."""
    return arn is not None and arn.service == "guardduty" and _IN_ARN in arn.resource
