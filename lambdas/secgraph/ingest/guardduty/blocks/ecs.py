"""`ecsClusterDetails` → the ECS cluster, and the task in it with its definition."""

from __future__ import annotations

from collections.abc import Iterator

from secgraph.graph.model import Edge, GraphChange, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.guardduty.blocks.arns import home_of, thing_of
from secgraph.ingest.guardduty.blocks.cluster_status import status_facts
from secgraph.ingest.guardduty.blocks.kubernetes import host_paths
from secgraph.ingest.stubs import Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness, incoming
from secgraph.ingest.values import facts


def cluster_of(details: Body, place: Place) -> Thing | None:
    """Name the ECS cluster of `ecsClusterDetails`."""
    name = details.identifier("name")
    return thing_of(kinds.ECS_CLUSTER, place, "ecs", "cluster/", details.identifier("arn"), name)


def task_of(details: Body, place: Place) -> Thing | None:
    """Name the task of `taskDetails`."""
    return thing_of(kinds.ECS_TASK, place, "ecs", "task/", details.identifier("arn"), None)


def clusters(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the cluster with its size and its tags."""
    cluster = cluster_of(details, place)
    if cluster is None:
        return
    home, tags = home_of(cluster, place), tag_properties(details)
    size = facts(
        activeServicesCount=details.number("activeServicesCount"),
        registeredContainerInstancesCount=details.number("registeredContainerInstancesCount"),
        runningTasksCount=details.number("runningTasksCount"),
    )
    yield Resource(
        thing=cluster,
        changes=(
            witness.of_key(cluster, stubs.service(kinds.ECS, home.everywhere())),
            witness.saw(cluster, "ecsClusterDetails", {**status_facts(details), **size, **tags}),
            *stubs.service_stubs(witness, kinds.ECS, home.everywhere()),
        ),
        target=cluster.key,
        tags=tags,
    )


def tasks(details: Body, cluster: Thing | None, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the task (`taskDetails`): which cluster runs it, which definition defines it."""
    task = task_of(details, place)
    if task is None:
        return
    arn, tags = details.secondary("definitionArn"), tag_properties(details)
    definition = thing_of(kinds.TASK_DEFINITION, place, "ecs", "task-definition/", arn, None)
    edges: list[Edge] = []
    stated: list[GraphChange] = []
    if cluster:
        edges.append(incoming("RUNS", cluster))
    if definition:
        edges.append(incoming("DEFINES", definition))
        stated.append(witness.of_key(definition))
    yield Resource(
        thing=task,
        changes=(
            witness.of_key(task),
            witness.saw(task, "taskDetails", {**_task_facts(details), **tags}, edges),
            *stated,
        ),
        target=task.key,
        tags=tags,
    )


def _task_facts(details: Body) -> dict[str, Value]:
    return facts(
        taskDefinitionArn=details.text("definitionArn"),
        version=details.text("version"),
        createdOn=details.moment("createdAt"),
        startedOn=details.moment("startedAt"),
        startedBy=details.text("startedBy"),
        launchType=details.text("launchType"),
        group=details.text("group"),
        hostPaths=host_paths(details),
    )
