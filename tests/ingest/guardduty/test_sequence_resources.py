"""What the resources of an attack sequence leave out, say twice, spell otherwise or only mention."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from secgraph.graph.merge import content_hash
from secgraph.ingest.event import parse
from secgraph.ingest.normalise import normalise

FIXTURES: Final = Path(__file__).parent / "fixtures"
ACCOUNT, REGION = "210987654321", "eu-west-1"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
NODE = f"{EC2}:instance/i-0a1b2c3d"
EKS = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
GROUP = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup"
DIRECTORY = f"arn:aws:s3express:{REGION}:{ACCOUNT}:bucket/shop--x-s3"
ACCESS_POINT = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/reports"
OUTPOST = f"arn:aws:s3-outposts:{REGION}:{ACCOUNT}:outpost/op-1/bucket/shop"


def listed(uid: str, type_: str, block: str = "", /, *, more: Any = None, **data: Any) -> dict[str, Any]:
    """An element of `resources[]`: its uid, its type, and the block that its data are in."""
    home = {"accountId": ACCOUNT, "region": REGION, "cloudPartition": "aws"}
    return {
        "uid": uid,
        "resourceType": type_,
        "data": {block: data} if block else None,
        **home,
        **(more or {}),
    }


def sequence(*resources: dict[str, Any], on: str = "2025-03-02T10:45:12.402Z", **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((FIXTURES / "sequence_credentials.event.json").read_text("utf-8"))
    held = {"uid": "s1", "resources": resources, "actors": [], "signals": [], **more}
    event["detail"]["service"]["detection"] = {"sequence": held}
    event["detail"]["updatedAt"] = on
    return event


def single(**resource: Any) -> dict[str, Any]:
    event = sequence()
    event["detail"]["service"]["detection"] = None
    event["detail"]["resource"] = resource
    return event


def calls(action: Callable[[], object]) -> int:
    """Count the calls of functions that something takes."""
    made = 0

    def count(_frame: object, event: str, _held: object) -> None:
        nonlocal made
        made += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(before)
    return made


def groups(number: int, instances: int) -> list[dict[str, Any]]:
    """Auto Scaling groups, each of other instances, and as many listed instances again."""
    block = "autoscalingAutoScalingGroup"
    members = [[f"i-{group:04x}{each:04x}" for each in range(instances)] for group in range(number)]
    own = [f"{EC2}:instance/i-{number:04x}{each:04x}" for each in range(number * instances)]
    return [
        *(
            listed(
                f"{GROUP}:{n}:autoScalingGroupName/g",
                "AUTOSCALING_AUTO_SCALING_GROUP",
                block,
                ec2InstanceUids=m,
            )
            for n, m in enumerate([*members, own])
        ),
        *(listed(uid, "EC2_INSTANCE", "ec2Instance", instanceType="m6i.large") for uid in own),
    ]


def test_the_work_grows_with_the_list_and_not_with_its_square():
    few, many = (parse(sequence(*groups(2, size))) for size in (20, 200))
    fewer = calls(lambda: normalise(few, received_on=1))
    more = calls(lambda: normalise(many, received_on=1))
    assert more < 12 * fewer


@pytest.mark.parametrize(
    ("element", "told"),
    [
        (
            listed("arn:aws:s3:::shop/a|b.csv", "S3_OBJECT", "s3Object", key="a|b.csv"),
            {"objectArns": ("arn:aws:s3:::shop/a|b.csv",)},
        ),
        (
            listed(f"{GROUP}:1:autoScalingGroupName/a|b", "AUTOSCALING_AUTO_SCALING_GROUP"),
            {"otherResources": (f"AUTOSCALING_AUTO_SCALING_GROUP={GROUP}:1:autoScalingGroupName/a|b",)},
        ),
        (listed("x|y", "EKS_CLUSTER", more={"name": "x|y"}), {"otherResources": ("EKS_CLUSTER=x|y",)}),
        (
            listed(f"{EKS}/pods/a\tb", "KUBERNETES_WORKLOAD", "kubernetesWorkload", type="PODS"),
            {"otherResources": (f"KUBERNETES_WORKLOAD={EKS}/pods/a\tb",)},
        ),
        (listed("arn:aws:s3:::" + "x" * 2_100, "S3_BUCKET"), {}),
        (
            listed(EKS, "EKS_CLUSTER", "eksCluster", vpcId="vpc|1", ec2InstanceUids=["i-1|2", "a|b/i-3"]),
            {"otherResources": None},
        ),
        (listed("AK|1", "ACCESS_KEY", "accessKey", principalId="a|b"), {"actorAccessKeyIds": ("AK|1",)}),
        (listed("arn:aws:s3:::c", "S3_BUCKET", "s3Bucket", encryptionKeyArn="arn:aws:kms:e:1:key/a|b"), {}),
    ],
)
def test_what_cannot_be_a_key_is_told_and_nothing_else_is_lost(see, element, told):
    seen = see(sequence(element, listed(EKS, "EKS_CLUSTER"), listed(NODE, "EC2_INSTANCE")))
    assert {name: seen.finding.get(name) for name in told} == told
    assert {EKS, NODE} <= seen.keys
    assert not any("|" in key or "\t" in key for key in seen.keys)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_mention_takes_nothing_from_what_was_seen(see, reverse):
    tags = [{"key": "Production", "value": "true"}]
    whole = listed(NODE, "EC2_INSTANCE", "ec2Instance", instanceType="m6i.large", more={"tags": tags})
    mention = listed(EKS, "EKS_CLUSTER", "eksCluster", ec2InstanceUids=[NODE])
    events = [sequence(whole), sequence(mention, on="2025-03-03T10:00:00.000Z")]
    seen = see(*(reversed(events) if reverse else events))
    node = seen.entities[NODE]
    assert (node["instanceType"], node["tag.Production"]) == ("m6i.large", True)
    assert (EKS, "CONTAINS", NODE) in seen.edges


@pytest.mark.parametrize(
    ("arn", "name"),
    [(DIRECTORY, "shop--x-s3"), (ACCESS_POINT, "reports"), (OUTPOST, "shop"), ("arn:aws:s3:::shop", "shop")],
)
def test_what_follows_from_the_arn_of_a_bucket_is_the_same_in_every_block(see, arn, name):
    events = [
        single(s3BucketDetails=[{"arn": arn, "name": name}]),
        single(s3BucketDetails=[{"arn": arn, "name": "called-otherwise"}]),
        sequence(listed(arn, "S3_BUCKET", "s3Bucket", encryptionType="AES256", more={"name": "another"})),
    ]
    own = [change for change in see(*events).changes if change.thing.key == arn]
    known = {content_hash(one.observation): one.observation for one in own if one.observation.time == 0}
    assert [(each.properties["id"], each.properties["bucketName"]) for each in known.values()] == [
        (name, name)
    ]
    assert see(events[1]).entities[arn]["bucketName"] == "called-otherwise"
    assert see(events[2]).entities[arn]["bucketName"] == "another"


def test_the_arn_of_something_else_is_no_bucket(see):
    seen = see(single(s3BucketDetails=[{"arn": NODE, "name": "shop"}, {"arn": NODE}]))
    assert [key for key, held in seen.entities.items() if held["_type"] == "aws_s3_bucket"] == [
        "arn:aws:s3:::shop"
    ]


def test_vpc_and_subnet_are_those_of_one_interface(see):
    block = "ec2NetworkInterface"
    seen = see(
        sequence(
            listed(NODE, "EC2_INSTANCE", "ec2Instance", ec2NetworkInterfaceUids=["eni-1", "eni-2"]),
            listed("eni-1", "EC2_NETWORK_INTERFACE", block, vpcId="vpc-a"),
            listed("eni-2", "EC2_NETWORK_INTERFACE", block, vpcId="vpc-b", subNetId="subnet-b"),
        )
    )
    assert {start for start, verb, _ in seen.edges if verb == "CONTAINS"} == {f"{EC2}:vpc/vpc-b"}
    assert (seen.entities[NODE]["vpcId"], seen.entities[NODE]["subnetId"]) == ("vpc-b", "subnet-b")


def test_a_uid_of_two_types_is_two_things(see):
    assert {"arn:aws:s3:::shop", EKS} <= see(
        sequence(listed("shop", "S3_BUCKET"), listed("shop", "EKS_CLUSTER"))
    ).keys


def test_a_task_whose_arn_names_no_cluster_runs_where_it_is_listed(see):
    task, cluster = f"{ECS}:task/0f1e", f"{ECS}:cluster/shop"
    seen = see(
        sequence(listed(task, "ECS_TASK"), listed(cluster, "ECS_CLUSTER", "ecsCluster", taskUids=[task]))
    )
    assert (cluster, "RUNS", task) in seen.edges


@pytest.mark.parametrize("uids", [("i-0a1b2c3d", NODE), (NODE, "i-0a1b2c3d"), (NODE, NODE)])
def test_elements_that_name_one_thing_are_one(see, uids):
    first, second = uids
    tag = {"tags": [{"key": "Production", "value": "true"}]}
    seen = see(
        sequence(
            listed(first, "EC2_INSTANCE", "ec2Instance", instanceType="first", more=tag),
            listed(second, "EC2_INSTANCE", "ec2Instance", instanceType="second", platform="linux"),
            listed(EKS, "EKS_CLUSTER", "eksCluster", ec2InstanceUids=[first]),
            listed(EKS, "EKS_CLUSTER", "eksCluster", ec2InstanceUids=[second, "i-2"]),
        )
    )
    node = seen.entities[NODE]
    assert (node["instanceType"], node["platform"], node["tag.Production"]) == ("first", "linux", True)
    assert {end for start, verb, end in seen.edges if (start, verb) == (EKS, "CONTAINS")} == {
        NODE,
        f"{EC2}:instance/i-2",
    }
    blocks = [
        (change.thing.id, change.observation.block) for change in seen.changes if change.observation.time > 1
    ]
    assert len(blocks) == len(set(blocks))


@pytest.mark.parametrize("order", [1, -1])
def test_actors_who_are_one_are_one(see, order):
    user = {"uid": "AIDAEXAMPLE", "type": "IAMUser", "credentialUid": "AKIAEXAMPLE"}
    users = [
        {**user, "name": "rosa"},
        {**user, "name": None},
        {"credentialUid": "AKIAEXAMPLE", "type": "Root"},
    ]
    seen = see(sequence(actors=[{"id": str(n), "user": each} for n, each in enumerate(users[::order])]))
    assert seen.entities["aws_iam_user:AIDAEXAMPLE"]["name"] == "rosa"
    assert ("aws_iam_user:AIDAEXAMPLE", "HAS", "aws_iam_access_key:AKIAEXAMPLE") in seen.edges
    blocks = [
        (change.thing.id, content_hash(change.observation))
        for change in seen.changes
        if change.observation.block == "guardduty/sequence/actor"
    ]
    assert len(set(blocks)) == 2


def test_a_workload_says_the_same_for_ever_however_its_parts_are_cut(see):
    eks = {"arn": EKS, "name": "shop"}
    events = [
        single(
            eksClusterDetails=eks, kubernetesDetails={"kubernetesWorkloadDetails": {"type": "pods", **names}}
        )
        for names in ({"namespace": "pay", "name": "a/pods/b"}, {"namespace": "pay/pods/a", "name": "b"})
    ]
    seen = see(*events)
    own = [each.observation for each in seen.changes if each.thing.key == f"{EKS}/pay/pods/a/pods/b"]
    assert len({content_hash(each) for each in own if each.time == 0}) == 1
    assert {each.properties["name"] for each in own if each.time > 0} == {"a/pods/b", "b"}


def test_a_workload_without_a_type_is_told_by_the_finding(see):
    workload = {"name": "api", "namespace": "pay", "type": None}
    seen = see(
        single(eksClusterDetails={"arn": EKS}, kubernetesDetails={"kubernetesWorkloadDetails": workload})
    )
    assert (seen.finding["kubernetesWorkloadName"], seen.finding["kubernetesNamespace"]) == ("api", "pay")
