"""One element of `resources[]` of an attack sequence, and what several of them say of one thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
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
_LEVELS: Final = 4
"""How deep the objects of an element are united: `data`, its block, and what that holds."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One element: its body, `resourceType`, uid, where it is, and the thing it is, if that can be named.

    The uid is text as AWS wrote it and need not be fit for a key. `inside` is what runs it: the cluster of a
    workload or task, the workload or task of a container. `uids` are all that name it, its own first.
    """

    body: Body
    type: str
    uid: str
    place: Place
    thing: Thing | None = None
    inside: Listed | None = None
    uids: tuple[str, ...] = ()

    @property
    def data(self) -> Body:
        """Give the block of its type."""
        return self.body.body("data").body(_DATA.get(self.type, "?"))

    @property
    def key_id(self) -> str:
        """Give the id of an access key, which its uid ends in."""
        return self.uid.rpartition("/")[2].rpartition(":")[2]


def gathered(elements: Iterable[Listed]) -> tuple[Listed, ...]:
    """List each thing once, by its bare id or by its ARN. What two elements say of it is united: of texts the
    first one counts, lists are joined. What is no thing is told by its type and uid."""
    found: dict[tuple[str, str], list[Listed]] = {}
    for each in elements:
        own = each.key_id if each.type == "ACCESS_KEY" else each.uid
        found.setdefault((each.type, each.thing.key if each.thing else own), []).append(each)
    return tuple(_together(same) for same in found.values())


def _together(same: list[Listed]) -> Listed:
    first = same[0]
    uids = tuple(dict.fromkeys(uid for each in same for uid in (each.uids or (each.uid,))))
    if len(same) == 1:
        return replace(first, uids=uids)
    held = _united([each.body.held for each in same], _LEVELS)
    inside = next((each.inside for each in same if each.inside), None)
    return replace(first, body=Body(held, first.body.path), inside=inside, uids=uids)


def _united(objects: Sequence[Mapping[str, object]], levels: int) -> dict[str, object]:
    values: dict[str, list[object]] = {}
    for each in objects:
        for name, value in each.items():
            if value is not None and value != "":
                values.setdefault(name, []).append(value)
    return {name: _one(held, levels) for name, held in values.items()}


def _one(values: list[object], levels: int) -> object:
    if len(values) == 1 or not levels:
        return values[0]
    objects = [value for value in values if isinstance(value, Mapping)]
    if len(objects) == len(values):
        return _united(objects, levels - 1)
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) == len(values):
        return [member for held in lists for member in held]
    return values[0]
