"""`Inspector2 Coverage` and `Inspector2 Scan` events → which resources Inspector scans, and since when.

Both speak of one resource and one kind of scan (PACKAGE, NETWORK, CODE), and share a block of the resource
for it: a scan that ended before the coverage did must not bring it back. Their clock is the moment at which
they were sent, which both have; within a second the coverage's own timestamp decides. That block is no sight
of the resource, since coverage also ends for what is gone; a scan, and coverage that begins, are sights and
say so in a block of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import GraphChange
from secgraph.graph.settled import COVERAGE, STATE
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import ACCOUNT_ID, Arn, Place, arn_of, partition_in
from secgraph.ingest.body import checked_identifier
from secgraph.ingest.event import SourceEvent
from secgraph.ingest.inspector.code_repository import named_code_repository
from secgraph.ingest.inspector.function import named_function
from secgraph.ingest.inspector.images import named_image, named_machine_image, named_repository
from secgraph.ingest.inspector.instance import named_instance
from secgraph.ingest.inspector.origin import SOURCE, refuse_azure
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Thing, Witness, incoming
from secgraph.ingest.values import facts

_SCAN_TYPE: Final = re.compile(r"[A-Z]{2,20}(_[A-Z]{1,20}){0,3}")
_PACKAGES: Final = "PACKAGE"
_STATES: Final = ("ACTIVE", "INACTIVE")
_TERMINATED: Final = "RESOURCE_TERMINATED"
_COMPLETE: Final = "INITIAL_SCAN_COMPLETE"

_Namer = Callable[[str, str, Place, Witness], Resource]


def coverage_changes(event: SourceEvent, received_on: int) -> Iterator[GraphChange]:
    """Say that Inspector scans a resource, or no longer and why; a terminated resource is gone.

    Raises EventError for an unknown state or kind of scan, and for a resource that cannot be named.
    """
    detail = event.detail
    status = detail.body("scanStatus")
    state = status.required("statusCodeValue").upper()
    if state not in _STATES:
        raise EventError(f"{state[:40]!r} is none of {', '.join(_STATES)}", status.at("statusCodeValue"))
    scan_type = detail.required("scanType").upper()
    if not _SCAN_TYPE.fullmatch(scan_type):
        raise EventError(f"{scan_type[:40]!r} is no kind of scan (PACKAGE, NETWORK)", detail.at("scanType"))
    reason, rank = status.text("reason"), detail.moment("eventTimestamp") or 0
    witness = _witness(_sent_on(event), received_on)
    ids = event.envelope.texts("resources")
    for resource, owner in _resources(event, ids, "resources", witness):
        scanner = stubs.service(kinds.INSPECTOR, owner) if state == "ACTIVE" else None
        yield _covered(resource, scan_type, witness, scanner, reason=reason, rank=rank)
        if scanner:
            yield witness.saw(resource.thing, "covered", {})
        if state == "INACTIVE" and reason == _TERMINATED:
            yield witness.saw(resource.thing, STATE, {"_deleted": True})
        yield from resource.changes
        yield from stubs.service_stubs(witness, kinds.INSPECTOR, owner)


def scan_changes(event: SourceEvent, received_on: int) -> Iterator[GraphChange]:
    """Say that the first scan of a resource ended. How much it found is left to the findings, which are
    closed one by one while these numbers would stay.

    Raises EventError for an unknown state and for a resource that cannot be named.
    """
    detail = event.detail
    status = detail.required("scan-status")
    if status != _COMPLETE:
        raise EventError(
            f"{status[:40]!r} is no state of a scan that secgraph knows", detail.at("scan-status")
        )
    witness = _witness(_sent_on(event), received_on)
    for resource, owner in _resources(event, *_scanned(event), witness):
        yield _covered(resource, _PACKAGES, witness, stubs.service(kinds.INSPECTOR, owner))
        yield witness.saw(resource.thing, "scan", facts(lastScannedOn=witness.time))
        yield from resource.changes
        yield from stubs.service_stubs(witness, kinds.INSPECTOR, owner)


def _witness(time: int, received_on: int) -> Witness:
    return Witness(SOURCE, kinds.INSPECTOR_FINDING.type, time, received_on)


def _sent_on(event: SourceEvent) -> int:
    moment = event.envelope.moment("time")
    if not moment:
        raise EventError("is missing: it orders what is said of a resource's scans", "time")
    return moment


def _scanned(event: SourceEvent) -> tuple[tuple[str, ...], str]:
    """Give the ids of the resource that was scanned, and the field that holds them."""
    detail = event.detail
    if instance_id := detail.text("instance-id"):
        return (instance_id,), detail.at("instance-id")
    repository, digest = detail.text("repository-name"), detail.text("image-digest")
    if repository and digest:
        return (f"{repository}/{digest}",), detail.at("repository-name")
    return event.envelope.texts("resources"), "resources"


def _resources(
    event: SourceEvent, ids: tuple[str, ...], path: str, witness: Witness
) -> Iterator[tuple[Resource, Place]]:
    """Name the resources, each with its owner."""
    if not ids:
        raise EventError("is missing or empty: it names the resource", path)
    for id_ in ids:
        provider = event.detail.text("provider")
        refuse_azure("AZURE" if id_.startswith("/subscriptions/") else provider, id_, path)
        arn = arn_of(checked_identifier(id_, path))
        owner = _owner(event, arn)
        yield _namer(id_, arn, path)(id_, path, owner, witness), owner


def _namer(id_: str, arn: Arn | None, path: str) -> _Namer:
    """Tell by its id what a resource is."""
    if id_.startswith("i-") or (arn and arn.service == "ec2" and arn.resource.startswith("instance/i-")):
        return named_instance
    if id_.startswith("ami-") or (arn and arn.service == "ec2" and arn.resource.startswith("image/ami-")):
        return named_machine_image
    if arn and arn.service == "ecr":
        return named_image if "sha256:" in arn.resource else named_repository
    if arn and arn.service == "lambda":
        return named_function
    if id_.startswith("project-") or (arn and arn.service == "inspector2"):
        return named_code_repository
    raise EventError(f"{id_[:200]!r} is no resource that secgraph knows Inspector to scan", path)


def _owner(event: SourceEvent, arn: Arn | None) -> Place:
    """Give the owner of the resource: what its ARN says, else the event, and at last its bus."""
    detail = event.detail
    region = (arn.region if arn else "") or detail.identifier("providerRegion") or event.region
    account = (arn.account if arn else "") or detail.identifier("providerAccountId") or event.account
    if not region or not ACCOUNT_ID.fullmatch(account):
        raise EventError("is missing: with the region it tells whose the resource is", "account")
    return Place(
        arn.partition if arn else partition_in(region), account, checked_identifier(region, "region")
    )


def _covered(
    resource: Resource,
    scan_type: str,
    witness: Witness,
    scanner: Thing | None,
    *,
    reason: str | None = None,
    rank: int = 0,
) -> GraphChange:
    """State that the resource is scanned, by whom, or by nobody and why."""
    first, *more = scan_type.lower().split("_")
    name = first + "".join(map(str.capitalize, more))
    known = facts({f"{name}ScanStatus": "active" if scanner else "inactive", f"{name}ScanReason": reason})
    edges = (incoming("SCANS", scanner),) if scanner else ()
    return witness.saw(resource.thing, f"{COVERAGE}/{scan_type}", known, edges, rank=rank)
