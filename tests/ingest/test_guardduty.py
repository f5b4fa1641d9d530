"""GuardDuty findings → facts of the graph."""

from __future__ import annotations

import pytest

from secgraph.errors import EventError
from secgraph.graph.merge import content_hash

ACCOUNT = "210987654321"
EC2 = f"arn:aws:ec2:eu-west-1:{ACCOUNT}"
GUARDDUTY = f"arn:aws:guardduty:eu-west-1:{ACCOUNT}:detector/6ab6e6ee780ed494f3b7ca56acdc74df"
INSTANCE, VPC = f"{EC2}:instance/i-0a1b2c3d4e5f60718", f"{EC2}:vpc/vpc-0456cdef"
SUBNET, ENI = f"{EC2}:subnet/subnet-0123abcd", f"{EC2}:network-interface/eni-0aaa1111bbbb2222c"
WEB, OPS = f"{EC2}:security-group/sg-0web", f"{EC2}:security-group/sg-0ops"
AMI = "arn:aws:ec2:eu-west-1::image/ami-0feedbeef"
FINDING = f"{GUARDDUTY}/finding/1c7d0f6e2b9a4d53"
USER, ROLE = "aws_iam_user:AIDAEXAMPLEUSER00001", "aws_iam_role:AROAEXAMPLEROLE00001"
KEY, BUCKET = "aws_iam_access_key:AKIAEXAMPLEKEY000001", "arn:aws:s3:::shop-data"
KMS = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"


def services(*names):
    edges = {(ACCOUNT, "HAS", f"{name}:{ACCOUNT}") for name in names}
    return edges | {(f"aws_guardduty:{ACCOUNT}", "HAS", GUARDDUTY)}


def test_instance_graph(see):
    seen = see("guardduty_instance")
    assert seen.edges == services("aws_guardduty", "aws_ec2") | {
        (GUARDDUTY, "IDENTIFIED", FINDING),
        (ACCOUNT, "HAS", FINDING),
        (INSTANCE, "HAS", FINDING),
        (f"aws_ec2:{ACCOUNT}", "HAS", INSTANCE),
        (f"aws_ec2:{ACCOUNT}", "HAS", VPC),
        (f"aws_ec2:{ACCOUNT}", "HAS", WEB),
        (f"aws_ec2:{ACCOUNT}", "HAS", OPS),
        (VPC, "HAS", INSTANCE),
        (VPC, "CONTAINS", SUBNET),
        (SUBNET, "HAS", INSTANCE),
        (WEB, "PROTECTS", INSTANCE),
        (OPS, "PROTECTS", INSTANCE),
        (INSTANCE, "HAS", WEB),
        (INSTANCE, "HAS", OPS),
        (WEB, "PROTECTS", ENI),
        (OPS, "PROTECTS", ENI),
        (INSTANCE, "USES", ENI),
        (INSTANCE, "USES", AMI),
    }


def test_every_edge_has_both_ends(see):
    for name in ("guardduty_instance", "guardduty_user", "guardduty_role", "guardduty_bucket"):
        seen = see(name)
        assert {end for start, _, stop in seen.edges for end in (start, stop)} <= seen.keys


def test_finding_properties(see):
    finding = see("guardduty_instance").finding
    expected = {
        "_class": ("Finding",),
        "_type": "aws_guardduty_finding",
        "_source": "integration-managed",
        "_scope": f"aws/{ACCOUNT}",
        "_integrationType": "aws",
        "id": "1c7d0f6e2b9a4d53",
        "name": "UnauthorizedAccess:EC2/SSHBruteForce",
        "displayName": "203.0.113.77 tries passwords on i-0a1b2c3d4e5f60718.",
        "category": "event",
        "numericSeverity": 5,
        "severity": "medium",
        "j1_severity": "medium",
        "open": True,
        "archived": False,
        "status": "open",
        "createdOn": 1740907200118,
        "updatedOn": 1740912312402,
        "count": 3,
        "accountId": ACCOUNT,
        "region": "eu-west-1",
        "threatPurpose": "UnauthorizedAccess",
        "resourceTypeAffected": "EC2",
        "threatFamily": "SSHBruteForce",
        "threatCategory": "unauthorizedaccess",
        "targets": ("i-0a1b2c3d4e5f60718",),
        "threatList": "Own list",
        "threatLists": ("Own list", "Vendor list"),
        "threatNames": ("BadBot",),
        "localPort": 22,
        "remotePort": 44705,
        "remoteAsn": "64512",
        "remoteLatitude": 52.52437,
        "remoteIpAddress": "203.0.113.77",
        "attackSource": "203.0.113.77",
        "remoteIpAddresses": ("203.0.113.77",),
        "actorIpAddresses": ("203.0.113.77",),
        "tag.Production": True,
        "webLink": "https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1"
        "#/findings?macros=current&fId=1c7d0f6e2b9a4d53",
    }
    assert {name: finding.get(name) for name in expected} == expected
    assert "sample" not in finding
    assert "closedOn" not in finding


def test_instance_properties(see):
    instance = see("guardduty_instance").entities[INSTANCE]
    expected = {
        "_class": ("Host",),
        "id": "i-0a1b2c3d4e5f60718",
        "instanceId": "i-0a1b2c3d4e5f60718",
        "arn": INSTANCE,
        "accountId": ACCOUNT,
        "region": "eu-west-1",
        "name": "web-1",
        "displayName": "web-1",
        "hostname": "ip-10-4-0-12.eu-west-1.compute.internal",
        "state": "running",
        "active": True,
        "launchedOn": 1740819600000,
        "publicIpAddress": "198.51.100.20",
        "privateIpAddress": "10.4.0.12",
        "vpcId": "vpc-0456cdef",
        "subnetId": "subnet-0123abcd",
        "securityGroupIds": ("sg-0web", "sg-0ops"),
        "tag.Production": True,
        "tag.CostCentre": 4711,
        "tags": ("Production",),
        "discoveredBy": "aws_guardduty_finding",
    }
    assert {name: instance.get(name) for name in expected} == expected
    assert not {"platform", "publicDnsName", "tag.aws:autoscaling:groupName"} & set(instance)


def test_stubs_carry_what_their_class_requires(see):
    entities = see("guardduty_instance").entities
    assert (entities[VPC]["public"], entities[VPC]["internal"]) == (False, True)
    assert entities[SUBNET]["vpcId"] == "vpc-0456cdef"
    assert (entities[WEB]["displayName"], entities[WEB]["isStateful"]) == ("web", True)
    assert (entities[GUARDDUTY]["_class"], entities[GUARDDUTY]["internal"]) == (
        ("Assessment", "Scanner"),
        True,
    )
    assert entities[f"aws_guardduty:{ACCOUNT}"]["function"] == ("threat-detection",)
    assert entities[AMI]["_scope"] == "global"


def test_an_instance_of_which_only_the_id_is_known(see, load):
    event = load("guardduty_instance")
    event["detail"]["resource"]["instanceDetails"] = {"instanceId": "i-1", "tags": None, "imageId": None}
    seen = see(event)
    instance = seen.entities[f"{EC2}:instance/i-1"]
    assert instance["hostname"] == instance["displayName"] == instance["name"] == "i-1"
    assert "active" not in instance


def test_user_and_long_term_key(see):
    seen = see("guardduty_user")
    finding = f"{GUARDDUTY}/finding/2d8e"
    assert seen.edges == services("aws_guardduty", "aws_iam") | {
        (GUARDDUTY, "IDENTIFIED", finding),
        (ACCOUNT, "HAS", finding),
        (USER, "HAS", finding),
        (KEY, "HAS", finding),
        (USER, "HAS", KEY),
        (f"aws_iam:{ACCOUNT}", "HAS", USER),
    }
    user, known = seen.entities[USER], seen.finding
    assert (user["username"], user["id"], user["name"]) == ("rosa", "AIDAEXAMPLEUSER00001", "rosa")
    assert (user["_class"], seen.entities[KEY]["_class"]) == (("User",), ("AccessKey", "Key"))
    assert (known["userName"], known["userId"]) == ("rosa", "AIDAEXAMPLEUSER00001")
    assert known["targets"] == ("AKIAEXAMPLEKEY000001",)
    assert known["affectedResources"] == ("AWS::S3::Bucket=shop-data",)
    assert (known["callerDomain"], known["remoteAccountId"]) == ("bad.example", "345678901234")
    assert (known["threatFamily"], known["detectionMechanism"]) == ("MaliciousIPCaller", "Custom")
    assert seen.entities["345678901234"]["_source"] == "system-mapper"


def test_an_account_that_owns_findings_is_not_only_mentioned(see, load):
    own = load("guardduty_user")
    own["detail"]["service"]["action"]["awsApiCallAction"]["remoteAccountDetails"]["accountId"] = ACCOUNT
    assert see(own).entities[ACCOUNT]["_source"] == "integration-managed"


def test_role_of_a_temporary_key_and_archived(see):
    seen = see("guardduty_role")
    finding = f"{GUARDDUTY}/finding/3e9f"
    assert {edge for edge in seen.edges if edge[2] == finding} == {
        (GUARDDUTY, "IDENTIFIED", finding),
        (ACCOUNT, "HAD", finding),
        (ROLE, "HAD", finding),
    }
    known, role = seen.finding, seen.entities[ROLE]
    assert (known["open"], known["status"], known["closedOn"]) == (False, "archived", known["updatedOn"])
    assert (known["roleName"], known["roleId"], known["roleSessionName"]) == (
        "deployer",
        "AROAEXAMPLEROLE00001",
        "session-7",
    )
    assert "userName" not in known
    assert (role["_class"], role["roleName"]) == (("AccessRole",), "deployer")
    assert not any(key.startswith("aws_iam_access_key") for key in seen.keys)


@pytest.mark.parametrize(
    ("user_type", "name"),
    [("Root", "root"), ("AWSService", "x"), ("FederatedUser", "x"), ("IAMUser", "ANONYMOUS_PRINCIPAL-1")],
)
def test_callers_that_are_no_entity(see, load, user_type, name):
    event = load("guardduty_role")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userType": user_type, "userName": name}
    assert not any(key.startswith("aws_iam_") for key in see(event).keys)


def test_a_foreign_account_that_called(see, load):
    event = load("guardduty_role")
    event["detail"]["resource"]["accessKeyDetails"] = {
        "userType": "AWSAccount",
        "principalId": "345678901234",
    }
    seen = see(event)
    assert seen.entities["345678901234"]["_source"] == "system-mapper"
    assert not any(start == "345678901234" for start, _, _ in seen.edges)


def test_bucket(see):
    seen = see("guardduty_bucket")
    finding = f"{GUARDDUTY}/finding/4fa0"
    assert seen.edges == services("aws_guardduty", "aws_iam", "aws_s3") | {
        (GUARDDUTY, "IDENTIFIED", finding),
        (ACCOUNT, "HAS", finding),
        (BUCKET, "HAS", finding),
        (ROLE, "HAS", finding),
        (f"aws_s3:{ACCOUNT}", "HAS", BUCKET),
        (f"aws_iam:{ACCOUNT}", "HAS", ROLE),
        (BUCKET, "USES", KMS),
    }
    expected = {
        "_class": ("DataStore",),
        "name": "shop-data",
        "bucketName": "shop-data",
        "accountId": ACCOUNT,
        "createdOn": 1513612691551,
        "public": False,
        "encrypted": True,
        "encryptionAlgorithm": "aws:kms",
        "encryptionKeyRef": KMS,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": False,
        "restrictPublicBuckets": False,
        "classification": "confidential",
        "tag.Classification": "Confidential",
        "tag.Reviewed": "",
        "tags": ("Reviewed",),
    }
    bucket = seen.entities[BUCKET]
    assert {name: bucket.get(name) for name in expected} == expected
    assert seen.finding["targets"] == (BUCKET,)
    assert seen.finding["objectArns"] == ("arn:aws:s3:::shop-data/orders.csv",)
    assert seen.entities[KMS]["_class"] == ("CryptoKey", "Key")


def test_what_is_unknown_of_a_bucket_is_left_open(see, load):
    event = load("guardduty_bucket")
    event["detail"]["resource"]["s3BucketDetails"] = [
        {"name": "shop-data", "publicAccess": {"effectivePermission": "UNKNOWN"}}
    ]
    bucket = see(event).entities[BUCKET]
    assert not {"public", "encrypted", "blockPublicAcls", "classification"} & set(bucket)


def test_a_sequence_is_not_dropped(see):
    seen = see("guardduty_sequence")
    finding = f"{GUARDDUTY}/finding/72d3"
    assert {(GUARDDUTY, "IDENTIFIED", finding), (ACCOUNT, "HAS", finding)} <= seen.edges


def test_kubernetes_and_sequence_properties(see):
    cluster, sequence = see("guardduty_cluster").finding, see("guardduty_sequence").finding
    assert cluster["kubernetesUsername"] == "system:anonymous"
    assert cluster["statusCode"] == 200
    assert set(cluster["remoteIpAddresses"]) == {"203.0.113.77", "203.0.113.90", "203.0.113.91"}
    assert (sequence["severity"], sequence["signalCount"]) == ("critical", 2)
    assert sequence["signalNames"] == ("s1", "s2")


@pytest.mark.parametrize("marked", [{"sample": True}, {"value": '{"sample":true}', "type": "default"}])
def test_a_sample_is_linked_to_its_detector_only(see, load, marked):
    event = load("guardduty_sample")
    event["detail"]["service"]["additionalInfo"] = marked
    seen = see(event)
    finding = f"{GUARDDUTY}/finding/61c2"
    assert seen.keys == {finding, GUARDDUTY}
    assert {edge for edge in seen.edges if finding in edge} == {(GUARDDUTY, "IDENTIFIED", finding)}
    known = seen.finding
    assert (known["sample"], known["_source"]) == (True, "sample-data")
    assert "targets" not in known
    assert (known["threatFamily"], known["detectionMechanism"], known["artifact"]) == (
        "C&CActivity",
        "B",
        "DNS",
    )
    assert (known["domain"], known["attackSource"]) == ("cc.example", "cc.example")


@pytest.mark.parametrize("marked", [{"value": "sample"}, {"value": '"sample"'}, {"sample": False}, None])
def test_what_is_no_sample(see, load, marked):
    event = load("guardduty_sample")
    event["detail"]["service"]["additionalInfo"] = marked
    assert "sample" not in see(event).finding


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
    event = load("guardduty_instance")
    event["detail"]["severity"] = number
    assert see(event).finding["severity"] == band


def test_the_owner_is_never_the_bus(see, load):
    member, administrator = load("guardduty_instance"), load("guardduty_instance")
    administrator |= {
        "account": "999999999999",
        "id": "other",
        "region": "us-east-1",
        "time": "2025-03-03T00:00:00Z",
    }
    assert see(member).changes == see(administrator).changes == see(member["detail"]).changes


@pytest.mark.parametrize("missing", ["accountId", "region", "partition", "id"])
def test_the_arn_tells_what_the_body_leaves_out(see, load, missing):
    event = load("guardduty_instance")
    whole = see(event).finding
    event["detail"][missing] = None
    assert see(event).finding == whole


def test_clock_and_rank(see, load):
    event = load("guardduty_instance")
    observation = see(event).changes[0].observation
    assert (observation.time, observation.rank) == (1740912312402, 6)
    event["detail"]["service"]["archived"] = True
    assert see(event).changes[0].observation.rank == 7


def test_constants_are_the_same_in_every_event(see, load):
    later = load("guardduty_instance")
    later["detail"] |= {"updatedAt": "2025-04-01T00:00:00Z", "severity": 8}
    constants = [
        {(c.thing.key, content_hash(c.observation)) for c in see(event).changes if c.observation.time <= 1}
        for event in ("guardduty_instance", later)
    ]
    assert len(constants[0]) == 15
    assert constants[0] == constants[1]


def test_port_probe_has_many_probers(see, load):
    event = load("guardduty_instance")
    event["detail"]["service"]["action"] = {
        "actionType": "PORT_PROBE",
        "portProbeAction": {
            "blocked": False,
            "portProbeDetails": [
                {"localPortDetails": {"port": port}, "remoteIpDetails": {"ipAddressV4": f"192.0.2.{port}"}}
                for port in (22, 80, 22)
            ],
        },
    }
    finding = see(event).finding
    assert finding["probedPorts"] == (22, 80)
    assert set(finding["remoteIpAddresses"]) == {"192.0.2.22", "192.0.2.80"}


def test_database_logins_are_summed(see, load):
    event = load("guardduty_cluster")
    event["resource"] = {"resourceType": "RDSDBInstance", "rdsDbUserDetails": {"user": "app", "ssl": "true"}}
    event["service"]["action"] = {
        "rdsLoginAttemptAction": {
            "LoginAttributes": [
                {"user": "app", "failedLoginAttempts": 2.0, "successfulLoginAttempts": 0},
                {"user": "root", "failedLoginAttempts": 3},
            ]
        }
    }
    finding = see(event).finding
    assert (finding["failedLoginAttempts"], finding["successfulLoginAttempts"]) == (5, 0)
    assert (finding["loginUsers"], finding["dbUser"]) == (("app", "root"), "app")


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
    event = load("guardduty_instance")
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
        (("resource", "instanceDetails"), [], "detail.resource.instanceDetails: expected an object"),
        (
            ("resource", "instanceDetails", "networkInterfaces"),
            {},
            "detail.resource.instanceDetails.networkInterfaces: expected a list",
        ),
        (("resource", "instanceDetails", "instanceId"), "i|1", "detail.resource.instanceDetails.instanceId:"),
        (("service", "archived"), "maybe", "detail.service.archived: expected true or false"),
    ],
)
def test_wrong_findings_name_the_field(see, load_with, path, value, said):
    with pytest.raises(EventError) as error:
        see(load_with("guardduty_instance", path, value))
    assert said in str(error.value)


def test_console_of_other_partitions(see, load):
    event = load("guardduty_instance")
    event["detail"] |= {
        "partition": "aws-cn",
        "region": "cn-north-1",
        "arn": f"arn:aws-cn:guardduty:cn-north-1:{ACCOUNT}:detector/d/finding/f",
    }
    assert see(event).finding["webLink"].startswith("https://cn-north-1.console.amazonaws.cn/guardduty/")
