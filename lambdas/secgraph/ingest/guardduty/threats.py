"""Threat lists, malware scans and evidence of a GuardDuty finding → what threat was found, where, by what."""

from __future__ import annotations

from secgraph.graph.model import Value
from secgraph.ingest.body import Body, json_text
from secgraph.ingest.guardduty.additional import free_keys
from secgraph.ingest.values import distinct, facts


def threat_facts(service: Body) -> dict[str, Value]:
    """Read evidence, the free keys of `additionalInfo`, and the scan of volumes or of objects and backups."""
    more = free_keys(service)
    intelligence = service.body("evidence").bodies("threatIntelligenceDetails")
    volumes, items = service.body("ebsVolumeScanDetails"), service.body("malwareScanDetails")
    lists = distinct(
        [_lone_text(more, "threatListName"), *(each.text("threatListName") for each in intelligence)]
    )
    rest = {name: held for name, held in more.held.items() if name != "sample"}
    files = [*_files_of_volumes(volumes), *_files_of_items(items)]
    return {
        **_scan(volumes),
        **_scan(items),
        **facts(
            additionalInfo=json_text(rest, more.path) if rest else None,
            threatName=_lone_text(more, "threatName"),
            threatList=lists[0] if lists else None,
            threatLists=lists,
            threatNames=distinct(
                [
                    *(name for each in intelligence for name in each.texts("threatNames")),
                    *(threat.text("name") for threat in _threats_of_volumes(volumes)),
                    *(threat.text("name") for threat in items.bodies("threats")),
                ]
            ),
            threatFileSha256=distinct(each.text("threatFileSha256") for each in intelligence),
            threatFilePaths=distinct(path for path, _ in files),
            threatFileHashes=distinct(hash_ for _, hash_ in files),
        ),
    }


def _lone_text(body: Body, name: str) -> str | None:
    """Read a free key of `additionalInfo` where it is a text; AWS gives its keys no fixed type."""
    held = body.held.get(name)
    return held if isinstance(held, str) and held.strip() else None


def _scan(scan: Body) -> dict[str, Value]:
    """Read a scan; AWS counts files in one of volumes, and threats in one of anything else."""
    found = scan.body("scanDetections")
    highest = found.body("highestSeverityThreatDetails")
    files = found.body("threatsDetectedItemCount").number("files")
    return facts(
        scanId=scan.text("scanId"),
        scanType=scan.text("scanType"),
        scanCategory=scan.text("scanCategory"),
        scanStartedOn=scan.moment("scanStartedAt"),
        scanCompletedOn=scan.moment("scanCompletedAt"),
        scanSources=scan.texts("sources"),
        triggerFindingId=scan.text("triggerFindingId"),
        highestThreatName=highest.text("threatName"),
        highestThreatSeverity=highest.text("severity"),
        threatsDetectedCount=scan.number("uniqueThreatCount") if files is None else files,
    )


def _threats_of_volumes(scan: Body) -> tuple[Body, ...]:
    return scan.body("scanDetections").body("threatDetectedByName").bodies("threatNames")


def _files_of_volumes(scan: Body) -> list[tuple[str | None, str | None]]:
    """List the path and hash of every file in which a threat was found."""
    files = (file for threat in _threats_of_volumes(scan) for file in threat.bodies("filePaths"))
    return [(file.text("filePath"), file.text("hash")) for file in files]


def _files_of_items(scan: Body) -> list[tuple[str | None, str | None]]:
    """List paths and hashes; `itemPaths` lie inside an object, `itemDetails` in a snapshot, AMI or backup."""
    found: list[tuple[str | None, str | None]] = []
    for threat in scan.bodies("threats"):
        found += [(item.text("nestedItemPath"), item.text("hash")) for item in threat.bodies("itemPaths")]
        found += [(item.text("itemPath"), item.text("hash")) for item in threat.bodies("itemDetails")]
        found.append((None, threat.text("hash")))
    return found
