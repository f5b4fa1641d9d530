"""What resource blocks of GuardDuty findings leave out, mask or spell in another way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secgraph.ingest import kinds
from secgraph.ingest.aws import Place
from secgraph.ingest.body import Body
from secgraph.ingest.event import parse
from secgraph.ingest.guardduty.blocks.kubernetes import workload_kind, workload_of
from secgraph.ingest.normalise import normalise
from secgraph.ingest.registry import registered
from secgraph.ingest.things import Thing

FIXTURES = Path(__file__).parent / "fixtures"
ACCOUNT, REGION = "111122223333", "us-east-1"
EKS = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop"
DIGEST = "sha256:" + "ab" * 32
REPOSITORY = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository"


def read(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((FIXTURES / f"{name}.event.json").read_text("utf-8"))
    return event


def with_resource(name: str, **blocks: Any) -> dict[str, Any]:
    event = read(name)
    event["detail"]["resource"] |= blocks
    return event


def of_finding(seen) -> set[str]:
    """Give what has the finding."""
    finding = seen.finding["arn"]
    return {start for start, verb, end in seen.edges if verb == "HAS" and end == finding}


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("pods", "kube_pod"),
        ("Pod", "kube_pod"),
        ("CRONJOBS", "kube_cron_job"),
        ("jobs", "kube_job"),
        ("deployments", "kube_deployment"),
        ("daemonsets", "kube_daemon_set"),
        ("replicasets", "kube_replica_set"),
        ("statefulsets", "kube_stateful_set"),
        ("replicationcontrollers", "kube_replication_controller"),
        ("rollouts", "kube_rollout"),
        ("My Type!", "kube_workload"),
    ],
)
def test_workloads_of_any_type(type_, kind):
    cluster = Thing(kinds.EKS_CLUSTER, EKS, "shop", Place("aws", ACCOUNT, REGION))
    workload = workload_of(Body({"name": "x", "type": type_, "namespace": "n"}, ""), cluster)
    assert workload is not None
    assert workload.kind.type == kind
    assert workload.key == f"{EKS}/n/{workload.key.split('/')[-2]}/x"


def test_the_class_of_a_workload():
    assert workload_kind("pod").classes == ("Task",)
    assert workload_kind("rollout").classes == ("Deployment",)


@pytest.mark.parametrize(
    ("address", "used"),
    [
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.2", f"{REPOSITORY}/shop/web"),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web", f"{REPOSITORY}/web"),
        (f"{ACCOUNT}.dkr.ecr-fips.eu-west-1.amazonaws.com/web@{DIGEST}", f"{REPOSITORY}/web@{DIGEST}"),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web:1@{DIGEST}", f"{REPOSITORY}/web@{DIGEST}"),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.cn/web:1", f"{REPOSITORY}/web"),
        (f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws/web:1", f"{REPOSITORY}/web"),
        ("public.ecr.aws/shop/web:1", None),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.bad.example/web:1", None),
        (f"x{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web:1", None),
        ("web:1", None),
        (None, None),
    ],
)
def test_addresses_of_images(address, used):
    found = registered(address, "aws")
    assert (found.used.key if found else None) == used


@pytest.mark.parametrize(
    ("stated", "cluster"),
    [
        ({"arn": "masked", "name": "shop"}, EKS),
        ({"arn": None, "name": "shop"}, EKS),
        ({"arn": EKS, "name": None}, EKS),
        ({"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop", "name": None}, None),
        ({"arn": "masked", "name": ""}, None),
    ],
)
def test_a_masked_arn_leaves_the_name(see, stated, cluster):
    seen = see(with_resource("kubernetes_role_binding", eksClusterDetails=stated))
    assert of_finding(seen) == {ACCOUNT, *([cluster] if cluster else [])}


def test_a_container_that_nothing_is_known_to_run_is_told_by_the_finding(see):
    seen = see(with_resource("container_on_instance", instanceDetails=None))
    assert of_finding(seen) == {ACCOUNT}
    assert seen.finding["containerImage"].endswith("/shop/tools:7")


def test_a_container_in_a_cluster_of_which_no_more_is_known(see):
    seen = see(with_resource("ecs_runtime", ecsClusterDetails={"name": "shop"}))
    cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/shop"
    (container,) = [key for key in of_finding(seen) if "/container/" in key]
    assert (cluster, "RUNS", container) in seen.edges


def test_a_session_of_another_name_is_no_proof_of_an_instances_role(see):
    event = read("instance_credentials")
    event["detail"]["resource"]["accessKeyDetails"]["principalId"] = "AROAEXAMPLEROLE00001:i-0other"
    assert not any(verb == "USES" and end.startswith("aws_iam_role") for _, verb, end in see(event).edges)


def test_a_lone_resource_is_the_primary_one_whatever_its_type_is_called(see):
    event = with_resource("snapshot", resourceType="SomethingNew")
    (primary,) = [edge for edge in see(event).relationships if edge.properties.get("primary")]
    assert str(primary.properties["_fromEntityKey"]).endswith("snapshot/snap-0a1b2c3d")


@pytest.mark.parametrize(
    ("interfaces", "vpc", "subnet"),
    [
        ([("vpc-a", None), ("vpc-b", "subnet-b")], "vpc-b", "subnet-b"),
        ([(None, "subnet-a"), ("vpc-b", None)], None, "subnet-a"),
        ([("vpc-a", "subnet-a"), ("vpc-b", "subnet-b")], "vpc-a", "subnet-a"),
        ([("vpc-a", "a|b"), (None, None)], "vpc-a", None),
        ([], None, None),
    ],
)
def test_vpc_and_subnet_of_a_host_are_those_of_one_interface(see, interfaces, vpc, subnet):
    named = [{"vpcId": vpc_id, "subnetId": subnet_id} for vpc_id, subnet_id in interfaces]
    seen = see(with_resource("snapshot", instanceDetails={"instanceId": "i-1", "networkInterfaces": named}))
    host = seen.entities[f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"]
    assert (host.get("vpcId"), host.get("subnetId")) == (vpc, subnet)
    contained = {edge for edge in seen.edges if edge[1] == "CONTAINS"}
    ec2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
    assert contained == (
        {(f"{ec2}:vpc/{vpc}", "CONTAINS", f"{ec2}:subnet/{subnet}")} if vpc and subnet else set()
    )


@pytest.mark.parametrize("lone", [{"id": "c2", "name": "app"}, {"id": "c2"}, {"name": "app"}])
def test_the_container_that_a_finding_is_about_is_the_primary_one(see, lone):
    event = with_resource("kubernetes_pod", resourceType="Container", containerDetails=lone)
    workload = event["detail"]["resource"]["kubernetesDetails"]["kubernetesWorkloadDetails"]
    workload["containers"] = [{"id": "c1", "name": "proxy"}, {"id": "c2", "name": "app"}]
    (primary,) = [edge for edge in see(event).relationships if edge.properties.get("primary")]
    assert str(primary.properties["_fromEntityKey"]).endswith("/container/c2")


def test_a_shard_group_of_no_known_cluster_is_had_by_rds(see):
    details = read("database_limitless")["detail"]["resource"]["rdsLimitlessDbDetails"]
    seen = see(
        with_resource("database_limitless", rdsLimitlessDbDetails=details | {"dbClusterIdentifier": ""})
    )
    assert (f"aws_rds:{ACCOUNT}", "HAS", details["dbShardGroupArn"]) in seen.edges
    assert (ACCOUNT, "HAS", f"aws_rds:{ACCOUNT}") in seen.edges


def test_a_volume_without_a_key_refers_to_none(see):
    volume = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-1"
    scanned = [{"volumeArn": volume, "kmsKeyArn": "null", "encryptionType": "UNENCRYPTED"}]
    seen = see(with_resource("snapshot", ebsVolumeDetails={"scannedVolumeDetails": scanned}))
    assert seen.entities[volume]["encrypted"] is False
    assert "encryptionKeyRef" not in seen.entities[volume]


def test_a_bucket_that_is_listed_twice_is_what_both_say_of_it(see):
    event = read("bucket_upload")
    tagged = {"name": "shop-data", "tags": [{"key": "Production", "value": "true"}], "type": "Destination"}
    plain = {"name": "shop-data", "tags": [], "owner": {"id": "o-1"}}
    for listed in ([tagged, plain], [plain, tagged]):
        event["detail"]["resource"]["s3BucketDetails"] = listed
        bucket = see(event).entities["arn:aws:s3:::shop-data"]
        assert (bucket["tag.Production"], bucket["bucketType"], bucket["ownerId"]) == (
            True,
            "Destination",
            "o-1",
        )
    event["detail"]["resource"]["s3BucketDetails"] = [tagged, tagged | {"type": "Source"}]
    assert see(event).entities["arn:aws:s3:::shop-data"]["bucketType"] == "Destination"


def test_null_is_absent_everywhere():
    tried = set()
    for path in sorted(FIXTURES.glob("*.event.json")):
        event = json.loads(path.read_text("utf-8"))
        detail = event.get("detail", event)
        for place, holder, member in _places(("resource", "service"), detail):
            if place in tried:
                continue
            tried.add(place)
            held, holder[member] = holder[member], None
            assert normalise(parse(event), received_on=1), place
            holder[member] = held
    assert len(tried) > 500


def _places(names: Iterable[Any], body: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give every place below some members: its path, its holder, and its name or index there."""
    for member in names:
        place = f"{path}.{member if isinstance(member, str) else 0}"
        yield place, body, member
        held = body[member]
        if isinstance(held, dict | list):
            yield from _places(list(held) if isinstance(held, dict) else range(len(held)), held, place)
