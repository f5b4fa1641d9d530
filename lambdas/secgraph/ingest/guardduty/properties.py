"""A GuardDuty finding → the properties of its entity, but for action and detection (data-model b.3)."""

from __future__ import annotations

import re
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.origin import Origin, updated_on
from secgraph.ingest.stubs import Resource
from secgraph.ingest.values import distinct, facts

_TYPE: Final = re.compile(
    r"(?P<purpose>[^:/]+):(?P<resource>[^/]+)/(?P<family>[^.!]+)(\.(?P<mechanism>[^!]+))?(!(?P<artifact>.+))?"
)


_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))


def severity_band(number: float) -> str:
    """Name the band of a GuardDuty severity (data-model b.4)."""
    return next(name for least, name in _BANDS if number >= least)


def identity(detail: Body, origin: Origin) -> dict[str, Value]:
    """Say what the finding is and what it is called."""
    type_ = detail.required("type")
    title = detail.text("title") or type_
    page = f"guardduty/home?region={origin.place.region}#/findings?macros=current&fId={origin.id}"
    return facts(
        id=origin.id,
        arn=origin.arn or None,
        type=type_,
        name=type_,
        displayName=title,
        summary=title,
        description=detail.text("description"),
        category="event",
        partition=origin.place.partition,
        schemaVersion=detail.text("schemaVersion"),
        confidence=detail.number("confidence"),
        detectorId=origin.detector_id or None,
        resourceType=detail.body("resource").text("resourceType"),
        attackSequenceArn=detail.text("associatedAttackSequenceArn"),
        webLink=origin.place.console(page) if origin.place.region else None,
    )


def state(detail: Body, service: Body, *, archived: bool) -> dict[str, Value]:
    """Say how bad it is, whether it is open, and when it was seen."""
    number = detail.number("severity")
    if number is None or not 0 <= number <= 10:
        raise EventError("expected a number from 0 to 10", detail.at("severity"))
    band = severity_band(number)
    changed_on = updated_on(detail)
    return facts(
        severity=band,
        j1_severity=band,
        numericSeverity=number,
        score=number,
        **standing(changed_on, archived=archived),
        createdOn=detail.moment("createdAt"),
        updatedOn=changed_on,
        firstSeenOn=service.moment("eventFirstSeen"),
        lastSeenOn=service.moment("eventLastSeen"),
        count=service.number("count"),
    )


def standing(since: int, *, archived: bool) -> dict[str, Value]:
    """Say whether it is open: archiving closes it, since a moment (epoch ms)."""
    return facts(
        archived=archived,
        open=not archived,
        active=not archived,
        status="archived" if archived else "open",
        closedOn=since if archived else None,
    )


def type_parts(type_: str) -> dict[str, Value]:
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


def service_facts(service: Body) -> dict[str, Value]:
    """Say which part of GuardDuty speaks, and the role of the resource."""
    names = ("serviceName", "featureName", "userFeedback", "resourceRole")
    return facts({name: service.text(name) for name in names})


def principal_facts(key: Body) -> dict[str, Value]:
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


def targets_of(resource: Body, resources: tuple[Resource, ...]) -> tuple[str, ...]:
    """List what the finding affects: instance ids, else ARNs, and the access key of an access key finding.

    Never a bare name, which could be anybody's.
    """
    named = [each.target for each in resources]
    if resource.text("resourceType") == "AccessKey":
        named.append(resource.body("accessKeyDetails").text("accessKeyId") or "")
    return distinct(named)
