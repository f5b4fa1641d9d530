"""The resource blocks of a GuardDuty finding → the resources that it affects, with all they state.

Read by the blocks that are present: a bucket finding usually also names the access key that was used.
"""

from __future__ import annotations

from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.bucket import buckets
from secgraph.ingest.guardduty.blocks.credentials import credentials
from secgraph.ingest.guardduty.blocks.instance import instances
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Witness


def affected(resource: Body, place: Place, witness: Witness) -> tuple[Resource, ...]:
    """List the resources of a finding: instance, user or role, access key, buckets."""
    return (
        *instances(resource.body("instanceDetails"), place, witness),
        *credentials(resource.body("accessKeyDetails"), place.everywhere(), witness),
        *(found for body in resource.bodies("s3BucketDetails") for found in buckets(body, place, witness)),
    )
