"""Runtime, malware, anomaly and session blocks of a GuardDuty finding → properties of the finding."""

from __future__ import annotations

from secgraph.graph.model import Value
from secgraph.ingest.body import Body
from secgraph.ingest.values import distinct, facts


def detection_facts(resource: Body, service: Body) -> dict[str, Value]:
    """Read the blocks that describe what was detected; the resources themselves are read elsewhere."""
    return {
        **_runtime(service.body("runtimeDetails")),
        **_volume_scan(service.body("ebsVolumeScanDetails")),
        **_object_scan(service.body("malwareScanDetails")),
        **facts(anomaly=service.body("detection").json("anomaly")),
        **_sequence(service.body("detection").body("sequence")),
        **_kubernetes_user(resource.body("kubernetesDetails").body("kubernetesUserDetails")),
        **_database_user(resource.body("rdsDbUserDetails")),
        **_objects(resource),
    }


def _runtime(runtime: Body) -> dict[str, Value]:
    process = runtime.body("process")
    return facts(
        processName=process.text("name"),
        processPath=process.text("executablePath"),
        processSha256=process.text("executableSha256"),
        processPid=process.number("pid"),
        processUser=process.text("user"),
        processUserId=process.number("userId"),
        processEuid=process.number("euid"),
        processPwd=process.text("pwd"),
        runtimeContext=runtime.json("context"),
    )


def _volume_scan(scan: Body) -> dict[str, Value]:
    found = scan.body("scanDetections")
    highest = found.body("highestSeverityThreatDetails")
    threats = found.body("threatDetectedByName").bodies("threatNames")
    files = [file for threat in threats for file in threat.bodies("filePaths")]
    return facts(
        scanId=scan.text("scanId"),
        scanType=scan.text("scanType"),
        triggerFindingId=scan.text("triggerFindingId"),
        scanSources=scan.texts("sources"),
        highestThreatName=highest.text("threatName"),
        highestThreatSeverity=highest.text("severity"),
        threatNames=distinct(threat.text("name") for threat in threats),
        threatFilePaths=distinct(file.text("filePath") for file in files),
        threatFileHashes=distinct(file.text("hash") for file in files),
        threatsDetectedCount=found.body("threatsDetectedItemCount").number("files"),
    )


def _object_scan(scan: Body) -> dict[str, Value]:
    threats = scan.bodies("threats")
    paths = [path for threat in threats for path in threat.bodies("itemPaths")]
    return facts(
        scanId=scan.text("scanId"),
        scanType=scan.text("scanType"),
        scanCategory=scan.text("scanCategory"),
        threatsDetectedCount=scan.number("uniqueThreatCount"),
        threatNames=distinct(threat.text("name") for threat in threats),
        threatFilePaths=distinct(path.text("nestedItemPath") for path in paths),
        threatFileHashes=distinct(path.text("hash") for path in paths),
    )


def _sequence(sequence: Body) -> dict[str, Value]:
    """Name the sequence; its actors, resources and signals are not taken apart yet."""
    signals = sequence.bodies("signals")
    return facts(
        sequenceUid=sequence.text("uid"),
        additionalSequenceTypes=sequence.texts("additionalSequenceTypes"),
        signalCount=len(signals) or None,
        signalNames=distinct(signal.text("name") for signal in signals),
    )


def _kubernetes_user(user: Body) -> dict[str, Value]:
    return facts(
        kubernetesUsername=user.text("username"),
        kubernetesUid=user.text("uid"),
        kubernetesGroups=user.texts("groups"),
        kubernetesSessionName=user.texts("sessionName"),
        impersonatedUser=user.body("impersonatedUser").text("username"),
    )


def _database_user(user: Body) -> dict[str, Value]:
    return facts(
        dbUser=user.text("user"),
        dbName=user.text("database"),
        dbApplication=user.text("application"),
        dbAuthMethod=user.text("authMethod"),
        dbSsl=user.text("ssl"),
    )


def _objects(resource: Body) -> dict[str, Value]:
    buckets = resource.bodies("s3BucketDetails")
    objects = [each for bucket in buckets for each in bucket.bodies("s3ObjectDetails")]
    return facts(
        objectArns=distinct(each.text("objectArn") for each in objects),
        objectHashes=distinct(each.text("hash") for each in objects),
    )
