"""Listed clusters, and what runs in them: Kubernetes workloads, ECS tasks, containers."""

from __future__ import annotations

from secgraph.ingest import kinds, stubs
from secgraph.ingest.guardduty.blocks import kubernetes
from secgraph.ingest.guardduty.blocks.arns import home_of, thing_of
from secgraph.ingest.guardduty.blocks.cluster_status import status_facts
from secgraph.ingest.guardduty.blocks.container import used_image
from secgraph.ingest.guardduty.sequence.element import Listed
from secgraph.ingest.guardduty.sequence.said import Said
from secgraph.ingest.stubs import Network
from secgraph.ingest.things import Thing, Witness, incoming, outgoing
from secgraph.ingest.values import facts


def eks_cluster(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read an EKS cluster with its VPC."""
    home = home_of(thing, each.place)
    network = Network(home, each.data.secondary("vpcId"))
    return Said(
        stub=witness.of_key(thing, stubs.service(kinds.EKS, home.everywhere())),
        facts=kubernetes.cluster_facts(each.data, network),
        edges=[incoming("HAS", network.vpc)] if network.vpc else [],
        around=(
            *stubs.service_stubs(witness, kinds.EKS, home.everywhere()),
            *network.stubs_and_service(witness),
        ),
    )


def ecs_cluster(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read an ECS cluster."""
    home = home_of(thing, each.place)
    return Said(
        stub=witness.of_key(thing, stubs.service(kinds.ECS, home.everywhere())),
        facts=status_facts(each.data),
        around=stubs.service_stubs(witness, kinds.ECS, home.everywhere()),
    )


def ecs_task(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read a task: which cluster runs it, by its own ARN or as that one lists it, and which definition
    defines it."""
    home = home_of(thing, each.place)
    arn = each.data.secondary("taskDefinitionArn")
    definition = thing_of(kinds.TASK_DEFINITION, home, "ecs", "task-definition/", arn, None)
    cluster = _cluster_of_task(thing) or (each.inside.thing if each.inside else None)
    owner = stubs.service(kinds.ECS, home.everywhere())
    return Said(
        stub=witness.of_key(thing),
        facts=facts(
            taskDefinitionArn=arn,
            createdOn=each.data.moment("createdAt"),
            launchType=each.data.text("launchType"),
        ),
        edges=(
            *((incoming("RUNS", cluster),) if cluster else ()),
            *((incoming("DEFINES", definition),) if definition else ()),
        ),
        around=(
            *((witness.of_key(definition),) if definition else ()),
            *((witness.of_key(cluster, owner),) if cluster else ()),
            *(stubs.service_stubs(witness, kinds.ECS, home.everywhere()) if cluster else ()),
        ),
    )


def workload(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read a workload: its name, and what else only a single finding says of it, is for the block to say."""
    cluster = each.inside.thing if each.inside else None
    stated = kubernetes.stated_name(each.body.text("name") or each.uid.rpartition("/")[2])
    namespace = facts(namespace=each.data.text("namespace"))
    return Said(stub=witness.of_key(thing, cluster), facts={**stated, **namespace})


def container(each: Listed, thing: Thing, witness: Witness) -> Said:
    """Read a container: what runs it, and the image it is made from."""
    runner = each.inside.thing if each.inside else None
    used = used_image([each.data], each.place.partition)
    return Said(
        stub=witness.of_key(thing),
        facts=facts(image=each.data.text("image"), imageUid=each.data.text("imageUid")),
        edges=(
            *((incoming("CONTAINS", runner),) if runner else ()),
            *((outgoing("USES", used.used),) if used else ()),
        ),
        around=tuple(used.stubs(witness)) if used else (),
    )


def _cluster_of_task(task: Thing) -> Thing | None:
    """Name the cluster in a task's ARN (`task/CLUSTER/ID`); old ARNs leave it out."""
    path = task.key.rpartition(":")[2].split("/")
    if len(path) != 3 or task.place is None:
        return None
    return thing_of(kinds.ECS_CLUSTER, task.place, "ecs", "cluster/", None, path[1])
