"""An element of `s3BucketDetails` (a bucket, directory bucket or access point) → the bucket and its key."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place, arn_of
from secgraph.ingest.body import Body
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts


def buckets(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the bucket with its encryption, its exposure and its tags."""
    arn, name = details.identifier("arn"), details.identifier("name")
    known = arn_of(arn)
    name = name or (known.resource.rpartition("/")[2] if known else None)
    if not name:
        return
    place = known.place if known and known.account else place
    key = arn if arn and known else f"arn:{place.partition}:s3:::{name}"
    bucket = Thing(kinds.BUCKET, key, name)
    tags = tag_properties(details)
    kms_key = stubs.kms_key(details.body("defaultServerSideEncryption").identifier("kmsMasterKeyArn"))
    edges = [incoming("HAS", stubs.service(kinds.S3, place.everywhere()))]
    if kms_key:
        edges.append(outgoing("USES", kms_key))
    yield Resource(
        thing=bucket,
        changes=(
            witness.of_key(bucket, bucketName=name),
            witness.saw(bucket, "s3BucketDetails", {**_bucket_facts(details), **tags}, edges, place=place),
            *stubs.service_stubs(witness, kinds.S3, place.everywhere()),
            *((witness.of_key(kms_key),) if kms_key else ()),
        ),
        target=key,
        tags=tags,
    )


def _bucket_facts(details: Body) -> dict[str, Value]:
    """Read a bucket. What AWS does not say (`UNKNOWN`, no encryption named) is left open, not false."""
    encryption = details.body("defaultServerSideEncryption")
    access = details.body("publicAccess")
    algorithm = encryption.text("encryptionType")
    return {
        **facts(
            bucketType=details.text("type"),
            createdOn=details.moment("createdAt"),
            ownerId=details.body("owner").text("id"),
            public={"PUBLIC": True, "NOT_PUBLIC": False}.get(access.text("effectivePermission") or ""),
            encrypted=True if algorithm else None,
            encryptionAlgorithm=algorithm,
            encryptionKeyRef=encryption.text("kmsMasterKeyArn"),
        ),
        **_public_access_block(access.body("permissionConfiguration")),
    }


def _public_access_block(permissions: Body) -> dict[str, Value]:
    """A block holds if the bucket or its account sets it."""
    levels = [
        permissions.body(level).body("blockPublicAccess")
        for level in ("bucketLevelPermissions", "accountLevelPermissions")
    ]
    blocked: dict[str, bool | None] = {}
    for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"):
        said = [flag for level in levels if (flag := level.flag(name)) is not None]
        blocked[name] = any(said) if said else None
    return facts(blocked)
