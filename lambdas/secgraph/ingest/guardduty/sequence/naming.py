"""An element of `resources[]` → the thing that it is, or none if its uid, name and holders do not tell.

A uid is an ARN as a rule, but a bare id is read as well; what lives inside another thing (a workload, a
container) is named by that one, which must be in the list too. What cannot be a key names nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Arn, Place, arn_of
from secgraph.ingest.body import Body, is_identifier
from secgraph.ingest.guardduty.blocks import ecs, kubernetes
from secgraph.ingest.guardduty.blocks.bucket import bucket_of
from secgraph.ingest.guardduty.blocks.container import container_of
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.kinds import Kind
from secgraph.ingest.things import Thing

EC2: Final[Mapping[str, tuple[Kind, str]]] = {
    "EC2_INSTANCE": (kinds.INSTANCE, "i"),
    "EC2_NETWORK_INTERFACE": (kinds.NETWORK_INTERFACE, "eni"),
    "EC2_VPC": (kinds.VPC, "vpc"),
    "EC2_IMAGE": (kinds.IMAGE, "ami"),
    "EC2_LAUNCH_TEMPLATE": (kinds.LAUNCH_TEMPLATE, "lt"),
}
"""By `resourceType`: the kind, and how its ids begin."""
_BY_ARN: Final[Mapping[str, tuple[Kind, str, str]]] = {
    "AUTOSCALING_AUTO_SCALING_GROUP": (kinds.AUTO_SCALING_GROUP, "autoscaling", "autoScalingGroup:"),
    "CLOUDFORMATION_STACK": (kinds.STACK, "cloudformation", "stack/"),
}
"""What is known by its ARN alone: the kind, the service, and how the resource part begins."""


def thing_of(each: Listed) -> Thing | None:
    """Name what needs no other element to be named."""
    if each.type in EC2:
        texts = (each.uid, each.body.text("name"))
        return next((thing for text in texts if (thing := ec2_thing(each.type, text, each.place))), None)
    if not is_identifier(each.uid):
        return None
    if each.type == "S3_BUCKET":
        return bucket_of(each.uid, None if arn_of(each.uid) else each.uid, each.place)
    if each.type == "EKS_CLUSTER":
        return kubernetes.cluster_of(_named(each, each.data.secondary("arn")), each.place)
    if each.type == "ECS_CLUSTER":
        return ecs.cluster_of(_named(each, None), each.place)
    if each.type == "ECS_TASK":
        return ecs.task_of(_named(each, None), each.place)
    return _of_arn(each)


def ec2_thing(type_: str, text: str | None, place: Place) -> Thing | None:
    """Name a thing of the EC2 family by its ARN or its bare id."""
    kind, prefix = EC2[type_]
    id_ = (text or "").rpartition("/")[2]
    if text is None or not is_identifier(text) or not re.fullmatch(prefix + "-[0-9A-Za-z]{1,64}", id_):
        return None
    at_home = placed(arn_of(text), place)
    return stubs.image(at_home, id_) if kind == kinds.IMAGE else stubs.ec2(kind, at_home, id_)


def placed(arn: Arn | None, stated: Place) -> Place:
    """Let an ARN tell where a thing is; some name neither region nor account."""
    if arn is None:
        return stated
    return Place(arn.partition, arn.account or stated.account, arn.region or stated.region)


def workload(each: Listed, clusters: Mapping[str, Listed]) -> Listed:
    """Name a workload in the cluster that its uid begins with, else in the only one there is."""
    at_home = clusters.get("/".join(each.uid.split("/")[:2]))
    inside = at_home or (next(iter(clusters.values())) if len(clusters) == 1 else None)
    name = each.body.text("name") or each.uid.rpartition("/")[2]
    parts = {"name": name, "type": each.data.text("type"), "namespace": each.data.text("namespace")}
    path = "/".join(part for part in parts.values() if part)
    if inside is None or inside.thing is None or not is_identifier(f"{inside.thing.key}/{path}"):
        return each
    thing = kubernetes.workload_of(Body(parts, each.body.path), inside.thing)
    return replace(each, thing=thing, inside=inside if thing else None)


def container(each: Listed, runners: Mapping[str, Listed]) -> Listed:
    """Name a container in what lists its uid, by that uid."""
    inside = next((runners[uid] for uid in each.uids if uid in runners), None)
    token = each.uid.rpartition("/")[2]
    if inside is None or inside.thing is None or not token:
        return each
    kind = kinds.ECS_CONTAINER if inside.type == "ECS_TASK" else kinds.KUBE_CONTAINER
    thing = container_of(inside.thing, kind, token)
    return replace(each, thing=thing, inside=inside) if is_identifier(thing.key) else each


def _named(each: Listed, arn: str | None) -> Body:
    """Spell an element as the block of a single finding: `arn` and `name`."""
    name = each.body.secondary("name") or (None if arn_of(each.uid) else each.uid)
    return Body({"arn": arn or each.uid, "name": name}, each.body.path)


def _of_arn(each: Listed) -> Thing | None:
    kind, service, prefix = _BY_ARN.get(each.type, (None, "", ""))
    arn = arn_of(each.uid)
    if kind is None or arn is None or arn.service != service or not arn.resource.startswith(prefix):
        return None
    parts = arn.resource.split("/")
    last = parts[-1] if service == "autoscaling" else parts[1]
    return Thing(kind, each.uid, last, each.place) if last else None
