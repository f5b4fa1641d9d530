"""The listed resources of an attack sequence → Resource…, each with what its block says of it.

A reference from one element to another becomes an edge of the thing that a single finding would state it of:
an instance's interfaces, image and groups are the instance's, a container's runner is the container's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.credentials import Principal, principals
from secgraph.ingest.guardduty.sequence import compute, running, storage
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.guardduty.sequence.naming import EC2
from secgraph.ingest.guardduty.sequence.references import References
from secgraph.ingest.guardduty.sequence.said import Reader
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import named, tag_properties
from secgraph.ingest.things import Thing, Witness
from secgraph.ingest.values import facts

_READERS: Final[Mapping[str, Reader]] = {
    "EC2_NETWORK_INTERFACE": compute.interface,
    "EC2_VPC": compute.of_ec2,
    "EC2_IMAGE": compute.lone,
    "EC2_LAUNCH_TEMPLATE": compute.of_ec2,
    "AUTOSCALING_AUTO_SCALING_GROUP": compute.lone,
    "CLOUDFORMATION_STACK": compute.lone,
    "S3_BUCKET": storage.bucket,
    "EKS_CLUSTER": running.eks_cluster,
    "KUBERNETES_WORKLOAD": running.workload,
    "CONTAINER": running.container,
    "ECS_CLUSTER": running.ecs_cluster,
    "ECS_TASK": running.ecs_task,
}
_WITHOUT_TARGET: Final = ("KUBERNETES_WORKLOAD", "CONTAINER")
"""What has no ARN, and so nothing that stands for it in `targets`."""


def resources(all_: tuple[Listed, ...], references: References, witness: Witness) -> Iterator[Resource]:
    """State every listed resource that could be named."""
    for each in all_:
        if each.type == "ACCESS_KEY":
            yield from _access_key(each, witness)
        elif each.thing:
            yield _resource(each, each.thing, references, witness)


def _owner(each: Listed) -> Principal:
    """Read an access key and whose it is, as far as they can be keys."""
    key_id, owner_id = Body({"id": each.key_id}, "").secondary("id"), each.data.secondary("principalId")
    held = {**each.data.held, "accessKeyId": key_id, "principalId": owner_id}
    return Principal.of_key_details(Body(held, each.data.path))


def _access_key(each: Listed, witness: Witness) -> Iterator[Resource]:
    """State the access key and whose it is."""
    principal = _owner(each)
    for found in principals(principal, each.place.everywhere(), witness, f"sequence/{each.type}"):
        is_key = found.thing.id == principal.key_id
        yield Resource(found.thing, found.changes, found.thing.id if is_key else "")


def _resource(each: Listed, thing: Thing, references: References, witness: Witness) -> Resource:
    if each.type == "EC2_INSTANCE":
        said = compute.instance(each, thing, references, witness)
    else:
        said = _READERS[each.type](each, thing, witness)
    name, tags = each.body.text("name"), tag_properties(each.body)
    called = facts(name=name, displayName=name)
    properties = {**called, **said.facts, **(named(tags) if each.type in EC2 else tags)}
    seen = witness.saw(thing, f"sequence/{each.type}", properties, said.edges, place=said.place)
    return Resource(
        thing=thing,
        changes=(said.stub, seen, *said.around),
        target="" if each.type in _WITHOUT_TARGET else _target(each, thing),
        tags=tags,
    )


def _target(each: Listed, thing: Thing) -> str:
    return thing.id if each.type == "EC2_INSTANCE" else thing.key
