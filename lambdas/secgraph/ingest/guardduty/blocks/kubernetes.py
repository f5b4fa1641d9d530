"""`eksClusterDetails` and `kubernetesWorkloadDetails` → the cluster, and the workload in it.

The user of `kubernetesUserDetails` becomes properties of the finding, not an entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from secgraph.graph.model import Edge, Value
from secgraph.ingest import kinds, stubs
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body, checked_identifier
from secgraph.ingest.guardduty.blocks.arns import home_of, thing_of
from secgraph.ingest.guardduty.blocks.cluster_status import status_facts
from secgraph.ingest.kinds import Kind
from secgraph.ingest.stubs import Network, Resource
from secgraph.ingest.tags import tag_properties
from secgraph.ingest.things import Thing, Witness, incoming
from secgraph.ingest.values import distinct, facts

_WORKLOADS: Final[Mapping[str, Kind]] = {
    "pod": kinds.POD,
    "job": kinds.JOB,
    "cronjob": kinds.CRON_JOB,
    "deployment": kinds.DEPLOYMENT,
    "daemonset": kinds.DAEMON_SET,
    "replicaset": kinds.REPLICA_SET,
    "statefulset": kinds.STATEFUL_SET,
    "replicationcontroller": kinds.REPLICATION_CONTROLLER,
}
_WORD: Final = re.compile("[a-z][a-z0-9]{0,39}")


def cluster_of(details: Body, place: Place) -> Thing | None:
    """Name the EKS cluster of `eksClusterDetails`."""
    name = details.identifier("name")
    return thing_of(kinds.EKS_CLUSTER, place, "eks", "cluster/", details.identifier("arn"), name)


def clusters(details: Body, place: Place, witness: Witness) -> Iterator[Resource]:
    """Read the cluster with its VPC and its tags."""
    cluster = cluster_of(details, place)
    if cluster is None:
        return
    home, tags = home_of(cluster, place), tag_properties(details)
    network = Network(home, details.identifier("vpcId"))
    edges: list[Edge] = [incoming("HAS", network.vpc)] if network.vpc else []
    yield Resource(
        thing=cluster,
        changes=(
            witness.of_key(cluster, stubs.service(kinds.EKS, home.everywhere())),
            witness.saw(cluster, "eksClusterDetails", {**cluster_facts(details, network), **tags}, edges),
            *stubs.service_stubs(witness, kinds.EKS, home.everywhere()),
            *network.stubs_and_service(witness),
        ),
        target=cluster.key,
        tags=tags,
    )


def cluster_facts(details: Body, network: Network) -> dict[str, Value]:
    """Say in which state a cluster is, where, and since when."""
    known = facts(vpcId=network.vpc_id, createdOn=details.moment("createdAt"))
    return {**status_facts(details), **known}


def workload_of(details: Body, cluster: Thing) -> Thing | None:
    """Name the workload of `kubernetesWorkloadDetails` in its cluster: by namespace, type and name. Its id is
    these three; which of them is which is for the block to state."""
    name, type_ = details.identifier("name"), details.text("type")
    if name is None or type_ is None:
        return None
    singular, namespace = _singular(type_), details.identifier("namespace")
    path = "/".join(part for part in (namespace, f"{singular}s", name) if part)
    key = checked_identifier(f"{cluster.key}/{path}", details.at("name"))
    return Thing(workload_kind(singular), key, path, cluster.place)


def workloads(details: Body, cluster: Thing, witness: Witness) -> Iterator[Resource]:
    """Read the workload: what it may reach of its host, and the host's folders that it mounts."""
    workload = workload_of(details, cluster)
    if workload is None:
        return
    stated = {**stated_name(details.text("name")), **_workload_facts(details)}
    yield Resource(
        thing=workload,
        changes=(
            witness.of_key(workload, cluster),
            witness.saw(workload, "kubernetesWorkloadDetails", stated),
        ),
    )


def stated_name(name: str | None) -> dict[str, Value]:
    """Say what a block calls a workload."""
    return facts(name=name, displayName=name)


def _workload_facts(details: Body) -> dict[str, Value]:
    return facts(
        namespace=details.text("namespace"),
        uid=details.text("uid"),
        serviceAccountName=details.text("serviceAccountName"),
        hostNetwork=details.flag("hostNetwork"),
        hostIPC=details.flag("hostIPC"),
        hostPID=details.flag("hostPID"),
        hostPaths=host_paths(details),
    )


def host_paths(details: Body) -> tuple[str, ...]:
    """List the folders of the host that the `volumes` of a workload or task mount."""
    return distinct(volume.body("hostPath").text("path") for volume in details.bodies("volumes"))


def _singular(type_: str) -> str:
    """Give the singular of a type in small letters (`pods`, `Pod` and `PODS`: `pod`)."""
    word = type_.lower().replace("_", "")
    if not _WORD.fullmatch(word):
        return "workload"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 1 else word


@lru_cache(maxsize=256)
def workload_kind(singular: str) -> Kind:
    """Give the kind of a workload by its singular; one of another API than Kubernetes' own is of the class
    Deployment, like most."""
    return _WORKLOADS.get(singular) or Kind(f"kube_{singular}", ("Deployment",), has_arn=False)
