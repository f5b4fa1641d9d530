"""GuardDuty findings: owners, clocks, samples, severities, and what is masked, missing or wrong."""

from __future__ import annotations

import pytest

from secgraph.errors import EventError
from secgraph.graph.merge import content_hash

ACCOUNT = "210987654321"
GUARDDUTY = f"arn:aws:guardduty:eu-west-1:{ACCOUNT}:detector/6ab6e6ee780ed494f3b7ca56acdc74df"
INSTANCE = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718"
FINDING = f"{GUARDDUTY}/finding/1c7d0f6e2b9a4d53"
BUCKET = "arn:aws:s3:::shop-data"


def test_an_instance_of_which_only_the_id_is_known(see, load):
    event = load("guardduty/instance_brute_force")
    event["detail"]["resource"]["instanceDetails"] = {"instanceId": "i-1", "tags": None, "imageId": None}
    seen = see(event)
    instance = seen.entities[f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1"]
    assert instance["hostname"] == instance["displayName"] == instance["name"] == "i-1"
    assert "active" not in instance


def test_an_account_that_owns_findings_is_not_only_mentioned(see, load):
    own = load("guardduty/user")
    own["detail"]["service"]["action"]["awsApiCallAction"]["remoteAccountDetails"]["accountId"] = ACCOUNT
    assert see(own).entities[ACCOUNT]["_source"] == "integration-managed"


@pytest.mark.parametrize(
    ("user_type", "name"),
    [("Root", "root"), ("AWSService", "x"), ("FederatedUser", "x"), ("IAMUser", "ANONYMOUS_PRINCIPAL-1")],
)
def test_callers_that_are_no_entity(see, load, user_type, name):
    event = load("guardduty/role_archived")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userType": user_type, "userName": name}
    assert not any(key.startswith("aws_iam_") for key in see(event).keys)


def test_the_key_of_another_account_is_not_this_ones(see, load):
    event = load("guardduty/foreign_account")
    event["detail"]["resource"]["accessKeyDetails"] |= {
        "accessKeyId": "AKIAEXAMPLEKEY000009",
        "principalId": "a|b",
    }
    seen = see(event)
    assert not any(key.startswith("aws_iam_") for key in seen.keys)
    assert seen.finding["accessKeyId"] == "AKIAEXAMPLEKEY000009"
    assert "777788889999" in seen.keys


@pytest.mark.parametrize(("id_", "named"), [("777788889999", True), ("masked", False), ("a|b", False)])
def test_only_what_is_an_account_id_becomes_an_account(see, load, id_, named):
    event = load("guardduty/user")
    caller = {"accountId": id_, "affiliated": True}
    event["detail"]["service"]["action"]["awsApiCallAction"]["remoteAccountDetails"] = caller
    seen = see(event)
    assert (id_ in seen.keys) is named
    assert seen.finding["remoteAccountId"] == id_


@pytest.mark.parametrize(
    ("address", "collected"),
    [
        ("198.51.100.7", True),
        ("2001:db8::7", True),
        ("GeneratedFindingIp", False),
        ("198.51.100.0/24", False),
    ],
)
def test_only_addresses_are_gathered(see, load, address, collected):
    event = load("guardduty/user")
    event["detail"]["service"]["action"]["awsApiCallAction"]["remoteIpDetails"] = {"ipAddressV4": address}
    finding = see(event).finding
    assert finding["remoteIpAddress"] == address
    assert finding.get("remoteIpAddresses", ()) == ((address,) if collected else ())


def test_what_is_unknown_of_a_bucket_is_left_open(see, load):
    event = load("guardduty/bucket_upload")
    event["detail"]["resource"]["s3BucketDetails"] = [
        {"name": "shop-data", "publicAccess": {"effectivePermission": "UNKNOWN"}}
    ]
    bucket = see(event).entities[BUCKET]
    assert not {"public", "encrypted", "blockPublicAcls", "classification"} & set(bucket)


@pytest.mark.parametrize("marked", [{"sample": True}, {"value": '{"sample":true}', "type": "default"}])
def test_samples_are_told_by_their_mark(see, load_with, marked):
    seen = see(load_with("guardduty/instance_brute_force", ("service", "additionalInfo"), marked))
    assert seen.finding["sample"] is True
    assert seen.keys == {FINDING, GUARDDUTY}


def test_a_sample_that_lost_its_mark_is_told_by_its_title(see, load):
    event = load("guardduty/instance_brute_force")
    event["detail"]["title"] = "[SAMPLE] " + event["detail"]["title"]
    assert see(event).keys == {FINDING, GUARDDUTY}


def test_a_user_of_a_process_may_have_a_name_for_an_id(see, load_with):
    process = {"userId": "root", "pid": 12}
    seen = see(load_with("guardduty/ecs_runtime", ("service", "runtimeDetails", "process"), process))
    assert (seen.finding["processUserId"], seen.finding["processPid"]) == ("root", 12)


@pytest.mark.parametrize("marked", [{"value": "sample"}, {"value": '"sample"'}, {"sample": False}, None])
def test_what_is_no_sample(see, load_with, marked):
    seen = see(load_with("guardduty/instance_brute_force", ("service", "additionalInfo"), marked))
    assert "sample" not in seen.finding
    assert INSTANCE in seen.keys


@pytest.mark.parametrize(
    ("number", "band"),
    [
        (0.5, "low"),
        (3.9, "low"),
        (4, "medium"),
        (6.9, "medium"),
        (7.0, "high"),
        (8.9, "high"),
        (9, "critical"),
    ],
)
def test_severity_bands(see, load, number, band):
    event = load("guardduty/instance_brute_force")
    event["detail"]["severity"] = number
    assert see(event).finding["severity"] == band


def test_the_owner_is_never_the_bus(see, load):
    member, administrator = load("guardduty/instance_brute_force"), load("guardduty/instance_brute_force")
    administrator |= {
        "account": "999999999999",
        "id": "other",
        "region": "us-east-1",
        "time": "2025-03-03T00:00:00Z",
    }
    assert see(member).changes == see(administrator).changes == see(member["detail"]).changes


@pytest.mark.parametrize("missing", ["accountId", "region", "partition", "id"])
def test_the_arn_tells_what_the_body_leaves_out(see, load, missing):
    event = load("guardduty/instance_brute_force")
    whole = see(event).finding
    event["detail"][missing] = None
    assert see(event).finding == whole


def test_clock_and_rank(see, load):
    event = load("guardduty/instance_brute_force")
    observation = see(event).changes[0].observation
    assert (observation.time, observation.rank) == (1740912312402, 6)
    event["detail"]["service"]["archived"] = True
    assert see(event).changes[0].observation.rank == 7


@pytest.mark.parametrize("name", ["instance_brute_force", "sequence_eks_cluster", "bucket_upload"])
def test_what_is_said_of_other_things_is_as_new_as_the_activity(see, load, name):
    """A finding is updated up to six hours after it, when a host may be gone."""
    event = load(f"guardduty/{name}")
    event["detail"]["updatedAt"] = "2025-06-01T06:00:00Z"
    event["detail"]["service"]["eventLastSeen"] = "2025-06-01T00:00:00Z"
    own, *others = [change.observation.time for change in see(event).changes]
    assert (own, max(others)) == (1_748_757_600_000, 1_748_736_000_000)
    event["detail"]["service"]["eventLastSeen"] = None
    assert max(change.observation.time for change in see(event).changes[1:]) == own


def test_a_finding_on_what_was_before_does_not_bring_a_terminated_host_back(see, load):
    gone, late = load("inspector/coverage_instance_terminated"), load("guardduty/instance_brute_force")
    late["detail"]["updatedAt"] = "2025-06-01T06:00:00Z"
    for order in ((gone, late), (late, gone)):
        assert see(*order).entities[INSTANCE]["_deleted"] is True
    late["detail"]["service"]["eventLastSeen"] = "2025-06-01T00:00:00Z"
    assert "_deleted" not in see(gone, late).entities[INSTANCE]


def test_constants_are_the_same_in_every_event(see, load):
    later = load("guardduty/instance_brute_force")
    later["detail"] |= {"updatedAt": "2025-04-01T00:00:00Z", "severity": 8}
    constants = [
        {(c.thing.key, content_hash(c.observation)) for c in see(event).changes if c.observation.time <= 1}
        for event in ("guardduty/instance_brute_force", later)
    ]
    assert len(constants[0]) == 15
    assert constants[0] == constants[1]


@pytest.mark.parametrize(
    "service",
    [
        {"action": {}},
        {"action": None, "additionalInfo": None, "evidence": None, "count": None, "archived": None},
        {},
        None,
    ],
)
@pytest.mark.parametrize("resource", [{}, None, {"instanceDetails": None, "s3BucketDetails": None}])
def test_masked_findings_are_stored(see, load, service, resource):
    event = load("guardduty/instance_brute_force")
    event["detail"] |= {"service": service, "resource": resource}
    seen = see(event)
    assert seen.finding["open"] is True
    assert (ACCOUNT, "HAS", FINDING) in seen.edges


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("arn",), None, "detail.arn: is missing"),
        (("arn",), "i-1", "detail.arn: 'i-1' is not the ARN of a GuardDuty finding"),
        (("arn",), f"{GUARDDUTY}/finding/a|b", "detail.arn:"),
        (("arn",), f"arn:aws:inspector2:eu-west-1:{ACCOUNT}:finding/1", "detail.arn:"),
        (("type",), "", "detail.type: is missing"),
        (("severity",), None, "detail.severity: expected a number from 0 to 10"),
        (("severity",), 11, "detail.severity: expected a number from 0 to 10"),
        (("severity",), "HIGH", "detail.severity: expected a number, got a text"),
        (("updatedAt",), None, "detail.updatedAt: is missing"),
        (("updatedAt",), "soon", "detail.updatedAt: 'soon' is no moment"),
        (("resource",), "text", "detail.resource: expected an object, got a text"),
        (("resource", "instanceDetails"), [1], "detail.resource.instanceDetails: expected an object"),
        (
            ("resource", "instanceDetails", "networkInterfaces"),
            {"a": 1},
            "detail.resource.instanceDetails.networkInterfaces: expected a list",
        ),
        (("resource", "instanceDetails", "instanceId"), "i|1", "detail.resource.instanceDetails.instanceId:"),
        (("service", "archived"), "maybe", "detail.service.archived: expected true or false"),
    ],
)
def test_wrong_findings_name_the_field(see, load_with, path, value, said):
    with pytest.raises(EventError) as error:
        see(load_with("guardduty/instance_brute_force", path, value))
    assert said in str(error.value)


def test_console_of_other_partitions(see, load):
    event = load("guardduty/instance_brute_force")
    event["detail"] |= {
        "partition": "aws-cn",
        "region": "cn-north-1",
        "arn": f"arn:aws-cn:guardduty:cn-north-1:{ACCOUNT}:detector/d/finding/f",
    }
    assert see(event).finding["webLink"].startswith("https://cn-north-1.console.amazonaws.cn/guardduty/")
