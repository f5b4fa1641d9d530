"""`ebsSnapshotDetails`, `ec2ImageDetails`, `recoveryPointDetails` → the copy that was scanned for malware.

A recovery point whose ARN is a snapshot's or an AMI's is that snapshot or AMI: AWS Backup gives those no
ARN of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.arns import home_of, thing_of
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts


def snapshot_of(stated: str | None, place: Place) -> Thing | None:
    """Name a snapshot by an ARN with or without an account."""
    id_, home = _ec2_id(stated, "snapshot/", place)
    return stubs.snapshot(home, id_) if id_ else None


def image_of(stated: str | None, place: Place) -> Thing | None:
    """Name an AMI by an ARN with or without an account."""
    id_, home = _ec2_id(stated, "image/", place)
    return stubs.image(home, id_) if id_ else None


def _ec2_id(stated: str | None, prefix: str, place: Place) -> tuple[str, Place]:
    arn = arn_of(stated)
    if arn is None or arn.service != "ec2" or not arn.resource.startswith(prefix):
        return "", place
    return arn.resource.removeprefix(prefix), Place(arn.partition, "", arn.region)


def snapshots(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the snapshot that was scanned."""
    snapshot = snapshot_of(details.identifier("snapshotArn"), place)
    if snapshot:
        yield _scanned(snapshot, "ebsSnapshotDetails", {}, place, witness)


def images(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the AMI that was scanned."""
    image = image_of(details.identifier("imageArn"), place)
    if image:
        yield _scanned(image, "ec2ImageDetails", {}, place, witness)


def recovery_points(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the recovery point that was scanned, with the vault that keeps it."""
    stated = details.identifier("recoveryPointArn")
    copy = snapshot_of(stated, place) or image_of(stated, place)
    if copy:
        yield _scanned(copy, "recoveryPointDetails", _vault(details), place, witness)
        return
    point = thing_of(kinds.RECOVERY_POINT, place, "backup", "recovery-point:", stated, None)
    if point is None:
        return
    home = home_of(point, place)
    yield Resource(
        thing=point,
        changes=(
            witness.of_key(point, stubs.service(kinds.BACKUP, home.everywhere())),
            witness.saw(point, "recoveryPointDetails", _vault(details)),
            *stubs.service_stubs(witness, kinds.BACKUP, home.everywhere()),
        ),
        target=point.key,
    )


def _vault(details: Body) -> dict[str, Value]:
    return facts(backupVaultName=details.text("backupVaultName"))


def _scanned(copy: Thing, block: str, known: dict[str, Value], place: Place, witness: Witness) -> Resource:
    """State a snapshot or AMI of the finding's own account: only the owner can have one scanned."""
    return Resource(copy, (witness.of_key(copy), witness.saw(copy, block, known, place=place)), copy.key)
