"""Scan and Coverage events: who is scanned, in any order, and what is wrong. Whole graphs: the fixtures."""

from __future__ import annotations

import itertools

import pytest

from secgraph.errors import EventError

ACCOUNT = "210987654321"
INSPECTOR = f"aws_inspectorv2:{ACCOUNT}:eu-west-1"
INSTANCE = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718"
REPOSITORY = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/shop/api"
LAMBDA = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function"
SCANNED = (INSPECTOR, "SCANS", INSTANCE)


@pytest.fixture
def coverage(load):
    """Give a function that makes a coverage event of one instance: state, moment, kind, reason."""

    def made(state, time, scan_type="PACKAGE", reason=None, stamp=None):
        event = load("inspector/coverage_instance") | {"time": f"2025-03-02T{time}Z"}
        event["detail"] |= {
            "scanStatus": {"statusCodeValue": state, "reason": reason},
            "scanType": scan_type,
            "eventTimestamp": stamp and f"2025-03-02T{stamp}Z",
        }
        return event

    return made


def test_the_last_word_on_coverage_holds_in_any_order(see, load, coverage):
    first, scan = coverage("ACTIVE", "07:00:00"), load("inspector/scan_instance")
    ended, again = coverage("INACTIVE", "09:00:00"), coverage("ACTIVE", "10:00:00")
    assert scan["time"] < ended["time"]
    for order in itertools.permutations((first, scan, ended)):
        seen = see(*order)
        assert SCANNED not in seen.edges
        assert seen.entities[INSTANCE]["packageScanStatus"] == "inactive"
        assert seen.entities[INSTANCE]["lastScannedOn"] == 1_740_902_700_000
        assert SCANNED in see(*order, again).edges


def test_within_a_second_the_coverage_orders_itself(see, coverage):
    ended = coverage("INACTIVE", "09:00:00", stamp="08:59:59.100000")
    again = coverage("ACTIVE", "09:00:00", stamp="08:59:59.900000")
    assert SCANNED in see(ended, again).edges
    assert SCANNED in see(again, ended).edges


def test_a_host_is_scanned_while_any_kind_of_scan_covers_it(see, coverage):
    network = coverage("ACTIVE", "07:00:00", "NETWORK")
    package = coverage("INACTIVE", "09:00:00", "PACKAGE", "UNMANAGED_EC2_INSTANCE")
    seen = see(network, package)
    assert SCANNED in seen.edges
    host = seen.entities[INSTANCE]
    assert (host["networkScanStatus"], host["packageScanStatus"]) == ("active", "inactive")
    assert host["packageScanReason"] == "UNMANAGED_EC2_INSTANCE"
    assert SCANNED not in see(network, package, coverage("INACTIVE", "09:30:00", "NETWORK")).edges


def test_a_terminated_host_is_gone_until_something_sees_it(see, load, coverage):
    gone = coverage("INACTIVE", "09:00:00", reason="RESOURCE_TERMINATED")
    for order in itertools.permutations(
        (gone, load("inspector/scan_instance"), load("inspector/package_instance"))
    ):
        assert see(*order).entities[INSTANCE]["_deleted"] is True
    assert "_deleted" not in see(gone, coverage("ACTIVE", "11:00:00")).entities[INSTANCE]
    assert (
        "_deleted" not in see(coverage("ACTIVE", "09:00:00", reason="RESOURCE_TERMINATED")).entities[INSTANCE]
    )


def test_the_end_of_coverage_is_no_sight_of_a_host(see, coverage):
    """It ends for a host that is gone, of one kind of scan after the other."""
    network, gone = (
        coverage("ACTIVE", "07:00:00", "NETWORK"),
        coverage("INACTIVE", "09:00:00", reason="RESOURCE_TERMINATED"),
    )
    ended = coverage("INACTIVE", "09:00:01", "NETWORK", "NO_INVENTORY")
    again, over = coverage("ACTIVE", "10:00:00", "NETWORK"), coverage("INACTIVE", "11:00:00", "NETWORK")
    for order in itertools.permutations((network, gone, ended)):
        assert see(*order).entities[INSTANCE]["_deleted"] is True
    for order in itertools.permutations((gone, again, over)):
        assert "_deleted" not in see(*order).entities[INSTANCE]


@pytest.mark.parametrize(
    ("id_", "key", "type_"),
    [
        (INSTANCE, INSTANCE, "aws_instance"),
        ("ami-0feedbeef", "arn:aws:ec2:eu-west-1::image/ami-0feedbeef", "aws_ami"),
        (REPOSITORY, REPOSITORY, "aws_ecr_repository"),
        (f"{REPOSITORY}/sha256:4f", f"{REPOSITORY}@sha256:4f", "aws_ecr_image"),
        (f"{LAMBDA}:resize:$LATEST", f"{LAMBDA}:resize", "aws_lambda_function"),
        ("project-0c5e7d1a-2b3c", "project-0c5e7d1a-2b3c", "code_repo"),
    ],
)
def test_what_is_scanned_is_told_by_its_id(see, coverage, id_, key, type_):
    seen = see(coverage("ACTIVE", "07:00:00") | {"resources": [id_]})
    assert seen.changes[0].thing.key == key
    assert seen.entities[key]["_type"] == type_
    assert (INSPECTOR, "SCANS", key) in seen.edges


def test_the_owner_is_the_account_in_the_event_before_that_of_the_bus(see, coverage):
    event = coverage("ACTIVE", "07:00:00") | {"account": "999999999999", "region": "us-east-1"}
    assert SCANNED in see(event).edges
    event["detail"] |= {"provider": None, "providerAccountId": None, "providerRegion": None}
    event |= {"account": ACCOUNT, "region": "cn-north-1"}
    assert f"arn:aws-cn:ec2:cn-north-1:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718" in see(event).keys


@pytest.mark.parametrize(
    ("fixture", "path", "value", "said"),
    [
        (
            "coverage_instance",
            ("scanStatus", "statusCodeValue"),
            "PAUSED",
            "detail.scanStatus.statusCodeValue: 'PAUSED'",
        ),
        ("coverage_instance", ("scanStatus",), None, "detail.scanStatus.statusCodeValue: is missing"),
        ("coverage_instance", ("scanType",), "a/b", "detail.scanType: 'A/B' is no kind of scan"),
        ("coverage_instance", ("provider",), "AZURE", "is an Azure resource"),
        ("scan_instance", ("scan-status",), "FAILED", "detail.scan-status: 'FAILED' is no state of a scan"),
        ("scan_instance", ("instance-id",), "x-1", "detail.instance-id: 'x-1' is no resource"),
        ("scan_instance", ("instance-id",), "i-1|2", "holds a '|'"),
        ("scan_image", ("repository-name",), "api", "detail.repository-name: 'api/sha256:"),
    ],
)
def test_wrong_events_name_the_field(see, load_with, fixture, path, value, said):
    with pytest.raises(EventError) as error:
        see(load_with(f"inspector/{fixture}", path, value))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("time", None, "time: is missing"),
        ("time", "soon", "time: 'soon' is no moment"),
        ("resources", [], "resources: is missing or empty"),
        ("resources", ["/subscriptions/0/virtualMachines/a"], "is an Azure resource"),
    ],
)
def test_wrong_envelopes_name_the_field(see, load, name, value, said):
    with pytest.raises(EventError) as error:
        see(load("inspector/coverage_instance") | {name: value})
    assert said in str(error.value)


def test_without_an_account_nobody_owns_the_resource(see, load):
    with pytest.raises(EventError, match="account: is missing"):
        see(load("inspector/scan_instance") | {"account": None})
