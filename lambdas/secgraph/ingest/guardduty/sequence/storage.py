"""Listed buckets."""

from __future__ import annotations

from typing import Final

from secgraph.graph.model import Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.bucket import called, encryption_facts, is_blocked, is_public
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.guardduty.sequence.said import Said
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts

_BLOCKING: Final = {
    "blockPublicAcls": ("publicAclAccess", "BLOCKED", "ALLOWED"),
    "blockPublicPolicy": ("publicPolicyAccess", "BLOCKED", "ALLOWED"),
    "ignorePublicAcls": ("publicAclIgnoreBehavior", "IGNORED", "NOT_IGNORED"),
    "restrictPublicBuckets": ("publicBucketRestrictBehavior", "RESTRICTED", "NOT_RESTRICTED"),
}
"""By property: the field, and its words for true and false."""


def bucket(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read a bucket with its encryption and its exposure."""
    owner = stubs.service(kinds.S3, each.place.everywhere())
    kms_key = stubs.kms_key(each.data.secondary("encryptionKeyArn"))
    return Said(
        stub=witness.of_key(thing, bucketName=thing.id),
        facts={**called(thing, each.body.text("name")), **_bucket_facts(each.data)},
        edges=(incoming("HAS", owner), *((outgoing("USES", kms_key),) if kms_key else ())),
        around=(
            *stubs.service_stubs(witness, kinds.S3, each.place.everywhere()),
            *((witness.of_key(kms_key),) if kms_key else ()),
        ),
        place=each.place,
    )


def _bucket_facts(data: Body) -> dict[str, Value]:
    """Read a bucket. What AWS does not say is left open, not false."""
    return {
        **facts(
            createdOn=data.moment("createdAt"),
            ownerId=data.text("ownerId"),
            public=_public(data),
        ),
        **encryption_facts(data.text("encryptionType"), data.text("encryptionKeyArn")),
        **facts({name: _blocks(data, *words) for name, words in _BLOCKING.items()}),
    }


def _public(data: Body) -> bool | None:
    """Tell a public bucket by its effective permission, else by who may read and write it."""
    effective = is_public(data)
    if effective is not None:
        return effective
    access = {data.text("publicReadAccess"), data.text("publicWriteAccess")} - {None}
    return "ALLOWED" in access if access else None


def _blocks(data: Body, field: str, yes: str, no: str) -> bool | None:
    levels = (data.body("bucketPublicAccess"), data.body("accountPublicAccess"))
    return is_blocked({yes: True, no: False}.get(level.text(field) or "") for level in levels)
