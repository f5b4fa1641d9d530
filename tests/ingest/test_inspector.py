"""Inspector findings → facts of the graph."""

from __future__ import annotations

import json

import pytest

from secgraph.errors import EventError

ACCOUNT = "210987654321"
EC2 = f"arn:aws:ec2:eu-west-1:{ACCOUNT}"
INSPECTOR = f"aws_inspectorv2:{ACCOUNT}:eu-west-1"
FINDINGS = f"arn:aws:inspector2:eu-west-1:{ACCOUNT}:finding"
INSTANCE, VPC = f"{EC2}:instance/i-0a1b2c3d4e5f60718", f"{EC2}:vpc/vpc-0456cdef"
SUBNET, ENI = f"{EC2}:subnet/subnet-0123abcd", f"{EC2}:network-interface/eni-0aaa1111bbbb2222c"
GROUP, KEY_PAIR = f"{EC2}:security-group/sg-0web", f"{EC2}:key-pair/ops"
GATEWAY, ACL = f"{EC2}:internet-gateway/igw-0777", f"{EC2}:network-acl/acl-0888"
AMI = "arn:aws:ec2:eu-west-1::image/ami-0feedbeef"
DIGEST = "sha256:" + "4f" * 32
REPOSITORY = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/shop/api"
IMAGE = f"{REPOSITORY}@{DIGEST}"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:resize"
CVE = "cve-2025-11111"

HOST = {
    (ACCOUNT, "HAS", INSPECTOR),
    (ACCOUNT, "HAS", f"aws_ec2:{ACCOUNT}"),
    (f"aws_ec2:{ACCOUNT}", "HAS", INSTANCE),
    (f"aws_ec2:{ACCOUNT}", "HAS", VPC),
    (VPC, "HAS", INSTANCE),
    (VPC, "CONTAINS", SUBNET),
    (SUBNET, "HAS", INSTANCE),
    (INSTANCE, "USES", AMI),
    (INSTANCE, "USES", KEY_PAIR),
}


def has(mapping, expected):
    assert {name: mapping.get(name) for name in expected} == expected


def test_instance_package_graph(see):
    finding = f"{FINDINGS}/a1"
    assert see("inspector_instance").edges == HOST | {
        (INSPECTOR, "IDENTIFIED", finding),
        (INSTANCE, "HAS", finding),
        (finding, "IS", CVE),
        (finding, "IS", "cve-2025-22222"),
    }


def test_every_edge_has_both_ends(see):
    names = ("instance", "network", "image", "function", "code", "machine_image")
    for name in names:
        seen = see(f"inspector_{name}")
        assert {end for start, _, stop in seen.edges for end in (start, stop)} <= seen.keys


def test_package_finding_properties(see):
    has(
        see("inspector_instance").finding,
        {
            "_type": "aws_inspector_finding",
            "_class": ("Finding",),
            "_scope": f"aws/{ACCOUNT}",
            "id": "a1",
            "displayName": "CVE-2025-11111 - openssl",
            "category": "host",
            "severity": "critical",
            "rawSeverity": "CRITICAL",
            "numericSeverity": 9.8,
            "open": True,
            "suppressed": False,
            "status": "active",
            "accountId": ACCOUNT,
            "region": "eu-west-1",
            "createdOn": 1740816000250,
            "firstSeenOn": 1740816000250,
            "lastSeenOn": 1740902400250,
            "updatedOn": 1740902401500,
            "fixAvailable": True,
            "fixStatus": "PARTIAL",
            "exploitAvailable": True,
            "lastKnownExploitOn": 1740787200000,
            "epssScore": 0.12346,
            "recommendation": None,
            "cve": "CVE-2025-11111",
            "relatedVulnerabilities": ("CVE-2025-22222", "ALAS2023-2025-900"),
            "vendorCreatedOn": 1739210550000,
            "vendorUpdatedOn": 1740052800000,
            "cvss3BaseScore": 9.8,
            "cvssScores": ("NVD=9.8", "NVD=7.5"),
            "references": ("https://example.org/advisory", "https://nvd.nist.gov/vuln/detail/CVE-2025-11111"),
            "packageNames": ("openssl", "openssl-libs"),
            "packageVersions": ("openssl@1:3.0.8-1.amzn2023", "openssl-libs@3.0.8"),
            "packages": ("openssl 1:3.0.8-1.amzn2023 -> 1:3.0.8-2.amzn2023", "openssl-libs 3.0.8"),
            "targets": ("i-0a1b2c3d4e5f60718",),
            "resourceType": "AWS_EC2_INSTANCE",
            "imageId": "ami-0feedbeef",
            "platform": "AMAZON_LINUX_2023",
            "tag.Production": True,
            "inspectorVersion": 2,
            "webLink": "https://eu-west-1.console.aws.amazon.com/inspector/v2/home?region=eu-west-1#/findings/all",
        },
    )


def test_instance_properties(see):
    has(
        see("inspector_instance").entities[INSTANCE],
        {
            "_class": ("Host",),
            "id": "i-0a1b2c3d4e5f60718",
            "hostname": "i-0a1b2c3d4e5f60718",
            "name": "web-1",
            "displayName": "web-1",
            "instanceType": "m6i.large",
            "privateIpAddress": "10.4.0.12",
            "publicIpAddress": "198.51.100.20",
            "ipv4Addresses": ("198.51.100.20", "10.4.0.12"),
            "launchedOn": 1740812400000,
            "keyName": "ops",
            "tag.Production": True,
            "discoveredBy": "aws_inspector_finding",
        },
    )


def test_network_graph(see):
    seen, finding = see("inspector_network"), f"{FINDINGS}/b2"
    assert seen.edges == HOST | {
        (INSPECTOR, "IDENTIFIED", finding),
        (INSTANCE, "HAS", finding),
        (f"aws_ec2:{ACCOUNT}", "HAS", GROUP),
        (GROUP, "PROTECTS", INSTANCE),
        (INSTANCE, "HAS", GROUP),
        (INSTANCE, "USES", ENI),
        (VPC, "HAS", GATEWAY),
    }
    assert seen.keys >= {GROUP, ENI, GATEWAY, ACL}
    assert seen.entities[ACL]["vpcId"] == "vpc-0456cdef"
    has(
        seen.finding,
        {
            "category": "network",
            "numericSeverity": 5.5,
            "port": 22,
            "portRange": "22-22",
            "protocol": "TCP",
            "securityGroupIds": ("sg-0web",),
            "eni": "eni-0aaa1111bbbb2222c",
        },
    )


def test_paths_of_two_ports_do_not_take_each_others_edges(see, load):
    ssh, web = load("inspector_network"), load("inspector_network")
    path = {"componentType": "AWS::EC2::SecurityGroup", "componentId": "sg-other"}
    web["detail"] |= {"findingArn": f"{FINDINGS}/b3", "updatedAt": "Mon Mar 03 08:00:01.500 UTC 2025"}
    web["detail"]["networkReachabilityDetails"]["networkPath"]["steps"] = [path]
    other = f"{EC2}:security-group/sg-other"
    protectors = {(GROUP, "PROTECTS", INSTANCE), (other, "PROTECTS", INSTANCE)}
    assert see(ssh, web).edges >= protectors
    closed = json.loads(json.dumps(web))
    closed["detail"] |= {"status": "CLOSED", "updatedAt": "Tue Mar 04 08:00:01.500 UTC 2025"}
    assert see(ssh, web, closed).edges & protectors == {(GROUP, "PROTECTS", INSTANCE)}
    assert see(closed, web, ssh).edges == see(ssh, web, closed).edges


def test_image_graph(see):
    seen, finding = see("inspector_image"), f"{FINDINGS}/c3"
    assert seen.edges == {
        (ACCOUNT, "HAS", INSPECTOR),
        (ACCOUNT, "HAS", f"aws_ecr:{ACCOUNT}"),
        (f"aws_ecr:{ACCOUNT}", "HAS", REPOSITORY),
        (REPOSITORY, "HAS", IMAGE),
        (INSPECTOR, "IDENTIFIED", finding),
        (IMAGE, "HAS", finding),
        (finding, "IS", "ghsa-aaaa-bbbb-cccc"),
    }
    registry = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/shop/api"
    has(
        seen.entities[IMAGE],
        {
            "_class": ("Image",),
            "name": f"team/shop/api@{DIGEST}",
            "digest": DIGEST,
            "repositoryName": "team/shop/api",
            "imageTags": ("v1", "latest"),
            "fullName": (f"{registry}:v1", f"{registry}:latest", f"{registry}@{DIGEST}"),
            "inUseCount": 2,
        },
    )
    has(
        seen.finding,
        {
            "category": "application",
            "severity": "high",
            "numericSeverity": 8,
            "cve": None,
            "vulnerabilityId": "GHSA-aaaa-bbbb-cccc",
            "targets": (f"team/shop/api@{DIGEST}",),
        },
    )
    advisory = seen.entities["ghsa-aaaa-bbbb-cccc"]
    has(advisory, {"_type": "ghsa", "id": "GHSA-aaaa-bbbb-cccc", "severity": "high", "numericSeverity": None})
    assert advisory["webLink"] == "https://github.com/advisories/GHSA-aaaa-bbbb-cccc"


def test_function_graph(see):
    seen, finding = see("inspector_function"), f"{FINDINGS}/d4"
    other = f"{EC2}:subnet/subnet-0999ffff"
    assert seen.edges == {
        (ACCOUNT, "HAS", INSPECTOR),
        (ACCOUNT, "HAS", f"aws_lambda:{ACCOUNT}"),
        (ACCOUNT, "HAS", f"aws_ec2:{ACCOUNT}"),
        (f"aws_lambda:{ACCOUNT}", "HAS", FUNCTION),
        (f"aws_ec2:{ACCOUNT}", "HAS", VPC),
        (f"aws_ec2:{ACCOUNT}", "HAS", GROUP),
        (VPC, "CONTAINS", SUBNET),
        (VPC, "CONTAINS", other),
        (FUNCTION, "HAS", VPC),
        (FUNCTION, "HAS", SUBNET),
        (FUNCTION, "HAS", other),
        (GROUP, "PROTECTS", FUNCTION),
        (INSPECTOR, "IDENTIFIED", finding),
        (FUNCTION, "HAS", finding),
        (finding, "IS", CVE),
    }
    has(
        seen.entities[FUNCTION],
        {
            "_class": ("Function",),
            "name": "resize",
            "runtime": "python3.12",
            "version": "$LATEST",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/service/resize",
            "updatedOn": 1740812400000,
            "tag.Team": "media",
        },
    )
    assert seen.finding["targets"] == (FUNCTION,)


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("NODEJS_18_X", "nodejs18.x"),
        ("JAVA_8_AL2", "java8.al2"),
        ("DOTNETCORE_3_1", "dotnetcore3.1"),
        ("GO_1_X", "go1.x"),
        ("NODEJS", "nodejs"),
    ],
)
def test_runtimes_read_as_lambda_writes_them(see, load, runtime, expected):
    event = load("inspector_function")
    event["detail"]["resources"][0]["details"]["awsLambdaFunction"]["runtime"] = runtime
    assert see(event).entities[FUNCTION]["runtime"] == expected


def test_code_finding_is_stored_without_its_repository(see):
    seen, finding = see("inspector_code"), f"{FINDINGS}/e5"
    assert seen.edges == {(ACCOUNT, "HAS", INSPECTOR), (INSPECTOR, "IDENTIFIED", finding)}
    has(
        seen.finding,
        {
            "category": "application",
            "cwe": ("CWE-798",),
            "hasSecrets": True,
            "filePath": "src/a.py",
            "startLine": 3,
            "resourceType": "CODE_REPOSITORY",
            "targets": ("shop/web",),
        },
    )


def test_on_demand_image_scan(see):
    seen = see("inspector_machine_image")
    finding = f"{FINDINGS}/ondemand/0scan/f6"
    assert seen.edges == {
        (ACCOUNT, "HAS", INSPECTOR),
        (INSPECTOR, "IDENTIFIED", finding),
        (AMI, "HAS", finding),
        (finding, "IS", "cve-2025-33333"),
    }
    has(seen.finding, {"id": "f6", "scanId": "0scan", "category": "host", "targets": ("ami-0feedbeef",)})


def test_a_resource_of_an_unknown_type_does_not_drop_the_finding(see, load):
    event = load("inspector_instance")
    event["detail"]["resources"] = [{"type": "AWS_NEW_THING", "id": "x"}]
    seen = see(event)
    assert (INSPECTOR, "IDENTIFIED", f"{FINDINGS}/a1") in seen.edges
    assert seen.finding["resourceType"] == "AWS_NEW_THING"


@pytest.mark.parametrize(
    ("status", "verb", "rank", "closed"),
    [("ACTIVE", "HAS", 0, False), ("SUPPRESSED", "HAD", 1, False), ("CLOSED", "HAD", 2, True)],
)
def test_states(see, load, status, verb, rank, closed):
    event = load("inspector_instance")
    event["detail"]["status"] = status
    seen = see(event)
    finding = f"{FINDINGS}/a1"
    assert {edge for edge in seen.edges if edge[2] == finding} == {
        (INSPECTOR, "IDENTIFIED", finding),
        (INSTANCE, verb, finding),
    }
    assert (finding, "IS", CVE) in seen.edges
    assert seen.changes[0].observation.rank == rank
    assert seen.finding["open"] is (status == "ACTIVE")
    assert seen.finding["suppressed"] is (status == "SUPPRESSED")
    assert ("closedOn" in seen.finding) is closed


@pytest.mark.parametrize(
    ("scores", "number"),
    [
        ({"inspectorScore": 3.1}, 3.1),
        ({"inspectorScore": 0}, 0),
        ({"inspectorScore": None}, 9.8),
        ({"inspectorScore": None, "inspectorScoreDetails": None}, 9.8),
        ({"inspectorScore": None, "inspectorScoreDetails": None, "packageVulnerabilityDetails": None}, 9.5),
    ],
)
def test_where_the_number_comes_from(see, load, scores, number):
    event = load("inspector_instance")
    event["detail"] |= scores
    assert see(event).finding["numericSeverity"] == number


@pytest.mark.parametrize(
    ("label", "number"),
    [("CRITICAL", 9.5), ("HIGH", 8), ("MEDIUM", 5.5), ("LOW", 2), ("INFORMATIONAL", 0), ("UNTRIAGED", 0)],
)
def test_labels_without_a_score(see, load, label, number):
    event = load("inspector_network")
    event["detail"]["severity"] = label
    has(see(event).finding, {"severity": label.lower(), "numericSeverity": number})


def test_a_cve_does_not_depend_on_the_finding(see, load):
    later = load("inspector_instance")
    later["detail"] |= {
        "findingArn": f"{FINDINGS}/zz",
        "updatedAt": "Sun Mar 02 09:00:01.500 UTC 2025",
        "severity": "LOW",
        "inspectorScore": 1,
    }
    about = [
        [change.observation for change in see(event).changes if change.thing.type == "cve"]
        for event in ("inspector_instance", later)
    ]
    assert about[0] == about[1]


def test_cve_properties(see):
    cve = see("inspector_instance").entities[CVE]
    has(
        cve,
        {
            "_type": "cve",
            "_class": ("Vulnerability",),
            "_scope": "global",
            "id": "CVE-2025-11111",
            "displayName": "CVE-2025-11111",
            "severity": "critical",
            "numericSeverity": 9.8,
            "epssScore": 0.12346,
            "open": True,
            "public": True,
            "blocking": False,
            "webLink": "https://nvd.nist.gov/vuln/detail/CVE-2025-11111",
            "references": ("https://nvd.nist.gov/vuln/detail/CVE-2025-11111",),
        },
    )
    assert not {"_integrationType", "accountId", "targets"} & set(cve)


def test_the_owner_is_never_the_bus(see, load):
    member, administrator = load("inspector_instance"), load("inspector_instance")
    administrator |= {"account": "999999999999", "id": "other", "time": "2025-03-03T00:00:00Z"}
    assert see(member).changes == see(administrator).changes == see(member["detail"]).changes


def test_time_formats_give_one_finding(see, load):
    iso, spaced = load("inspector_instance"), load("inspector_instance")
    iso["detail"]["updatedAt"] = "2025-03-02T09:00:01.500000+01:00"
    spaced["detail"]["updatedAt"] = "Mar 2, 2025, 8:00:01\u202fAM"
    assert see(iso).changes == see("inspector_instance").changes
    assert see(spaced).finding["updatedOn"] == 1740902401000


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("findingArn",), None, "detail.findingArn: is missing"),
        (("findingArn",), "x", "detail.findingArn: 'x' is not the ARN of an Inspector finding"),
        (
            ("findingArn",),
            f"arn:aws:inspector:eu-west-1:{ACCOUNT}:target/0",
            "Inspector Classic",
        ),
        (("updatedAt",), "", "detail.updatedAt: is missing"),
        (("updatedAt",), {}, "detail.updatedAt:"),
        (("status",), "OPEN", "detail.status: 'OPEN' is none of ACTIVE, SUPPRESSED, CLOSED"),
        (("severity",), "BAD", "detail.severity: 'BAD' is none of"),
        (("type",), None, "detail.type: is missing"),
        (("resources",), {}, "detail.resources: expected a list, got an object"),
        (("resources", 0), "i-1", "detail.resources[0]: expected an object, got a text"),
        (("resources", 0, "id"), "", "detail.resources[0].id: is missing"),
        (("resources", 0, "details"), "x", "detail.resources[0].details: expected an object"),
        (("resources", 0, "type"), "Microsoft.Web/sites", "Azure"),
        (("resources", 0, "type"), "AWS_LAMBDA_FUNCTION", "is not the ARN of a Lambda function"),
        (("resources", 0, "type"), "AWS_ECR_CONTAINER_IMAGE", "is not the ARN of an ECR image"),
        (("resources", 0, "type"), "AWS_ECR_REPOSITORY", "is not the ARN of an ECR repository"),
        (("epss", "score"), "high", "detail.epss.score: expected a number"),
    ],
)
def test_wrong_findings_name_the_field(see, load_with, path, value, said):
    with pytest.raises(EventError) as error:
        see(load_with("inspector_instance", path, value))
    assert said in str(error.value)


def test_partition_of_the_arn_where_the_resource_states_none(see, load):
    event = load("inspector_instance")
    event["detail"]["resources"][0] |= {"partition": "N/A", "region": "N/A"}
    assert see(event).changes == see("inspector_instance").changes


@pytest.mark.parametrize(
    ("id_", "type_", "key"),
    [
        ("CVE-2025-44444", "cve", "cve-2025-44444"),
        ("cve-2025-44444", "cve", "cve-2025-44444"),
        ("GHSA-xxxx-yyyy-zzzz", "ghsa", "ghsa-xxxx-yyyy-zzzz"),
        ("SNYK-JS-LODASH-590103", "vulnerability", "snyk-js-lodash-590103"),
        ("ALAS2-2025-2000", "vulnerability", "alas2-2025-2000"),
        ("210987654321", "vulnerability", "vulnerability:210987654321"),
    ],
)
def test_vulnerabilities_by_their_ids(see, load, id_, type_, key):
    event = load("inspector_instance")
    event["detail"]["packageVulnerabilityDetails"] |= {"vulnerabilityId": id_, "relatedVulnerabilities": None}
    seen = see(event)
    assert (f"{FINDINGS}/a1", "IS", key) in seen.edges
    assert seen.entities[key]["_type"] == type_
