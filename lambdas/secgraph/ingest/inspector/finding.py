"""An Inspector finding → GraphChange…, the finding first.

In: `detail` of its event, or one element of a ListFindings answer, which has the same form. The owner is what
the body says (`awsAccountId`), so the copies of administrator and member say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import EventError
from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Arn, Place, arn_of, partition_of
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.details import code_facts, network_facts, package_facts
from secgraph.ingest.inspector.resources import affected
from secgraph.ingest.inspector.scores import score_facts
from secgraph.ingest.inspector.vulnerabilities import Vulnerabilities, vulnerabilities_of
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import only_tags
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import distinct, facts

_RANKS: Final[Mapping[str, int]] = {"ACTIVE": 0, "SUPPRESSED": 1, "CLOSED": 2}
_HOST_TYPES: Final = ("AWS_EC2_INSTANCE", "MACHINE_IMAGE")
_CATEGORIES: Final[Mapping[str, str]] = {
    "NETWORK_REACHABILITY": "network",
    "CODE_VULNERABILITY": "application",
}


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a finding is: its ARN, where it lives, its state and its clock."""

    thing: Thing
    place: Place
    status: str
    updated_on: int

    @property
    def is_open(self) -> bool:
        return self.status == "ACTIVE"


def changes(detail: Body, received_on: int) -> Iterator[GraphChange]:
    """Say what a finding says of itself, of Inspector, the resources it names and their vulnerabilities.

    Raises EventError for a finding without ARN, type, status, severity or `updatedAt`, for one of Azure, and
    for a wrong type anywhere.
    """
    finding = _read(detail)
    witness = Witness("inspector2", kinds.INSPECTOR_FINDING.type, finding.updated_on, received_on)
    resources = affected(detail, finding.place, finding.thing, witness, is_open=finding.is_open)
    vulnerabilities = vulnerabilities_of(detail, witness)
    yield _change(detail, finding, witness, resources, vulnerabilities)
    yield from stubs.service_stubs(witness, kinds.INSPECTOR, finding.place)
    for resource in resources:
        yield from resource.changes
    yield from vulnerabilities.changes


def _read(detail: Body) -> _Finding:
    text = detail.identifier("findingArn")
    if text is None:
        raise EventError(
            "is missing: a finding without its ARN cannot be told from others", detail.at("findingArn")
        )
    _refuse_azure(detail)
    arn = _finding_arn(text, detail.at("findingArn"))
    place = Place(_partition(detail, arn), detail.identifier("awsAccountId") or arn.account, arn.region)
    status = detail.required("status").upper()
    if status not in _RANKS:
        raise EventError(f"{status[:40]!r} is none of {', '.join(_RANKS)}", detail.at("status"))
    updated_on = detail.moment("updatedAt")
    if updated_on is None:
        raise EventError("is missing: it orders the states of a finding", detail.at("updatedAt"))
    id_ = arn.resource.rpartition("/")[2]
    return _Finding(Thing(kinds.INSPECTOR_FINDING, text, id_, place), place, status, updated_on)


def _refuse_azure(detail: Body) -> None:
    for resource in detail.bodies("resources"):
        type_ = resource.text("type") or ""
        if type_.startswith("Microsoft.") or (resource.text("provider") or "").upper() == "AZURE":
            raise EventError(
                f"{type_[:80]!r} is an Azure resource; Azure findings are read by a later release, "
                "and the event is kept and can be replayed",
                resource.at("type"),
            )


def _finding_arn(text: str, path: str) -> Arn:
    arn = arn_of(text)
    if arn and arn.service == "inspector":
        raise EventError("is a finding of Inspector Classic, which ended in May 2026 and is not read", path)
    named = arn is not None and arn.service == "inspector2" and arn.resource.startswith("finding/")
    if arn is None or not named or not arn.region or not arn.account or arn.resource.endswith("/"):
        raise EventError(
            f"{text[:200]!r} is not the ARN of an Inspector finding "
            "(arn:aws:inspector2:REGION:ACCOUNT:finding/ID)",
            path,
        )
    return arn


def _partition(detail: Body, arn: Arn) -> str:
    stated = (resource.text("partition") for resource in detail.bodies("resources"))
    return partition_of(next(stated, None), arn)


def _change(
    detail: Body,
    finding: _Finding,
    witness: Witness,
    resources: tuple[Resource, ...],
    vulnerabilities: Vulnerabilities,
) -> GraphChange:
    edges: list[Edge] = [
        incoming("IDENTIFIED", stubs.service(kinds.INSPECTOR, finding.place)),
        *stubs.finding_edges(resources, is_open=finding.is_open, primary=None),
        *(outgoing("IS", vulnerability) for vulnerability in vulnerabilities.things),
    ]
    properties: dict[str, Value] = {
        **(only_tags(resources[0].tags) if resources else {}),
        **_identity(detail, finding),
        **_state(detail, finding),
        **score_facts(detail),
        **_remedy(detail),
        **package_facts(detail.body("packageVulnerabilityDetails")),
        **network_facts(detail.body("networkReachabilityDetails")),
        **code_facts(detail.body("codeVulnerabilityDetails")),
        **_resource_facts(detail, resources),
    }
    return witness.saw(
        finding.thing, "finding", properties, edges, place=finding.place, rank=_RANKS[finding.status]
    )


def _identity(detail: Body, finding: _Finding) -> dict[str, Value]:
    type_ = detail.required("type")
    title = (
        detail.text("title") or detail.body("packageVulnerabilityDetails").text("vulnerabilityId") or type_
    )
    region = finding.place.region
    return facts(
        id=finding.thing.id,
        arn=finding.thing.key,
        type=type_,
        name=title,
        displayName=title,
        description=detail.text("description"),
        category=_category(detail, type_),
        inspectorVersion=2,
        webLink=finding.place.console(f"inspector/v2/home?region={region}#/findings/all"),
    )


def _category(detail: Body, type_: str) -> str:
    """Place the finding: on a host's network, on the host, or in an application (data-model c.3)."""
    if type_ in _CATEGORIES:
        return _CATEGORIES[type_]
    types = {resource.text("type") for resource in detail.bodies("resources")}
    return "application" if types.isdisjoint(_HOST_TYPES) else "host"


def _state(detail: Body, finding: _Finding) -> dict[str, Value]:
    first_seen = detail.moment("firstObservedAt")
    return facts(
        status=finding.status.lower(),
        open=finding.is_open,
        active=finding.is_open,
        suppressed=finding.status == "SUPPRESSED",
        closedOn=finding.updated_on if finding.status == "CLOSED" else None,
        createdOn=first_seen,
        firstSeenOn=first_seen,
        lastSeenOn=detail.moment("lastObservedAt"),
        updatedOn=finding.updated_on,
        scanId=detail.text("scanId"),
    )


def _remedy(detail: Body) -> dict[str, Value]:
    advice = detail.body("remediation").body("recommendation")
    text, fix = advice.text("text"), detail.text("fixAvailable")
    exploit = detail.text("exploitAvailable")
    return facts(
        recommendation=None if text == "None Provided" else text,
        recommendationUrl=advice.text("Url") or advice.text("url"),
        fixAvailable=None if fix is None else fix.upper() in ("YES", "PARTIAL"),
        fixStatus=fix,
        exploitAvailable=None if exploit is None else exploit.upper() == "YES",
        lastKnownExploitOn=detail.body("exploitabilityDetails").moment("lastKnownExploitAt"),
        epssScore=detail.body("epss").number("score"),
    )


def _resource_facts(detail: Body, resources: tuple[Resource, ...]) -> dict[str, Value]:
    """Name what is affected. A resource that becomes no entity here is still named by its type and,
    where it is a code repository's project, as a target."""
    bodies = detail.bodies("resources")
    targets = [resource.target for resource in resources]
    projects = [body.body("details").body("codeRepository").text("projectName") for body in bodies]
    hosts = [body.body("details").body("awsEc2Instance") for body in bodies]
    images = [body.body("details").body("awsEcrContainerImage") for body in bodies]
    return facts(
        resourceType=next((body.text("type") for body in bodies), None),
        targets=distinct([*targets, *projects]),
        imageId=next((host.text("imageId") for host in hosts), None),
        platform=next((each.text("platform") for each in (*hosts, *images) if each), None),
    )
