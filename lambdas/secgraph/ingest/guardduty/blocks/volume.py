"""`ebsVolumeDetails` → the volumes that were scanned for malware, their snapshots and keys.

Volumes that were skipped are a property of the finding.
"""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import Edge, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.arns import home_of, thing_of
from secgraph.ingest.guardduty.blocks.backup import snapshot_of
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts


def volumes(details: Body, instance: Thing | None, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the scanned volumes; they are attached to the instance of the finding, if it names one."""
    for body in details.bodies("scannedVolumeDetails"):
        volume = thing_of(kinds.VOLUME, place, "ec2", "volume/", body.identifier("volumeArn"), None)
        if volume:
            yield _volume(body, volume, instance, home_of(volume, place), witness)


def _volume(body: Body, volume: Thing, instance: Thing | None, home: Place, witness: Witness) -> Resource:
    snapshot = snapshot_of(body.secondary("snapshotArn"), home)
    used = [thing for thing in (snapshot, stubs.kms_key(body.secondary("kmsKeyArn"))) if thing]
    edges: list[Edge] = [outgoing("USES", thing) for thing in used]
    if instance:
        edges.append(incoming("USES", instance))
    return Resource(
        thing=volume,
        changes=(
            stubs.owned_ec2_stub(witness, volume, home),
            witness.saw(volume, "ebsVolumeDetails", _facts(body), edges),
            *stubs.service_stubs(witness, kinds.EC2, home.everywhere()),
            *(witness.of_key(thing) for thing in used),
        ),
        target=volume.key,
    )


def _facts(body: Body) -> dict[str, Value]:
    encryption, key = body.text("encryptionType"), body.text("kmsKeyArn")
    return facts(
        volumeType=body.text("volumeType"),
        deviceName=body.text("deviceName"),
        size=body.number("volumeSizeInGB"),
        encrypted=None if encryption is None else encryption.upper() not in ("UNENCRYPTED", "NONE"),
        encryptionKeyRef=None if key == "null" else key,  # as AWS writes of a volume without,
    )
