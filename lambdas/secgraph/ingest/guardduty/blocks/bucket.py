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


def bucket_of(arn: str | None, name: str | None, place: Place) -> Thing | None:
    """Name a bucket, directory bucket or access point by its ARN, else a bucket by its name.

    Its id is the end of the ARN, whatever block names it: a name that differs is for the block to state.
    """
    known = arn_of(arn)
    is_own = known is not None and known.service.startswith("s3")  # s3express, s3-outposts and so on
    key = arn if arn and is_own else f"arn:{place.partition}:s3:::{name}" if name else ""
    id_ = key.rpartition(":")[2].rpartition("/")[2]
    return Thing(kinds.BUCKET, key, id_) if id_ else None


def called(bucket: Thing, name: str | None) -> dict[str, Value]:
    """Say what a block calls a bucket, where that is not how its ARN ends."""
    return {} if name == bucket.id else facts(name=name, displayName=name, bucketName=name)


def buckets(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the bucket with its encryption, its exposure and its tags."""
    name = details.identifier("name")
    bucket = bucket_of(details.identifier("arn"), name, place)
    if bucket is None:
        return
    known = arn_of(bucket.key)
    place = known.place if known and known.account else place
    tags = tag_properties(details)
    kms_key = stubs.kms_key(details.body("defaultServerSideEncryption").secondary("kmsMasterKeyArn"))
    edges = [incoming("HAS", stubs.service(kinds.S3, place.everywhere()))]
    if kms_key:
        edges.append(outgoing("USES", kms_key))
    properties = {**called(bucket, name), **_bucket_facts(details), **tags}
    yield Resource(
        thing=bucket,
        changes=(
            witness.of_key(bucket, bucketName=bucket.id),
            witness.saw(bucket, "s3BucketDetails", properties, edges, place=place),
            *stubs.service_stubs(witness, kinds.S3, place.everywhere()),
            *((witness.of_key(kms_key),) if kms_key else ()),
        ),
        target=bucket.key,
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
