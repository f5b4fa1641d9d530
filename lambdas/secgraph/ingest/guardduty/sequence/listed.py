"""`resources[]` of an attack sequence → what each element is: a thing with its key, or none.

A uid is an ARN as a rule, but a bare id is read as well; what lives inside another thing (a workload, a
container) is named by that one, which must be in the list too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import PARTITIONS, Arn, Place, arn_of
from secgraph.ingest.body import Body, checked_identifier
from secgraph.ingest.guardduty.blocks import ecs, kubernetes
from secgraph.ingest.kinds import Kind
from secgraph.ingest.things import Thing

_DATA: Final[Mapping[str, str]] = {
    "EC2_INSTANCE": "ec2Instance",
    "EC2_NETWORK_INTERFACE": "ec2NetworkInterface",
    "EC2_VPC": "ec2Vpc",
    "EC2_IMAGE": "ec2Image",
    "EC2_LAUNCH_TEMPLATE": "ec2LaunchTemplate",
    "S3_BUCKET": "s3Bucket",
    "S3_OBJECT": "s3Object",
    "ACCESS_KEY": "accessKey",
    "EKS_CLUSTER": "eksCluster",
    "KUBERNETES_WORKLOAD": "kubernetesWorkload",
    "CONTAINER": "container",
    "ECS_CLUSTER": "ecsCluster",
    "ECS_TASK": "ecsTask",
    "AUTOSCALING_AUTO_SCALING_GROUP": "autoscalingAutoScalingGroup",
    "CLOUDFORMATION_STACK": "cloudformationStack",
    "IAM_INSTANCE_PROFILE": "iamInstanceProfile",
}
"""The block of `data` that belongs to a `resourceType`."""
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


@dataclass(frozen=True, slots=True)
class Listed:
    """One element: its body, `resourceType`, uid, where it is, and the thing it is, if that can be named.

    `inside` is what runs it: the cluster of a workload, the workload or task of a container.
    """

    body: Body
    type: str
    uid: str
    place: Place
    thing: Thing | None = None
    inside: Listed | None = None

    @property
    def data(self) -> Body:
        """Give the block of its type."""
        return self.body.body("data").body(_DATA.get(self.type, "?"))


def listed(sequence: Body, home: Place) -> tuple[Listed, ...]:
    """Name what the resources are, each uid once; `home` is where the finding is."""
    found = {each.uid: each for each in _plain(sequence, home)}
    for type_, holders, naming in (
        ("KUBERNETES_WORKLOAD", ("EKS_CLUSTER",), _workload),
        ("CONTAINER", ("KUBERNETES_WORKLOAD", "ECS_TASK"), _container),
    ):
        for uid, each in found.items():
            if each.type == type_:
                candidates = [other for other in found.values() if other.type in holders and other.thing]
                found[uid] = naming(each, candidates)
    return tuple(found.values())


def referring(all_: Iterable[Listed], name: str, uid: str) -> Iterator[Listed]:
    """Give the elements whose data has this uid in the list of that name (`ec2InstanceUids`)."""
    return (each for each in all_ if uid in each.data.texts(name))


def ec2_thing(type_: str, text: str | None, place: Place) -> Thing | None:
    """Name a thing of the EC2 family by its ARN or its bare id."""
    kind, prefix = EC2[type_]
    id_ = (text or "").rpartition("/")[2]
    if not re.fullmatch(prefix + "-[0-9A-Za-z]{1,64}", id_):
        return None
    at_home = _place(arn_of(text), place)
    return stubs.image(at_home, id_) if kind == kinds.IMAGE else stubs.ec2(kind, at_home, id_)


def _plain(sequence: Body, home: Place) -> Iterator[Listed]:
    for body in sequence.bodies("resources"):
        uid = body.identifier("uid") or body.identifier("name")
        if uid is None:
            continue
        partition = body.text("cloudPartition")
        stated = Place(
            partition=partition if partition in PARTITIONS else home.partition,
            account=body.identifier("accountId") or home.account,
            region=body.identifier("region") or home.region,
        )
        each = Listed(body, body.text("resourceType") or "UNKNOWN", uid, _place(arn_of(uid), stated))
        yield replace(each, thing=_thing(each))


def _place(arn: Arn | None, stated: Place) -> Place:
    """Let an ARN tell where a thing is; some name neither region nor account."""
    if arn is None:
        return stated
    return Place(arn.partition, arn.account or stated.account, arn.region or stated.region)


def _thing(each: Listed) -> Thing | None:
    """Name what needs no other element to be named."""
    if each.type in EC2:
        texts = (each.uid, each.body.text("name"))
        return next((thing for text in texts if (thing := ec2_thing(each.type, text, each.place))), None)
    if each.type == "S3_BUCKET":
        return _bucket(each)
    if each.type == "EKS_CLUSTER":
        return kubernetes.cluster_of(_named(each, each.data.identifier("arn")), each.place)
    if each.type == "ECS_CLUSTER":
        return ecs.cluster_of(_named(each, None), each.place)
    if each.type == "ECS_TASK":
        return ecs.task_of(_named(each, None), each.place)
    return _of_arn(each)


def _named(each: Listed, arn: str | None) -> Body:
    """Spell an element as the block of a single finding: `arn` and `name`."""
    name = each.body.text("name") or (None if arn_of(each.uid) else each.uid)
    return Body({"arn": arn or each.uid, "name": name}, each.body.path)


def _bucket(each: Listed) -> Thing | None:
    arn = arn_of(each.uid)
    if arn is None:
        return Thing(kinds.BUCKET, f"arn:{each.place.partition}:s3:::{each.uid}", each.uid)
    return Thing(kinds.BUCKET, each.uid, arn.resource) if arn.service.startswith("s3") else None


def _of_arn(each: Listed) -> Thing | None:
    kind, service, prefix = _BY_ARN.get(each.type, (None, "", ""))
    arn = arn_of(each.uid)
    if kind is None or arn is None or arn.service != service or not arn.resource.startswith(prefix):
        return None
    parts = arn.resource.split("/")
    last = parts[-1] if service == "autoscaling" else parts[1]
    return Thing(kind, each.uid, last, each.place) if last else None


def _workload(each: Listed, clusters: list[Listed]) -> Listed:
    """Name a workload in the cluster that its uid begins with, else in the only one there is."""
    at_home = [one for one in clusters if one.thing and each.uid.startswith(f"{one.thing.key}/")]
    inside = at_home[0] if at_home else clusters[0] if len(clusters) == 1 else None
    if inside is None or inside.thing is None:
        return each
    data, path = each.data, each.body.path
    name = each.body.identifier("name") or each.uid.rpartition("/")[2]
    spelt = {"name": name, "type": data.text("type"), "namespace": data.text("namespace")}
    thing = kubernetes.workload_of(Body(spelt, path), inside.thing)
    return replace(each, thing=thing, inside=inside if thing else None)


def _container(each: Listed, runners: list[Listed]) -> Listed:
    """Name a container in what lists it among its `containerUids`."""
    inside = next(referring(runners, "containerUids", each.uid), None)
    token = each.uid.rpartition("/")[2]
    if inside is None or inside.thing is None or not token:
        return each
    kind = kinds.ECS_CONTAINER if inside.type == "ECS_TASK" else kinds.KUBE_CONTAINER
    key = checked_identifier(f"{inside.thing.key}/container/{token}", each.body.at("uid"))
    return replace(each, thing=Thing(kind, key, token, inside.thing.place), inside=inside)
