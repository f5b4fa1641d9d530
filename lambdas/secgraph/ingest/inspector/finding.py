"""An Inspector finding → GraphChange…, the finding first.

In: `detail` of its event, or one element of a ListFindings answer, which has the same form. The owner is what
the body says (`awsAccountId`), so the copies of administrator and member say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.details import code_facts, network_facts, package_facts
from secgraph.ingest.inspector.origin import SOURCE, Origin, origin_of
from secgraph.ingest.inspector.resources import affected
from secgraph.ingest.inspector.scores import score_facts
from secgraph.ingest.inspector.vulnerabilities import vulnerabilities_of
from secgraph.ingest.inspector.weaknesses import weakness_changes, weaknesses_of
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import only_tags
from secgraph.ingest.things import Witness, incoming, outgoing
from secgraph.ingest.values import distinct, facts

_HOST_TYPES: Final = ("AWS_EC2_INSTANCE", "MACHINE_IMAGE")
_CATEGORIES: Final[Mapping[str, str]] = {
    "NETWORK_REACHABILITY": "network",
    "CODE_VULNERABILITY": "application",
}


def changes(detail: Body, received_on: int) -> Iterator[GraphChange]:
    """Say what a finding says of itself, of Inspector, the resources it names and their vulnerabilities.

    Raises EventError for a finding without ARN, type, status, severity or `updatedAt`, for one of Azure, and
    for a wrong type anywhere.
    """
    origin = origin_of(detail)
    witness = Witness(SOURCE, kinds.INSPECTOR_FINDING.type, origin.updated_on, received_on)
    seen = replace(witness, time=origin.seen_on)
    resources = affected(detail, origin, seen)
    vulnerabilities = vulnerabilities_of(detail, seen)
    weaknesses = weaknesses_of(detail.body("codeVulnerabilityDetails"))
    edges: list[Edge] = [
        incoming("IDENTIFIED", stubs.service(kinds.INSPECTOR, origin.place)),
        *stubs.finding_edges(resources, is_open=origin.is_open, primary=None),
        *(outgoing("IS", vulnerability) for vulnerability in vulnerabilities.things),
        *(outgoing("EXPLOITS", weakness) for weakness in weaknesses),
    ]
    properties = _properties(detail, origin, resources)
    yield witness.saw(origin.finding, "finding", properties, edges, place=origin.place, rank=origin.rank)
    yield from stubs.service_stubs(witness, kinds.INSPECTOR, origin.place)
    for resource in resources:
        yield from resource.changes
    yield from vulnerabilities.changes
    yield from weakness_changes(weaknesses, seen)


def _properties(detail: Body, origin: Origin, resources: tuple[Resource, ...]) -> dict[str, Value]:
    return {
        **(only_tags(resources[0].tags) if resources else {}),
        **_identity(detail, origin),
        **_state(detail, origin),
        **score_facts(detail),
        **_remedy(detail),
        **package_facts(detail.body("packageVulnerabilityDetails")),
        **network_facts(detail.body("networkReachabilityDetails")),
        **code_facts(detail.body("codeVulnerabilityDetails")),
        **_resource_facts(detail, resources),
    }


def _identity(detail: Body, origin: Origin) -> dict[str, Value]:
    type_ = detail.required("type")
    title = (
        detail.text("title") or detail.body("packageVulnerabilityDetails").text("vulnerabilityId") or type_
    )
    region = origin.place.region
    return facts(
        id=origin.finding.id,
        arn=origin.finding.key,
        type=type_,
        name=title,
        displayName=title,
        description=detail.text("description"),
        category=_category(detail, type_),
        inspectorVersion=2,
        webLink=origin.place.console(f"inspector/v2/home?region={region}#/findings/all"),
    )


def _category(detail: Body, type_: str) -> str:
    """Place the finding: on a host's network, on the host, or in an application (data-model c.3)."""
    if type_ in _CATEGORIES:
        return _CATEGORIES[type_]
    types = {resource.text("type") for resource in detail.bodies("resources")}
    return "application" if types.isdisjoint(_HOST_TYPES) else "host"


def _state(detail: Body, origin: Origin) -> dict[str, Value]:
    first_seen = detail.moment("firstObservedAt")
    return facts(
        status=origin.status.lower(),
        open=origin.is_open,
        active=origin.is_open,
        suppressed=origin.status == "SUPPRESSED",
        closedOn=origin.updated_on if origin.is_closed else None,
        createdOn=first_seen,
        firstSeenOn=first_seen,
        lastSeenOn=detail.moment("lastObservedAt"),
        updatedOn=origin.updated_on,
        scanId=detail.text("scanId"),
    )


def _remedy(detail: Body) -> dict[str, Value]:
    advice = detail.body("remediation").body("recommendation")
    text, fix, exploit = (
        advice.text("text"),
        _answer(detail, "fixAvailable"),
        _answer(detail, "exploitAvailable"),
    )
    return facts(
        recommendation=None if text == "None Provided" else text,
        recommendationUrl=advice.text("Url") or advice.text("url"),
        fixAvailable=None if fix is None else fix in ("YES", "PARTIAL"),
        fixStatus=fix,
        exploitAvailable=None if exploit is None else exploit == "YES",
        lastKnownExploitOn=detail.body("exploitabilityDetails").moment("lastKnownExploitAt"),
        epssScore=detail.body("epss").number("score"),
    )


def _answer(detail: Body, name: str) -> str | None:
    """Read `YES`, `NO` or `PARTIAL`, which copies write as true and false."""
    word = (detail.text(name) or "").upper()
    return {"TRUE": "YES", "FALSE": "NO"}.get(word, word) or None


def _resource_facts(detail: Body, resources: tuple[Resource, ...]) -> dict[str, Value]:
    """Name what is affected. A resource that becomes no entity here is still named by its type and,
    where it is a code repository's project, as a target."""
    bodies = detail.bodies("resources")
    hosts = [body.body("details").body("awsEc2Instance") for body in bodies]
    images = [body.body("details").body("awsEcrContainerImage") for body in bodies]
    return facts(
        resourceType=next((body.text("type") for body in bodies), None),
        targets=distinct(resource.target for resource in resources),
        imageId=next((host.text("imageId") for host in hosts), None),
        platform=next((each.text("platform") for each in (*hosts, *images) if each), None),
    )
