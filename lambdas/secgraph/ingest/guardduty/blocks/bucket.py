"""An element of `s3BucketDetails` (a bucket, directory bucket or access point) → the bucket and its key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
    """Read a bucket. What AWS does not say is left open, not false."""
    encryption = details.body("defaultServerSideEncryption")
    access = details.body("publicAccess")
    return {
        **facts(
            bucketType=details.text("type"),
            createdOn=details.moment("createdAt"),
            ownerId=details.body("owner").text("id"),
            public=is_public(access),
        ),
        **encryption_facts(encryption.text("encryptionType"), encryption.text("kmsMasterKeyArn")),
        **_public_access_block(access.body("permissionConfiguration")),
    }


def is_public(access: Body) -> bool | None:
    """Tell a public bucket by `effectivePermission`; None if AWS does not know (`UNKNOWN`)."""
    return {"PUBLIC": True, "NOT_PUBLIC": False}.get(access.text("effectivePermission") or "")


def encryption_facts(algorithm: str | None, key: str | None) -> dict[str, Value]:
    """Say how a bucket is encrypted; that no encryption is named does not mean that there is none."""
    return facts(encrypted=True if algorithm else None, encryptionAlgorithm=algorithm, encryptionKeyRef=key)


def is_blocked(levels: Iterable[bool | None]) -> bool | None:
    """Tell whether public access is blocked: it is if the bucket or its account says so, whatever the other
    says; None if neither says anything."""
    said = [level for level in levels if level is not None]
    return any(said) if said else None


def _public_access_block(permissions: Body) -> dict[str, Value]:
    levels = [
        permissions.body(level).body("blockPublicAccess")
        for level in ("bucketLevelPermissions", "accountLevelPermissions")
    ]
    names = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return facts({name: is_blocked(level.flag(name) for level in levels) for name in names})
