"""The resource blocks of a GuardDuty finding → the resources that it affects, with all they state.

Read by the blocks that are present: a bucket finding usually also names the access key that was used.
`resourceType` only tells which of the resources is the primary one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.ingest import kinds
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks import backup, database, ecs, kubernetes
from secgraph.ingest.guardduty.blocks.bucket import buckets
from secgraph.ingest.guardduty.blocks.container import Runner, containers
from secgraph.ingest.guardduty.blocks.credentials import credentials
from secgraph.ingest.guardduty.blocks.function import functions
from secgraph.ingest.guardduty.blocks.instance import instances
from secgraph.ingest.guardduty.blocks.volume import volumes
from secgraph.ingest.kinds import Kind
from secgraph.ingest.stubs import Resource
from secgraph.ingest.things import Thing, Witness, outgoing

_CONTAINERS: Final = (kinds.ECS_CONTAINER, kinds.KUBE_CONTAINER, kinds.DOCKER_CONTAINER)
_PRIMARY: Final[Mapping[str, tuple[Kind, ...]]] = {
    "Instance": (kinds.INSTANCE,),
    "AccessKey": (kinds.ACCESS_KEY, kinds.USER, kinds.ROLE),
    "S3Bucket": (kinds.BUCKET,),
    "S3Object": (kinds.BUCKET,),
    "EKSCluster": (kinds.EKS_CLUSTER,),
    "KubernetesCluster": (kinds.EKS_CLUSTER,),
    "ECSCluster": (kinds.ECS_CLUSTER,),
    "Container": _CONTAINERS,
    "RDSDBInstance": (kinds.DB_INSTANCE, kinds.DB_CLUSTER),
    "RDSLimitlessDB": (kinds.SHARD_GROUP, kinds.DB_CLUSTER),
    "Lambda": (kinds.FUNCTION,),
}
"""Which kind of thing a `resourceType` means, the first that is there."""


def affected(resource: Body, place: Place, witness: Witness) -> tuple[Resource, ...]:
    """List the resources of a finding, each once."""
    found: dict[str, Resource] = {}
    for each in _affected(resource, place, witness):
        held = found.get(each.thing.key)
        found[each.thing.key] = held.with_more(each) if held else each
    return tuple(found.values())


def primary_of(resource: Body, resources: tuple[Resource, ...]) -> Resource | None:
    """Find the resource that `resourceType` means; a lone resource is the primary one, whatever its type."""
    for kind in _PRIMARY.get(resource.text("resourceType") or "", ()):
        for each in resources:
            if each.thing.kind == kind:
                return each
    return resources[0] if len(resources) == 1 else None


def _affected(resource: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    hosts = tuple(instances(resource.body("instanceDetails"), place, witness))
    instance = hosts[0].thing if hosts else None
    principals = tuple(credentials(resource.body("accessKeyDetails"), place.everywhere(), witness))
    yield from hosts
    yield from principals
    yield from _role_of_instance(resource, instance, principals, witness)
    for body in resource.bodies("s3BucketDetails"):
        yield from buckets(body, place, witness)
    yield from _workloads(resource, instance, place, witness)
    yield from database.databases(resource.body("rdsDbInstanceDetails"), place, witness)
    yield from database.shard_groups(resource.body("rdsLimitlessDbDetails"), place, witness)
    yield from functions(resource.body("lambdaDetails"), place, witness)
    yield from volumes(resource.body("ebsVolumeDetails"), instance, place, witness)
    yield from backup.snapshots(resource.body("ebsSnapshotDetails"), place, witness)
    yield from backup.images(resource.body("ec2ImageDetails"), place, witness)
    yield from backup.recovery_points(resource.body("recoveryPointDetails"), place, witness)


def _role_of_instance(
    resource: Body, instance: Thing | None, principals: tuple[Resource, ...], witness: Witness
) -> Iterator[Resource]:
    """State the role of an instance whose credentials were used: EC2 names their session after it."""
    session = (resource.body("accessKeyDetails").text("principalId") or "").partition(":")[2]
    role = next((each.thing for each in principals if each.thing.kind == kinds.ROLE), None)
    if instance and role and session == instance.id:
        yield Resource(instance, (witness.saw(instance, "accessKeyDetails", {}, [outgoing("USES", role)]),))


def _workloads(resource: Body, instance: Thing | None, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read clusters and what runs in them. A container belongs to the innermost thing that runs it; first
    comes the one that the finding is about, before the others of its pod or task."""
    runner = Runner(instance, kinds.DOCKER_CONTAINER, "RUNS") if instance else None
    listed: tuple[Body, ...] = ()
    for read in (_ecs, _eks):
        found, innermost, more = read(resource, place, witness)
        yield from found
        runner, listed = (innermost, more) if innermost else (runner, listed)
    lone = resource.body("containerDetails")
    if runner:
        yield from containers((*((lone,) if lone else ()), *listed), runner, place.partition, witness)


_Running = tuple[list[Resource], Runner | None, tuple[Body, ...]]
"""What was found, the innermost that runs containers, and those containers."""


def _ecs(resource: Body, place: Place, witness: Witness) -> _Running:
    details = resource.body("ecsClusterDetails")
    inner = details.body("taskDetails")
    cluster, task = ecs.cluster_of(details, place), ecs.task_of(inner, place)
    found = [*ecs.clusters(details, place, witness), *ecs.tasks(inner, cluster, place, witness)]
    if task:
        return found, Runner(task, kinds.ECS_CONTAINER, "CONTAINS"), inner.bodies("containers")
    return found, Runner(cluster, kinds.ECS_CONTAINER, "RUNS") if cluster else None, ()


def _eks(resource: Body, place: Place, witness: Witness) -> _Running:
    details = resource.body("eksClusterDetails")
    inner = resource.body("kubernetesDetails").body("kubernetesWorkloadDetails")
    cluster = kubernetes.cluster_of(details, place)
    if cluster is None:
        return [], None, ()
    found = [*kubernetes.clusters(details, place, witness), *kubernetes.workloads(inner, cluster, witness)]
    workload = kubernetes.workload_of(inner, cluster)
    if workload:
        return found, Runner(workload, kinds.KUBE_CONTAINER, "CONTAINS"), inner.bodies("containers")
    return found, Runner(cluster, kinds.KUBE_CONTAINER, "RUNS"), ()
