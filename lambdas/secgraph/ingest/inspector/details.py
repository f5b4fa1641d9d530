"""The package, network and code blocks of an Inspector finding → properties of the finding."""

from __future__ import annotations

from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.inspector.vulnerabilities import CVE_ID
from secgraph.ingest.values import distinct, facts


def package_facts(package: Body) -> dict[str, Value]:
    """Read `packageVulnerabilityDetails`."""
    id_ = package.text("vulnerabilityId")
    found = package.bodies("vulnerablePackages")
    return facts(
        vulnerabilityId=id_,
        cve=id_.upper() if id_ and CVE_ID.fullmatch(id_.upper()) else None,
        relatedVulnerabilities=package.texts("relatedVulnerabilities"),
        source=package.text("source"),
        sourceUrl=package.text("sourceUrl"),
        vendorSeverity=package.text("vendorSeverity"),
        vendorCreatedOn=package.moment("vendorCreatedAt"),
        vendorUpdatedOn=package.moment("vendorUpdatedAt"),
        references=distinct([*package.texts("referenceUrls"), package.text("sourceUrl")]),
        packageNames=distinct(each.text("name") for each in found),
        packageVersions=distinct(_installed(each) for each in found),
        packages=distinct(_upgrade(each) for each in found),
        fixedInVersions=distinct(each.text("fixedInVersion") for each in found),
        packageArchitectures=distinct(each.text("arch") for each in found),
        packageRemediations=distinct(each.text("remediation") for each in found),
        packageManagers=distinct(each.text("packageManager") for each in found),
        filePaths=distinct(each.text("filePath") for each in found),
        sourceLayerHashes=distinct(each.text("sourceLayerHash") for each in found),
        sourceLambdaLayerArns=distinct(each.text("sourceLambdaLayerArn") for each in found),
    )


def _version(package: Body) -> str:
    """Give `[epoch:]version[-release]`; the epoch 0 is not written."""
    epoch, release = package.number("epoch"), package.text("release")
    version = package.text("version") or ""
    return f"{f'{epoch}:' if epoch else ''}{version}{f'-{release}' if release else ''}"


def _installed(package: Body) -> str | None:
    name, version = package.text("name"), _version(package)
    return f"{name}@{version}" if name and version else None


def _upgrade(package: Body) -> str | None:
    """Give `name installed -> fixed`, since lists that run in parallel lose their pairs."""
    name, fixed = package.text("name"), package.text("fixedInVersion")
    if name is None:
        return None
    return " ".join(part for part in (name, _version(package), f"-> {fixed}" if fixed else "") if part)


def network_facts(network: Body) -> dict[str, Value]:
    """Read `networkReachabilityDetails`."""
    if not network:
        return {}
    ports = network.body("openPortRange")
    begin, end = ports.number("begin"), ports.number("end")
    return facts(
        fromPort=begin,
        toPort=end,
        portRange=None if begin is None or end is None else f"{begin}-{end}",
        port=begin if begin == end else None,
        protocol=network.text("protocol"),
        networkPath=[f"{type_}={id_}" for type_, id_ in path_steps(network)],
        securityGroupIds=path_ids(network, "AWS::EC2::SecurityGroup"),
        eni=next(iter(path_ids(network, "AWS::EC2::NetworkInterface")), None),
    )


def path_steps(network: Body) -> list[tuple[str, str]]:
    """List the steps of the open path as (CloudFormation type, id)."""
    steps = network.body("networkPath").bodies("steps")
    named = ((step.text("componentType"), step.secondary("componentId")) for step in steps)
    return [(type_, id_) for type_, id_ in named if type_ and id_]


def path_ids(network: Body, wanted: str) -> tuple[str, ...]:
    """List the ids of the steps of one type."""
    return distinct(id_ for type_, id_ in path_steps(network) if type_ == wanted)


def code_facts(code: Body) -> dict[str, Value]:
    """Read `codeVulnerabilityDetails`."""
    if not code:
        return {}
    place, tags = code.body("filePath"), code.texts("detectorTags")
    return facts(
        cwe=code.texts("cwes"),
        detectorId=code.text("detectorId"),
        detectorName=code.text("detectorName"),
        detectorTags=tags,
        ruleId=code.text("ruleId"),
        fileName=place.text("fileName"),
        filePath=place.text("filePath"),
        path=place.text("filePath"),
        startLine=place.number("startLine"),
        endLine=place.number("endLine"),
        references=code.texts("referenceUrls"),
        sourceLambdaLayerArn=code.text("sourceLambdaLayerArn"),
        hasSecrets=True if "secrets" in map(str.lower, tags) else None,
    )
