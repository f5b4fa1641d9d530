"""Inspector findings: states, clocks, scores, paths, and what is wrong. Whole graphs: see the fixtures."""

from __future__ import annotations

import itertools
import json

import pytest

from secgraph.errors import EventError
from secgraph.ingest import things
from secgraph.ingest.timestamps import milliseconds

ACCOUNT = "210987654321"
EC2 = f"arn:aws:ec2:eu-west-1:{ACCOUNT}"
INSPECTOR = f"aws_inspectorv2:{ACCOUNT}:eu-west-1"
FINDINGS = f"arn:aws:inspector2:eu-west-1:{ACCOUNT}:finding"
INSTANCE = f"{EC2}:instance/i-0a1b2c3d4e5f60718"
GROUP = f"{EC2}:security-group/sg-0web"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:resize"
CVE = "cve-2025-11111"


def has(mapping, expected):
    assert {name: mapping.get(name) for name in expected} == expected


def test_paths_of_two_ports_do_not_take_each_others_edges(see, load):
    ssh, web = load("inspector/network_instance"), load("inspector/network_instance")
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


@pytest.mark.parametrize(
    "sight", [{}, {"lastObservedAt": None}, {"lastObservedAt": None, "firstObservedAt": None}]
)
def test_what_a_closed_finding_says_of_its_resource_is_as_old_as_its_last_sight_of_it(see, load, sight):
    """Closing the findings of a host that is gone, days later, is no sight of the host."""
    closed = load("inspector/network_instance_closed")
    closed["detail"] |= sight
    last = closed["detail"]["lastObservedAt"] or closed["detail"]["firstObservedAt"]
    clocks = {
        change.observation.time
        for change in see(closed).changes
        if change.thing.key in (INSTANCE, f"{EC2}:internet-gateway/igw-0777")
    }
    assert max(clocks) == (milliseconds(last) if last else things.UNCHANGING)
    gone, later = load("inspector/coverage_instance_terminated"), load("inspector/package_instance_closed")
    for order in ((gone, later, closed), (closed, later, gone)):
        assert see(*order).entities[INSTANCE]["_deleted"] is True


def test_what_an_open_finding_says_of_its_resource_is_as_new_as_itself(see, load):
    gone, seen_later = load("inspector/coverage_instance_terminated"), load("inspector/package_instance")
    seen_later["detail"]["updatedAt"] = "Sun Mar 09 00:00:00.000 UTC 2025"
    assert "_deleted" not in see(gone, seen_later).entities[INSTANCE]
    assert "_deleted" not in see(seen_later, gone).entities[INSTANCE]


def test_a_suppressed_path_is_open_all_the_same(see, load):
    suppressed = load("inspector/network_instance")
    suppressed["detail"]["status"] = "SUPPRESSED"
    assert (GROUP, "PROTECTS", INSTANCE) in see(suppressed).edges


def test_a_path_that_opens_again_attaches_its_parts_again(see, load):
    closed, again = load("inspector/network_instance"), load("inspector/network_instance")
    closed["detail"] |= {"status": "CLOSED", "updatedAt": "Tue Mar 04 08:00:01.500 UTC 2025"}
    again["detail"] |= dict.fromkeys(("lastObservedAt", "updatedAt"), "Wed Mar 05 08:00:00.000 UTC 2025")
    edge = (GROUP, "PROTECTS", INSTANCE)
    assert edge not in see("inspector/network_instance", closed).edges
    assert edge in see("inspector/network_instance", closed, again).edges
    assert edge in see(again, closed, "inspector/network_instance").edges


@pytest.mark.parametrize(
    ("id_", "key"),
    [
        ("project-0c5e7d1a-2b3c-4d5e-8f60-718293a4b5c6", "project-0c5e7d1a-2b3c-4d5e-8f60-718293a4b5c6"),
        (f"arn:aws:inspector2:eu-west-1:{ACCOUNT}:x/1", f"arn:aws:inspector2:eu-west-1:{ACCOUNT}:x/1"),
        ("shop", "code_repo:shop"),
        (INSTANCE, f"code_repo:{INSTANCE}"),
    ],
)
def test_a_code_repository_is_no_other_thing(see, load_with, id_, key):
    seen = see(load_with("inspector/code_repository", ("resources", 0, "id"), id_))
    assert seen.entities[key]["_type"] == "code_repo"


def test_only_ids_of_weaknesses_become_weaknesses(see, load_with):
    cwes = ["cwe-079", "CWE-79", "CWE-000", "CWE-", "Injection", None]
    seen = see(load_with("inspector/code_repository", ("codeVulnerabilityDetails", "cwes"), cwes))
    assert {end for _, verb, end in seen.edges if verb == "EXPLOITS"} == {"cwe-79"}
    assert "Injection" in seen.finding["cwe"]


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
    event = load("inspector/package_function")
    event["detail"]["resources"][0]["details"]["awsLambdaFunction"]["runtime"] = runtime
    assert see(event).entities[FUNCTION]["runtime"] == expected


def test_a_resource_of_an_unknown_type_does_not_drop_the_finding(see, load):
    event = load("inspector/package_instance")
    event["detail"]["resources"] = [{"type": "AWS_NEW_THING", "id": "x"}]
    seen = see(event)
    assert (INSPECTOR, "IDENTIFIED", f"{FINDINGS}/a1") in seen.edges
    assert seen.finding["resourceType"] == "AWS_NEW_THING"


@pytest.mark.parametrize(
    ("status", "verb", "rank", "closed"),
    [("ACTIVE", "HAS", 0, False), ("SUPPRESSED", "HAD", 1, False), ("CLOSED", "HAD", 2, True)],
)
def test_states(see, load, status, verb, rank, closed):
    event = load("inspector/package_instance")
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
    event = load("inspector/package_instance")
    event["detail"] |= scores
    assert see(event).finding["numericSeverity"] == number


@pytest.mark.parametrize(
    ("label", "number"),
    [("CRITICAL", 9.5), ("HIGH", 8), ("MEDIUM", 5.5), ("LOW", 2), ("INFORMATIONAL", 0), ("UNTRIAGED", 0)],
)
def test_labels_without_a_score(see, load, label, number):
    event = load("inspector/network_instance")
    event["detail"]["severity"] = label
    has(see(event).finding, {"severity": label.lower(), "numericSeverity": number})


def test_a_cve_does_not_depend_on_the_finding(see, load):
    later = load("inspector/package_instance")
    later["detail"] |= {
        "findingArn": f"{FINDINGS}/zz",
        "updatedAt": "Sun Mar 02 09:00:01.500 UTC 2025",
        "severity": "LOW",
        "inspectorScore": 1,
    }
    about = [
        [change.observation for change in see(event).changes if change.thing.type == "cve"]
        for event in ("inspector/package_instance", later)
    ]
    assert about[0] == about[1]


@pytest.mark.parametrize(
    ("stated", "status", "available"),
    [
        ("YES", "YES", True),
        ("partial", "PARTIAL", True),
        (True, "YES", True),
        (False, "NO", False),
        (None,) * 3,
    ],
)
def test_whether_there_is_a_fix_or_an_exploit(see, load, stated, status, available):
    event = load("inspector/package_instance")
    event["detail"] |= {"fixAvailable": stated, "exploitAvailable": stated and status != "PARTIAL"}
    known = {"fixStatus": status, "fixAvailable": available}
    has(see(event).finding, known | {"exploitAvailable": status == "YES" if status else None})


def advisory(load, name, updated, score=None, word=None, vector=None):
    event = load("inspector/package_instance")
    event["detail"]["findingArn"] = f"{FINDINGS}/{name}"
    event["detail"]["packageVulnerabilityDetails"] |= {
        "vendorUpdatedAt": updated,
        "sourceUrl": f"https://example.com/{name}",
        "vendorSeverity": word,
        "cvss": [{"baseScore": score, "scoringVector": vector, "version": "3.1"}] if score else [],
    }
    return event


def test_a_cve_is_as_severe_as_the_highest_score_that_is_known(see, load):
    scored = advisory(load, "a", "2025-01-01T00:00:00Z", 9.8, "high", "CVSS:3.1/AV:N")
    lower = advisory(load, "b", "2025-02-01T00:00:00Z", 5.4, "medium", "CVSS:3.1/AV:L")
    without = advisory(load, "c", "2025-03-01T00:00:00Z", word="Low")
    for order in itertools.permutations((scored, lower, without)):
        known = {"severity": "critical", "numericSeverity": 9.8, "vector": "CVSS:3.1/AV:N"}
        has(see(*order).entities[CVE], known | {"sourceUrl": "https://example.com/c"})


def test_without_a_score_a_cve_is_as_severe_as_its_newest_advisory_says(see, load):
    words = [
        advisory(load, word, f"2025-0{n}-01T00:00:00Z", word=word)
        for n, word in enumerate(("Low", "High"), 1)
    ]
    for order in itertools.permutations(words):
        has(see(*order).entities[CVE], {"severity": "high", "numericSeverity": None})


def test_the_owner_is_never_the_bus(see, load):
    member, administrator = load("inspector/package_instance"), load("inspector/package_instance")
    administrator |= {"account": "999999999999", "id": "other", "time": "2025-03-03T00:00:00Z"}
    assert see(member).changes == see(administrator).changes == see(member["detail"]).changes


def test_time_formats_give_one_finding(see, load):
    iso, spaced = load("inspector/package_instance"), load("inspector/package_instance")
    iso["detail"]["updatedAt"] = "2025-03-02T09:00:01.500000+01:00"
    spaced["detail"]["updatedAt"] = "Mar 2, 2025, 8:00:01\u202fAM"
    assert see(iso).changes == see("inspector/package_instance").changes
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
        (("resources",), {"a": 1}, "detail.resources: expected a list, got an object"),
        (("resources", 0), "i-1", "detail.resources[0]: expected an object, got a text"),
        (("resources", 0, "id"), "", "detail.resources[0].id: is missing"),
        (("resources", 0, "details"), "x", "detail.resources[0].details: expected an object"),
        (("resources", 0, "type"), "Microsoft.Compute/virtualMachines", "Azure"),
        (("resources", 0, "type"), "Microsoft.ContainerRegistry/registry/containerImage", "Azure"),
        (("resources", 0, "type"), "Microsoft.Web/sites", "Azure"),
        (("resources", 0, "provider"), "AZURE", "Azure"),
        (("resources", 0, "type"), "MACHINE_IMAGE", "is not the id of an AMI"),
        (("resources", 0, "type"), "AWS_LAMBDA_FUNCTION", "is not the ARN of a Lambda function"),
        (("resources", 0, "type"), "AWS_ECR_CONTAINER_IMAGE", "is not the ARN of an ECR image"),
        (("resources", 0, "type"), "AWS_ECR_REPOSITORY", "is not the ARN of an ECR repository"),
        (("epss", "score"), "high", "detail.epss.score: expected a number"),
    ],
)
def test_wrong_findings_name_the_field(see, load_with, path, value, said):
    with pytest.raises(EventError) as error:
        see(load_with("inspector/package_instance", path, value))
    assert said in str(error.value)


def test_partition_of_the_arn_where_the_resource_states_none(see, load):
    event = load("inspector/package_instance")
    event["detail"]["resources"][0] |= {"partition": "N/A", "region": "N/A"}
    assert see(event).changes == see("inspector/package_instance").changes


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (("resources", 0, "details", "awsEc2Instance", "keyName"), "keyName"),
        (("resources", 0, "details", "awsEc2Instance", "imageId"), "imageId"),
        (("resources", 0, "details", "awsEc2Instance", "vpcId"), "vpcId"),
        (("packageVulnerabilityDetails", "vulnerabilityId"), ""),
    ],
)
def test_odd_names_of_other_things_leave_those_out_and_the_finding_in(see, load_with, path, told):
    seen = see(load_with("inspector/package_instance", path, "team|prod"))
    assert not any("team|prod" in key for key in seen.keys)
    where = seen.entities[INSTANCE] if told else seen.finding
    assert where[told or "vulnerabilityId"] == "team|prod"


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
    event = load("inspector/package_instance")
    event["detail"]["packageVulnerabilityDetails"] |= {"vulnerabilityId": id_, "relatedVulnerabilities": None}
    seen = see(event)
    assert (f"{FINDINGS}/a1", "IS", key) in seen.edges
    assert seen.entities[key]["_type"] == type_
