"""What the reconcile may read and when it runs, by the setting `sources`; what it may never lose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from infra.context import SettingsError
from infra.settings import Settings
from infra.source_settings import MAX_ADMINISTRATORS, OFF, OWN, Sources, sources_of
from secgraph import contract

ROLE = "arn:aws:iam::210987654321:role/secgraph-reader"
FULL: dict[str, Any] = {
    "version": 1,
    "regions": ["eu-west-1", "us-east-1"],
    "hours": 12,
    "administrators": ["210987654321", "111122223333"],
    "readers": [{"role": ROLE, "externalId": "a-2/b"}],
}


def taken(folder: Path, document: object) -> Sources:
    file = folder / "sources.json"
    file.write_text(json.dumps(document))
    return sources_of(str(file))


def test_without_a_file_the_own_account_is_read_once_a_day_in_its_own_region() -> None:
    assert sources_of(None) == sources_of("") == OWN
    assert json.loads(OWN.variable) == {"hours": 24}


@pytest.mark.parametrize("value", [False, "false"])
def test_the_reconcile_is_switched_off_by_a_word(value: object) -> None:
    assert sources_of(value) == OFF
    assert (OFF.variable, OFF.file, OFF.often) == ("", "", "")


def test_a_file_may_switch_it_off_and_still_name_administrators(tmp_path: Path) -> None:
    sources = taken(tmp_path, {"version": 1, "hours": False, "administrators": ["111122223333"]})
    assert (sources.text, sources.administrators) == ("", ("111122223333",))


def test_a_whole_file_is_taken(tmp_path: Path) -> None:
    sources = taken(tmp_path, FULL)
    assert (sources.regions, sources.roles) == (("eu-west-1", "us-east-1"), (ROLE,))
    assert sources.administrators == ("210987654321", "111122223333")
    assert json.loads(sources.variable) == {
        "regions": ["eu-west-1", "us-east-1"],
        "readers": [{"account": "210987654321", "role": ROLE, "externalId": "a-2/b"}],
        "hours": 12,
    }


def test_what_is_too_large_for_a_variable_is_a_file(tmp_path: Path) -> None:
    many = [{**FULL["readers"][0], "role": ROLE.replace("2109", f"{i:04}")} for i in range(20)]
    sources = taken(tmp_path, {**FULL, "readers": many})
    assert sources.variable == ""
    assert len(json.loads(sources.file)["readers"]) == 20
    assert json.loads(sources.often) == {"hours": 12}, "who only says how complete it is needs no names"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, 'must hold {"version": 1'),
        ({"version": True}, 'must hold {"version": 1'),
        ({"region": ["eu-west-1"]}, "there is no part 'region'; did you mean regions?"),
        ({"mail": 1}, "there is no part 'mail'; it may have version, regions, hours"),
        ({"regions": "eu-west-1"}, "regions must be a list of texts"),
        ({"regions": ["EU"]}, 'regions: "EU" is no region'),
        ({"regions": [1]}, "regions: 1 is no region"),
        ({"administrators": ["12345678901"]}, '"12345678901" is no account id of 12 digits'),
        ({"administrators": [123456789012]}, "123456789012 is no account id"),
        ({"administrators": [f"{i:012}" for i in range(MAX_ADMINISTRATORS + 1)]}, "50 at most"),
        ({"hours": 0}, "hours must be a whole number from 1 to 168, or false"),
        ({"hours": 169}, "not 169"),
        ({"hours": "24"}, 'not "24"'),
        ({"hours": True}, "not true"),
        ({"hours": 1.5}, "not 1.5"),
        ({"readers": {}}, 'readers must be a list of {"role"'),
        ({"readers": [ROLE]}, 'readers, 1: write {"role"'),
        ({"readers": [{"role": ROLE}]}, "readers, 1: externalId must be the text that the role's trust"),
        ({"readers": [{"role": ROLE, "externalId": None}]}, "readers, 1: externalId must be"),
        (
            {"readers": [{"role": ROLE, "externalID": "ab"}]},
            "no field 'externalID'; did you mean externalId?",
        ),
        (
            {"readers": [{"role": "reader", "externalId": "ab"}]},
            'role: "reader" is not the ARN of an IAM role',
        ),
        ({"readers": FULL["readers"] * 2}, "account 210987654321 stands there twice"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        taken(tmp_path, {**FULL, **change})
    assert str(caught.value).startswith(f"-c sources: {tmp_path}")
    assert says in str(caught.value)


def test_a_file_that_is_no_object_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"must hold \{"):
        taken(tmp_path, [FULL])


@pytest.fixture(scope="module")
def many(synthesise: Callable[..., Template], tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesise(Settings(sources=taken(tmp_path_factory.mktemp("many"), FULL)))


def test_roles_of_other_accounts_are_taken_on_and_no_others(many: Template) -> None:
    found = [
        (name, statement)
        for name, body in many.find_resources("AWS::IAM::Policy").items()
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
        if "sts:AssumeRole" in statement["Action"]
    ]
    ((name, statement),) = found
    assert name.startswith("CompletenessReconcile")
    assert (statement["Action"], statement["Resource"]) == ("sts:AssumeRole", ROLE)


def test_only_the_regions_that_are_listed_may_be_asked(many: Template) -> None:
    many.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "guardduty:GetDetector",
                                "Resource": [
                                    {"Fn::Join": ["", Match.array_with([Match.string_like_regexp(region)])]}
                                    for region in FULL["regions"]
                                ],
                            }
                        ),
                        Match.object_like(
                            {
                                "Resource": "*",
                                "Condition": {"StringEquals": {"aws:RequestedRegion": FULL["regions"]}},
                            }
                        ),
                    ]
                )
            }
        },
    )


def test_who_takes_events_in_knows_whom_to_believe(many: Template) -> None:
    believed = {"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, ",210987654321,111122223333"]]}
    told = [
        body["Properties"]["Handler"]
        for body in many.find_resources("AWS::Lambda::Function").values()
        if body["Properties"]["Environment"]["Variables"].get(contract.ADMINISTRATORS) == believed
    ]
    assert set(told) == {contract.INGEST_HANDLER, contract.REPLAY_HANDLER}


def test_sources_are_read_on_a_schedule_whose_silence_is_an_alarm(template: Template) -> None:
    minutes = contract.RECONCILE_EVERY_MINUTES
    function = {"Arn": {"Fn::GetAtt": [Match.string_like_regexp("CompletenessReconcile"), "Arn"]}}
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "ScheduleExpression": f"rate({minutes} minutes)",
            "State": "ENABLED",
            "Targets": [Match.object_like({**function, "RetryPolicy": {"MaximumRetryAttempts": 0}})],
        },
    )
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "Invocations",
            "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": Match.string_like_regexp("Reconcile")}}],
            "ComparisonOperator": "LessThanThreshold",
            "EvaluationPeriods": 24,
            "TreatMissingData": "breaching",
        },
    )


def test_switched_off_it_reads_nothing_runs_never_and_rings_never(
    synthesise: Callable[..., Template],
) -> None:
    template = synthesise(Settings(sources=OFF))
    text = json.dumps(template.to_json())
    for gone in ("guardduty:ListFindings", "inspector2:ListFindings", contract.SOURCES, "ReconcileSilence"):
        assert gone not in text
    template.resource_properties_count_is("AWS::Events::Rule", {"ScheduleExpression": Match.any_value()}, 3)
    assert template.to_json()["Outputs"]["ReconcileFunction"]


def test_the_copy_of_a_replay_goes_with_the_stack_and_has_no_stream(template: Template) -> None:
    tables = template.find_resources("AWS::DynamoDB::Table")
    (copy,) = [body for name, body in tables.items() if name.startswith("CompletenessCopy")]
    assert (copy["DeletionPolicy"], copy["UpdateReplacePolicy"]) == ("Delete", "Delete")
    assert copy["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert not {"StreamSpecification", "DeletionProtectionEnabled"} & copy["Properties"].keys()


def test_the_tools_find_the_functions_and_tables_by_outputs(template: Template) -> None:
    outputs = template.to_json()["Outputs"]
    wanted = {
        "ReconcileFunction": "CompletenessReconcileFunction",
        "StatusFunction": "CompletenessStatusFunction",
        "ReplayFunction": "CompletenessReplayFunction",
        "LedgerTable": "StorageLedger",
        "ReplayTable": "CompletenessCopy",
    }
    assert {name: outputs[name]["Value"]["Ref"][:-8] for name in wanted} == wanted
    assert outputs["ReconcileRole"]["Value"]["Fn::GetAtt"][0].startswith("CompletenessReconcileRole")
