"""`resources[]` of an attack sequence → what is listed, each thing once, named as far as it can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from secgraph.ingest.aws import PARTITIONS, Place, arn_of
from secgraph.ingest.body import Body, is_identifier
from secgraph.ingest.guardduty.sequence import naming
from secgraph.ingest.guardduty.sequence.element import Listed, gathered


def listed(sequence: Body, home: Place) -> tuple[Listed, ...]:
    """Name what the resources are; `home` is where the finding is."""
    each_uid_once = gathered(_plain(sequence, home))
    found = _with_workloads(gathered(replace(each, thing=naming.thing_of(each)) for each in each_uid_once))
    runners = _by_member(found, "containerUids", ("KUBERNETES_WORKLOAD", "ECS_TASK"))
    clusters = _by_member(found, "taskUids", ("ECS_CLUSTER",))
    inside = (naming.container(each, runners) if each.type == "CONTAINER" else each for each in found)
    return gathered(_in_cluster(each, clusters) if each.type == "ECS_TASK" else each for each in inside)


def _with_workloads(all_: tuple[Listed, ...]) -> tuple[Listed, ...]:
    clusters = {each.thing.key: each for each in all_ if each.type == "EKS_CLUSTER" and each.thing}
    workload = "KUBERNETES_WORKLOAD"
    return tuple(naming.workload(each, clusters) if each.type == workload else each for each in all_)


def _by_member(all_: Iterable[Listed], name: str, holders: tuple[str, ...]) -> dict[str, Listed]:
    """Give what has a uid in its list of that name, the first that has it, by that uid."""
    found: dict[str, Listed] = {}
    for each in all_:
        if each.thing and each.type in holders:
            for uid in each.data.texts(name):
                found.setdefault(uid, each)
    return found


def _in_cluster(task: Listed, clusters: dict[str, Listed]) -> Listed:
    return replace(task, inside=next((clusters[uid] for uid in task.uids if uid in clusters), None))


def _plain(sequence: Body, home: Place) -> Iterator[Listed]:
    for body in sequence.bodies("resources"):
        uid = body.text("uid") or body.text("name")
        if uid is None:
            continue
        partition = body.text("cloudPartition")
        stated = Place(
            partition=partition if partition and partition in PARTITIONS else home.partition,
            account=body.identifier("accountId") or home.account,
            region=body.identifier("region") or home.region,
        )
        place = naming.placed(arn_of(uid) if is_identifier(uid) else None, stated)
        yield Listed(body, body.text("resourceType") or "UNKNOWN", uid, place)
