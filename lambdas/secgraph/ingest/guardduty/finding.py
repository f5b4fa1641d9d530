"""A GuardDuty finding (`detail` of its event) → GraphChange…, the finding first.

The owner is what the body says (`accountId`), never the account whose bus delivered it, so the copies of
administrator and member say the same. Samples are linked to their detector and to nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import ACCOUNT_ID, Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.action import action_of
from secgraph.ingest.guardduty.additional import is_sample
from secgraph.ingest.guardduty.archiving import located
from secgraph.ingest.guardduty.blocks.credentials import Principal, mentioned_accounts
from secgraph.ingest.guardduty.detection import detection_facts
from secgraph.ingest.guardduty.origin import Origin, origin_of, origin_of_sample, seen_on, updated_on
from secgraph.ingest.guardduty.properties import (
    identity,
    principal_facts,
    service_facts,
    state,
    targets_of,
    type_parts,
)
from secgraph.ingest.guardduty.resources import affected, primary_of
from secgraph.ingest.guardduty.sequence.members import membership
from secgraph.ingest.guardduty.sequence.whole import Sequence
from secgraph.ingest.guardduty.threats import threat_facts
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import only_tags
from secgraph.ingest.things import Witness, incoming
from secgraph.ingest.values import LIST_LIMIT, distinct, facts


def changes(detail: Body, received_on: int) -> Iterator[GraphChange]:
    """Say what a finding says of itself, its detector and account, and the resources it names.

    Raises EventError for a finding without ARN, type, severity or `updatedAt`, and for a wrong type anywhere.
    """
    sample = is_sample(detail)
    origin = origin_of_sample(detail) if sample else origin_of(detail)
    witness = Witness("guardduty", kinds.GUARDDUTY_FINDING.type, updated_on(detail), received_on)
    sequence = Sequence.of(detail, origin)
    if sample:
        yield from _sample(detail, sequence, witness)
        return
    seen = replace(witness, time=seen_on(detail))
    resources = (
        *affected(detail.body("resource"), origin.place, seen),
        *sequence.affected(seen),
    )
    yield _finding(detail, sequence, witness, resources, sample=False)
    yield located(origin, received_on)
    yield _detector_stub(origin, witness)
    yield from stubs.service_stubs(witness, kinds.GUARDDUTY, origin.place.everywhere())
    yield from _remote_account(detail, origin.place, witness)
    principal = Principal.of_key_details(detail.body("resource").body("accessKeyDetails"))
    yield from mentioned_accounts(principal, origin.place, witness)
    yield from sequence.around(seen)
    yield from membership(detail, origin, received_on)
    for resource in resources:
        yield from resource.changes


def _sample(detail: Body, sequence: Sequence, witness: Witness) -> Iterator[GraphChange]:
    origin = sequence.origin
    yield _finding(detail, sequence, witness, (), sample=True)
    if origin.arn:
        yield located(origin, witness.received_on)
        yield _detector_stub(origin, witness)


def _finding(
    detail: Body, sequence: Sequence, witness: Witness, resources: tuple[Resource, ...], *, sample: bool
) -> GraphChange:
    origin, service = sequence.origin, detail.body("service")
    archived = service.flag("archived") or False
    action = action_of(service.body("action"))
    primary = primary_of(detail.body("resource"), resources)
    edges = [incoming("IDENTIFIED", origin.detector)] if origin.arn else []
    if not sample:
        edges += _possession(origin, resources, is_open=not archived, primary=primary)
    properties: dict[str, Value] = {
        **(only_tags(primary.tags) if primary else {}),
        **identity(detail, origin),
        **state(detail, service, archived=archived),
        **type_parts(detail.required("type")),
        **service_facts(service),
        **principal_facts(detail.body("resource").body("accessKeyDetails")),
        **action.facts,
        **detection_facts(detail.body("resource"), service),
        **sequence.facts(),
        **threat_facts(service),
        **facts(targets=() if sample else targets_of(detail.body("resource"), resources)),
        **facts(attackSource=action.source),
    }
    if sample:
        properties |= {"sample": True, "_source": "sample-data"}
    return witness.saw(
        origin.finding,
        "finding",
        properties,
        edges,
        place=origin.place if origin.arn else None,
        rank=_rank(service, archived=archived),
        collected=_collected((*action.remote_addresses, *sequence.remote_addresses())),
    )


def _possession(
    origin: Origin, resources: tuple[Resource, ...], *, is_open: bool, primary: Resource | None
) -> Iterator[Edge]:
    yield incoming("HAS" if is_open else "HAD", stubs.account(origin.place))
    yield from stubs.finding_edges(resources, is_open=is_open, primary=primary.thing if primary else None)


def _rank(service: Body, *, archived: bool) -> int:
    """Order states of equal time: the higher count, then the archived one."""
    return int(service.number("count") or 0) * 2 + archived


def _collected(remote: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Gather the addresses; what is none, as in masked findings, would crowd them out."""
    addresses = distinct(address for address in remote if _is_address(address))[:LIST_LIMIT]
    return {"remoteIpAddresses": addresses, "actorIpAddresses": addresses} if addresses else {}


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _detector_stub(origin: Origin, witness: Witness) -> GraphChange:
    service = stubs.service(kinds.GUARDDUTY, origin.place.everywhere())
    return witness.of_key(origin.detector, service)


def _remote_account(detail: Body, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the account a call came from, if it belongs to the same organisation."""
    remote = detail.body("service").body("action").body("awsApiCallAction").body("remoteAccountDetails")
    id_ = remote.text("accountId")
    if id_ and ACCOUNT_ID.fullmatch(id_) and remote.flag("affiliated"):
        yield stubs.mentioned_account(witness, Place(place.partition, id_))
