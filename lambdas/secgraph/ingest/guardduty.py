"""A GuardDuty finding (`detail` of its event) → GraphChange…, the finding first.

The owner is what the body says (`accountId`), never the account whose bus delivered it, so the copies of
administrator and member say the same. Samples are linked to their detector and to nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import stubs, things
from secgraph.ingest.aws import Place, arn_of, partition_of
from secgraph.ingest.body import Body, json_text
from secgraph.ingest.guardduty_action import Action, action_of
from secgraph.ingest.guardduty_detection import detection_facts
from secgraph.ingest.guardduty_resources import affected, mentioned_accounts
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import only_tags
from secgraph.ingest.things import Thing, Witness, incoming
from secgraph.ingest.values import distinct, facts, text

_DETECTOR_AND_ID: Final = re.compile(r"detector/(?P<detector>[^/]+)/finding/(?P<id>[^/]+)")
_TYPE: Final = re.compile(
    r"(?P<purpose>[^:/]+):(?P<resource>[^/]+)/(?P<family>[^.!]+)(\.(?P<mechanism>[^!]+))?(!(?P<artifact>.+))?"
)
_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
_PRIMARY_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "Instance": ("aws_instance",),
    "AccessKey": ("aws_iam_access_key", "aws_iam_user", "aws_iam_role"),
    "S3Bucket": ("aws_s3_bucket",),
    "S3Object": ("aws_s3_bucket",),
}
"""Which of the things a finding affects its `resourceType` means, the first that is there."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a finding comes from: its ARN and id, owner and region, and detector."""

    arn: str
    id: str
    place: Place
    detector_id: str

    @property
    def finding(self) -> Thing:
        return Thing(things.GUARDDUTY_FINDING, self.arn, self.id, self.place)

    @property
    def detector(self) -> Thing:
        arn = self.place.arn("guardduty", f"detector/{self.detector_id}")
        return Thing(things.DETECTOR, arn, self.detector_id, self.place)


def changes(detail: Body, received_on: int) -> Iterator[GraphChange]:
    """Say what a finding says of itself, its detector and account, and the resources it names.

    Raises EventError for a finding without ARN, type, severity or `updatedAt`, and for a wrong type anywhere.
    """
    origin = _origin(detail)
    witness = Witness("guardduty", things.GUARDDUTY_FINDING.type, _updated_on(detail), received_on)
    if _is_sample(detail.body("service").body("additionalInfo")):
        yield _finding(detail, origin, witness, (), sample=True)
        yield _detector_stub(origin, witness)
        return
    resources = affected(detail.body("resource"), origin.place, witness)
    yield _finding(detail, origin, witness, resources, sample=False)
    yield _detector_stub(origin, witness)
    yield from stubs.service_stubs(witness, things.GUARDDUTY, origin.place.everywhere())
    yield from _remote_account(detail, origin.place, witness)
    yield from mentioned_accounts(detail.body("resource").body("accessKeyDetails"), origin.place, witness)
    for resource in resources:
        yield from resource.changes


def severity_band(number: float) -> str:
    """Name the band of a GuardDuty severity (data-model b.4)."""
    return next(name for least, name in _BANDS if number >= least)


def _origin(detail: Body) -> _Origin:
    text = detail.identifier("arn")
    if text is None:
        raise EventError("is missing: a finding without its ARN cannot be told from others", detail.at("arn"))
    arn = arn_of(text)
    found = _DETECTOR_AND_ID.fullmatch(arn.resource) if arn and arn.service == "guardduty" else None
    if arn is None or found is None or not arn.region or not arn.account:
        raise EventError(
            f"{text[:200]!r} is not the ARN of a GuardDuty finding "
            "(arn:aws:guardduty:REGION:ACCOUNT:detector/DETECTOR/finding/ID)",
            detail.at("arn"),
        )
    place = Place(
        partition=partition_of(detail.text("partition"), arn),
        account=detail.identifier("accountId") or arn.account,
        region=detail.identifier("region") or arn.region,
    )
    detector_id = detail.body("service").identifier("detectorId") or found["detector"]
    return _Origin(text, found["id"], place, detector_id)


def _updated_on(detail: Body) -> int:
    moment = detail.moment("updatedAt")
    if moment is None:
        raise EventError("is missing: it orders the states of a finding", detail.at("updatedAt"))
    return moment


def _finding(
    detail: Body, origin: _Origin, witness: Witness, resources: tuple[Resource, ...], *, sample: bool
) -> GraphChange:
    service = detail.body("service")
    archived = service.flag("archived") or False
    action = action_of(service.body("action"))
    primary = _primary(detail, resources)
    edges = [incoming("IDENTIFIED", origin.detector)]
    if not sample:
        edges += _possession(origin, resources, is_open=not archived, primary=primary)
    properties: dict[str, Value] = {
        **(only_tags(primary.tags) if primary else {}),
        **_identity(detail, origin),
        **_state(detail, service, archived=archived),
        **_type_parts(detail.required("type")),
        **_service_facts(service),
        **_principal_facts(detail.body("resource").body("accessKeyDetails")),
        **action.facts,
        **detection_facts(detail.body("resource"), service),
        **_threat_facts(service),
        **facts(targets=() if sample else _targets(detail.body("resource"), resources)),
        **facts(attackSource=action.source),
    }
    if sample:
        properties |= {"sample": True, "_source": "sample-data"}
    return witness.saw(
        origin.finding,
        "finding",
        properties,
        edges,
        place=origin.place,
        rank=_rank(service, archived=archived),
        collected=_collected(action),
    )


def _possession(
    origin: _Origin, resources: tuple[Resource, ...], *, is_open: bool, primary: Resource | None
) -> Iterator[Edge]:
    yield incoming("HAS" if is_open else "HAD", stubs.account(origin.place))
    yield from stubs.finding_edges(resources, is_open=is_open, primary=primary.thing if primary else None)


def _rank(service: Body, *, archived: bool) -> int:
    """Order states of equal time: the higher count, then the archived one."""
    return int(service.number("count") or 0) * 2 + archived


def _collected(action: Action) -> dict[str, tuple[str, ...]]:
    addresses = tuple(text(address) for address in action.remote_addresses)
    return {"remoteIpAddresses": addresses, "actorIpAddresses": addresses} if addresses else {}


def _identity(detail: Body, origin: _Origin) -> dict[str, Value]:
    type_ = detail.required("type")
    title = detail.text("title") or type_
    page = f"guardduty/home?region={origin.place.region}#/findings?macros=current&fId={origin.id}"
    return facts(
        id=origin.id,
        arn=origin.arn,
        type=type_,
        name=type_,
        displayName=title,
        summary=title,
        description=detail.text("description"),
        category="event",
        partition=origin.place.partition,
        schemaVersion=detail.text("schemaVersion"),
        confidence=detail.number("confidence"),
        detectorId=origin.detector_id,
        resourceType=detail.body("resource").text("resourceType"),
        attackSequenceArn=detail.text("associatedAttackSequenceArn"),
        webLink=origin.place.console(page),
    )


def _state(detail: Body, service: Body, *, archived: bool) -> dict[str, Value]:
    number = detail.number("severity")
    if number is None or not 0 <= number <= 10:
        raise EventError("expected a number from 0 to 10", detail.at("severity"))
    band = severity_band(number)
    updated_on = _updated_on(detail)
    return facts(
        severity=band,
        j1_severity=band,
        numericSeverity=number,
        score=number,
        archived=archived,
        open=not archived,
        active=not archived,
        status="archived" if archived else "open",
        closedOn=updated_on if archived else None,
        createdOn=detail.moment("createdAt"),
        updatedOn=updated_on,
        firstSeenOn=service.moment("eventFirstSeen"),
        lastSeenOn=service.moment("eventLastSeen"),
        count=service.number("count"),
    )


def _type_parts(type_: str) -> dict[str, Value]:
    """Take `Purpose:Resource/Family.Mechanism!Artifact` apart; a type of another form has no parts."""
    found = _TYPE.fullmatch(type_)
    if found is None:
        return {}
    return facts(
        threatPurpose=found["purpose"],
        threatCategory=found["purpose"].lower(),
        resourceTypeAffected=found["resource"],
        threatFamily=found["family"],
        detectionMechanism=found["mechanism"],
        artifact=found["artifact"],
    )


def _service_facts(service: Body) -> dict[str, Value]:
    return facts(
        {name: service.text(name) for name in ("serviceName", "featureName", "userFeedback")}
    ) | facts(resourceRole=service.text("resourceRole"))


def _principal_facts(key: Body) -> dict[str, Value]:
    """Say whose credentials were used; `userName` only where it is the name of a person's user, since for
    an assumed role AWS gives the role's name there."""
    user_type, name, principal = key.text("userType"), key.text("userName"), key.text("principalId")
    assumed = user_type in ("AssumedRole", "Role")
    role_id, _, session = (principal or "").partition(":")
    return facts(
        accessKeyId=key.text("accessKeyId"),
        principalId=principal,
        userType=user_type,
        userName=name if user_type in ("IAMUser", "Root", "FederatedUser") else None,
        userId=principal if user_type == "IAMUser" else None,
        roleName=name if assumed else None,
        roleId=(role_id or None) if assumed else None,
        roleSessionName=(session or None) if assumed else None,
    )


def _threat_facts(service: Body) -> dict[str, Value]:
    more = service.body("additionalInfo")
    intelligence = service.body("evidence").bodies("threatIntelligenceDetails")
    lists = distinct(
        [_lone_text(more, "threatListName"), *(each.text("threatListName") for each in intelligence)]
    )
    rest = {
        name: held for name, held in more.held.items() if name != "sample" and held not in (None, "", {}, [])
    }
    return facts(
        additionalInfo=json_text(rest, more.path) if rest else None,
        threatName=_lone_text(more, "threatName"),
        threatList=lists[0] if lists else None,
        threatLists=lists,
        threatNames=distinct(name for each in intelligence for name in each.texts("threatNames")),
        threatFileSha256=distinct(each.text("threatFileSha256") for each in intelligence),
    )


def _lone_text(body: Body, name: str) -> str | None:
    """Read a free key of `additionalInfo` where it is a text; AWS gives its keys no fixed type."""
    held = body.held.get(name)
    return held if isinstance(held, str) and held.strip() else None


def _is_sample(more: Body) -> bool:
    """Tell a generated sample: `sample` is true among the free keys or inside the JSON text of `value`."""
    if more.held.get("sample") is True:
        return True
    value = more.held.get("value")
    if not isinstance(value, str) or "sample" not in value:
        return False
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        # `value` is free text; what is no JSON says nothing of samples
        return False
    return isinstance(inner, dict) and inner.get("sample") is True


_ARNS_OF_OTHER_BLOCKS: Final = (
    ("eksClusterDetails", "arn"),
    ("ecsClusterDetails", "arn"),
    ("lambdaDetails", "functionArn"),
    ("rdsDbInstanceDetails", "dbInstanceArn"),
    ("rdsLimitlessDbDetails", "dbShardGroupArn"),
    ("ebsSnapshotDetails", "snapshotArn"),
    ("ec2ImageDetails", "imageArn"),
    ("recoveryPointDetails", "recoveryPointArn"),
)


def _targets(resource: Body, resources: tuple[Resource, ...]) -> tuple[str, ...]:
    """List what the finding affects: instance ids, else ARNs, and the access key of an access key finding.

    Also of the blocks that become no entity here.
    """
    named = [each.target for each in resources]
    if resource.text("resourceType") == "AccessKey":
        named.append(resource.body("accessKeyDetails").text("accessKeyId") or "")
    for block, name in _ARNS_OF_OTHER_BLOCKS:
        named.append(resource.body(block).text(name) or "")
    named.append(resource.body("ecsClusterDetails").body("taskDetails").text("arn") or "")
    for volume in resource.body("ebsVolumeDetails").bodies("scannedVolumeDetails"):
        named.append(volume.text("volumeArn") or "")
    return distinct(named)


def _primary(detail: Body, resources: tuple[Resource, ...]) -> Resource | None:
    by_type = {resource.thing.kind.type: resource for resource in reversed(resources)}
    wanted = _PRIMARY_TYPES.get(detail.body("resource").text("resourceType") or "", ())
    return next((by_type[type_] for type_ in wanted if type_ in by_type), None)


def _detector_stub(origin: _Origin, witness: Witness) -> GraphChange:
    service = stubs.service(things.GUARDDUTY, origin.place.everywhere())
    return witness.of_key(origin.detector, incoming("HAS", service))


def _remote_account(detail: Body, place: Place, witness: Witness) -> Iterator[GraphChange]:
    """State the account a call came from, if it belongs to the same organisation."""
    remote = detail.body("service").body("action").body("awsApiCallAction").body("remoteAccountDetails")
    id_ = remote.identifier("accountId")
    if id_ and remote.flag("affiliated"):
        yield stubs.mentioned_account(witness, Place(place.partition, id_))
