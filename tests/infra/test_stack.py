"""What the template must hold whatever else changes: the traps of AWS that no emulator shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

import infra
from infra.alert_settings import AlertSettings
from infra.reach import Reach
from infra.settings import Settings
from secgraph import contract
from secgraph.graph.locators import LOCATOR

Resources = dict[str, dict[str, Any]]
LOGICAL_ID = re.compile(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+?)[0-9A-F]{8}"')
PARAMETERS = re.compile('(/secgraph/).*"AWS::StackName"}, "/param"')
# Names that CloudFormation would otherwise make up; a name of ours would allow one installation an account.
NAME_PROPERTIES = {
    *("TableName", "BucketName", "QueueName", "TopicName", "FunctionName", "RoleName", "PolicyName"),
    *("LogGroupName", "AlarmName", "Name", "RegistryName", "SchemaName", "KeyName"),
}


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: body for name, body in resources.items() if body["Type"] == kind}


def statements(resources: Resources, *kinds: str) -> Iterator[dict[str, Any]]:
    for body in resources.values():
        if body["Type"] in kinds:
            properties = body["Properties"]
            yield from (properties.get("PolicyDocument") or properties["KeyPolicy"])["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def granted(resources: Resources, role: str) -> dict[str, set[str]]:
    """What the policies of a role allow: actions by the resource's logical id without its hash, what has none
    by its service."""
    found: dict[str, set[str]] = {}
    for name, body in of_type(resources, "AWS::IAM::Policy").items():
        if name.startswith(role):
            for statement in body["Properties"]["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Deny":
                    continue
                for one in listed(statement["Resource"]):
                    text = json.dumps(one)
                    named = LOGICAL_ID.findall(text) or PARAMETERS.findall(text)
                    for resource in named or {each.split(":")[0] for each in actions(statement)}:
                        may = {each for each in actions(statement) if named or each.startswith(resource)}
                        found.setdefault(resource, set()).update(may)
    return found


def test_functions_run_on_one_current_runtime_within_the_memory_of_new_accounts(resources: Resources) -> None:
    functions = of_type(resources, "AWS::Lambda::Function").values()
    assert len(functions) == 11
    for function in functions:
        properties = function["Properties"]
        assert properties["Runtime"] == "python3.14"
        assert properties["Architectures"] == ["arm64"]
        assert properties["MemorySize"] <= 3008
        assert "ReservedConcurrentExecutions" not in properties
        assert properties["LoggingConfig"]["LogGroup"]["Ref"] in resources


def test_the_functions_share_one_asset(resources: Resources) -> None:
    codes = [body["Properties"]["Code"] for body in of_type(resources, "AWS::Lambda::Function").values()]
    assert all(code == codes[0] for code in codes)


@pytest.mark.parametrize(
    ("handler", "seconds", "variables"),
    [
        (
            contract.INGEST_HANDLER,
            contract.INGEST_TIMEOUT_SECONDS,
            {contract.GRAPH_TABLE, contract.BUCKET, contract.ADMINISTRATORS},
        ),
        (
            contract.RECONCILE_HANDLER,
            contract.RECONCILE_TIMEOUT_SECONDS,
            {contract.GRAPH_TABLE, contract.LEDGER_TABLE, contract.BUCKET, contract.SOURCES},
        ),
        (contract.STATUS_HANDLER, contract.STATUS_TIMEOUT_SECONDS, {contract.BUCKET, contract.SOURCES}),
        (
            contract.REPLAY_HANDLER,
            contract.REPLAY_TIMEOUT_SECONDS,
            {contract.GRAPH_TABLE, contract.REPLAY_TABLE, contract.LEDGER_TABLE, contract.BUCKET}
            | {contract.ADMINISTRATORS},
        ),
        (
            contract.QUERY_HANDLER,
            contract.QUERY_TIMEOUT_SECONDS,
            {contract.GRAPH_TABLE, contract.BUCKET, contract.PARAMETERS, contract.SOURCES},
        ),
        (
            contract.EVALUATE_HANDLER,
            contract.EVALUATE_TIMEOUT_SECONDS,
            {contract.BUCKET, contract.GRAPH_TABLE, contract.ALERT_TABLE, contract.CHANNELS}
            | {contract.PARAMETERS, contract.SOURCES},
        ),
        (
            contract.NOTIFY_HANDLER,
            contract.NOTIFY_TIMEOUT_SECONDS,
            {contract.ALERT_TABLE, contract.ALERT_TOPIC, contract.PARAMETERS},
        ),
        (contract.TRIAGE_HANDLER, contract.TRIAGE_TIMEOUT_SECONDS, {contract.ALERT_TABLE}),
        (
            contract.PROJECT_HANDLER,
            contract.PROJECT_TIMEOUT_SECONDS,
            {contract.BUCKET, contract.ALERT_TABLE},
        ),
        (
            contract.COMPACT_HANDLER,
            contract.COMPACT_TIMEOUT_SECONDS,
            {contract.BUCKET, contract.REBUILD_QUEUE, contract.GRAPH_STREAM},
        ),
        (
            contract.REBUILD_HANDLER,
            contract.REBUILD_TIMEOUT_SECONDS,
            {contract.GRAPH_TABLE, contract.BUCKET, contract.REBUILD_QUEUE, contract.GRAPH_STREAM},
        ),
    ],
)
def test_a_function_gets_what_its_handler_reads(
    resources: Resources, handler: str, seconds: int, variables: set[str]
) -> None:
    found = [body["Properties"] for body in of_type(resources, "AWS::Lambda::Function").values()]
    (properties,) = [candidate for candidate in found if candidate["Handler"] == handler]
    assert properties["Timeout"] == seconds
    environment = properties["Environment"]["Variables"]
    assert {name for name in environment if name.startswith("SECGRAPH_")} == variables
    assert environment["POWERTOOLS_SERVICE_NAME"] == contract.METRICS_DIMENSIONS["service"]
    assert environment["POWERTOOLS_METRICS_NAMESPACE"] == contract.METRICS_NAMESPACE


def test_queries_and_rules_find_room_in_a_new_account_whatever_else_runs(resources: Resources) -> None:
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    taken = [
        body["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for name, body in mappings.items()
        if not is_stream(body)
    ]
    shards = 4 * mappings[stream_of(resources)]["Properties"]["ParallelizationFactor"]
    assert sum(taken) + shards <= 10 - len(("a query", "the rules, Compact or Reconcile"))


def test_who_asks_for_a_rebuild_knows_the_stream_that_project_reads(resources: Resources) -> None:
    stream = resources[stream_of(resources)]["Properties"]["EventSourceArn"]
    functions = [body["Properties"] for body in of_type(resources, "AWS::Lambda::Function").values()]
    told = {
        each["Handler"]: each["Environment"]["Variables"].get(contract.GRAPH_STREAM) for each in functions
    }
    assert {name: arn for name, arn in told.items() if arn} == {
        contract.COMPACT_HANDLER: stream,
        contract.REBUILD_HANDLER: stream,
    }


def test_every_log_group_forgets(resources: Resources) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup").values()
    assert [group["Properties"]["RetentionInDays"] for group in groups] == [90] * 11


def test_memory_and_retention_follow_the_context(synthesise: Callable[..., Template]) -> None:
    template = synthesise(Settings(memory_mb=1536, retention_days=14, raw_days=30))
    raw = Match.object_like({"Prefix": contract.RAW_PREFIX, "ExpirationInDays": 30})
    template.has_resource_properties(
        "AWS::S3::Bucket", {"LifecycleConfiguration": {"Rules": Match.array_with([raw])}}
    )
    template.resource_properties_count_is("AWS::Lambda::Function", {"MemorySize": 1536}, 3)
    template.resource_properties_count_is("AWS::Logs::LogGroup", {"RetentionInDays": 14}, 11)


def test_a_message_stays_hidden_for_six_runs_of_the_function(
    template: Template, resources: Resources
) -> None:
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    read = [body["Properties"] for body in mappings.values() if not is_stream(body)]
    assert len(read) == 2
    for properties in read:
        queue = resources[properties["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = resources[properties["FunctionName"]["Ref"]]["Properties"]
        window = properties.get("MaximumBatchingWindowInSeconds", 0)
        assert 2 <= properties["ScalingConfig"]["MaximumConcurrency"] <= 10
        if properties["BatchSize"] > 1:
            assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] + window
            assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        else:
            assert queue["VisibilityTimeout"] >= 2 * function["Timeout"]


def is_stream(mapping: dict[str, Any]) -> bool:
    return bool(mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][1] == "StreamArn")


def stream_of(resources: Resources, prefix: str = "ImageStream") -> str:
    """The name of a mapping that reads a stream."""
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping").items()
    (name,) = [name for name, body in mappings if is_stream(body) and name.startswith(prefix)]
    return name


def test_one_function_reads_the_stream_and_a_failure_keeps_its_place(resources: Resources) -> None:
    mapping = resources[stream_of(resources)]
    properties = mapping["Properties"]
    function = resources[properties["FunctionName"]["Ref"]]["Properties"]
    assert function["Handler"] == contract.PROJECT_HANDLER
    assert properties["StartingPosition"] == "TRIM_HORIZON", "what came before the mapping counts as well"
    assert (properties["BatchSize"], properties["MaximumBatchingWindowInSeconds"]) == (1000, 1)
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["ParallelizationFactor"] == 1
    assert not {"MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "DestinationConfig"} & properties.keys()


@pytest.mark.parametrize(
    ("prefix", "handler", "window", "pattern"),
    [
        (
            "AlertingChange",
            contract.EVALUATE_HANDLER,
            contract.CHANGE_WINDOW_SECONDS,
            {"dynamodb": {"Keys": {"id": {"S": [contract.CHANGE_ITEM]}}}},
        ),
        (
            "NotifyingOutbox",
            contract.NOTIFY_HANDLER,
            1,
            {
                "eventName": ["INSERT"],
                "dynamodb": {"Keys": {"id": {"S": [{"prefix": contract.OUTBOX_PREFIX}]}}},
            },
        ),
    ],
)
def test_what_the_alert_table_tells_starts_a_function_that_a_schedule_backs_up(
    resources: Resources, prefix: str, handler: str, window: int, pattern: dict[str, Any]
) -> None:
    properties = resources[stream_of(resources, prefix)]["Properties"]
    assert properties["EventSourceArn"]["Fn::GetAtt"][0].startswith("StorageAlerts")
    assert resources[properties["FunctionName"]["Ref"]]["Properties"]["Handler"] == handler
    (filter_,) = properties["FilterCriteria"]["Filters"]
    assert json.loads(filter_["Pattern"]) == pattern
    assert (properties["MaximumBatchingWindowInSeconds"], properties["ParallelizationFactor"]) == (window, 1)
    assert properties["MaximumRetryAttempts"] <= 2, "it may not stand still for what always fails"
    assert 60 <= properties["MaximumRecordAgeInSeconds"] <= 900
    schedules = [
        body["Properties"]["Targets"][0]["Arn"]["Fn::GetAtt"][0]
        for body in of_type(resources, "AWS::Events::Rule").values()
        if "ScheduleExpression" in body["Properties"]
    ]
    assert properties["FunctionName"]["Ref"] in schedules


def test_a_mapping_waits_for_the_grant_to_read_its_stream(resources: Resources) -> None:
    """Lambda asks for the grant when the mapping is made."""
    policies = of_type(resources, "AWS::IAM::Policy").items()
    streams = [
        body for body in of_type(resources, "AWS::Lambda::EventSourceMapping").values() if is_stream(body)
    ]
    assert len(streams) == 3
    for mapping in streams:
        role = resources[mapping["Properties"]["FunctionName"]["Ref"]]["Properties"]["Role"]["Fn::GetAtt"][0]
        (policy,) = [name for name, body in policies if body["Properties"]["Roles"] == [{"Ref": role}]]
        assert policy in mapping["DependsOn"]


def test_no_stream_has_more_readers_than_dynamodb_serves(resources: Resources) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html: two a shard."""
    sources = [
        body["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
        for body in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
        if is_stream(body)
    ]
    assert max(sources.count(table) for table in sources) == 2


def test_of_the_stream_all_but_locators_is_taken(resources: Resources) -> None:
    filters = resources[stream_of(resources)]["Properties"]["FilterCriteria"]["Filters"]
    written, removed = [json.loads(each["Pattern"]) for each in filters]
    assert written == {"dynamodb": {"NewImage": {"type": {"S": [{"anything-but": [LOCATOR]}]}}}}
    assert removed == {"eventName": ["REMOVE"]}


def test_the_image_is_compacted_on_a_schedule_and_after_a_deployment(template: Template) -> None:
    """A deployment over an older version finds a full table and no image."""
    minutes = contract.COMPACT_EVERY_MINUTES
    function = {"Arn": {"Fn::GetAtt": [Match.string_like_regexp("ImageCompact"), "Arn"]}}
    targets = {"Targets": [Match.object_like(function)], "State": "ENABLED"}
    template.has_resource_properties(
        "AWS::Events::Rule", {**targets, "ScheduleExpression": f"rate({minutes} minutes)"}
    )
    pattern = {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Stack Status Change"],
        "detail": {
            "stack-id": [{"Ref": "AWS::StackId"}],
            "status-details": {"status": Match.array_with(["CREATE_COMPLETE", "UPDATE_COMPLETE"])},
        },
    }
    template.has_resource_properties("AWS::Events::Rule", {**targets, "EventPattern": pattern})


def test_who_keeps_files_of_the_image_has_room_for_them(resources: Resources) -> None:
    disks = {
        function["Properties"]["Handler"]: function["Properties"].get("EphemeralStorage", {}).get("Size", 512)
        for function in of_type(resources, "AWS::Lambda::Function").values()
    }
    for handler in (contract.QUERY_HANDLER, contract.EVALUATE_HANDLER):
        assert disks[handler] >= 1024
    for handler in (contract.COMPACT_HANDLER, contract.REBUILD_HANDLER):
        assert disks[handler] >= 2048


def test_what_the_queue_gives_up_on_is_kept_as_long_as_sqs_can(
    resources: Resources,
) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    assert len(queues) == 4
    redrives = [body["Properties"].get("RedrivePolicy") for body in queues.values()]
    given_up = {each["deadLetterTargetArn"]["Fn::GetAtt"][0] for each in redrives if each}
    assert len(given_up) == 2
    assert all(each["maxReceiveCount"] >= 5 for each in redrives if each)
    for dead_letters in given_up:
        assert queues[dead_letters]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert all(body["Properties"]["SqsManagedSseEnabled"] is True for body in queues.values())


@pytest.mark.parametrize(
    ("source", "detail_type"),
    [
        (contract.GUARDDUTY_SOURCE, contract.GUARDDUTY_DETAIL_TYPE),
        (contract.INSPECTOR_SOURCE, contract.INSPECTOR_DETAIL_TYPE),
        (contract.INSPECTOR_SOURCE, contract.INSPECTOR_COVERAGE),
        (contract.INSPECTOR_SOURCE, contract.INSPECTOR_SCAN),
        (contract.ON_DEMAND_SOURCE, contract.ON_DEMAND_DETAIL_TYPE),
    ],
)
@pytest.mark.parametrize("test_source", [False, True])
def test_rules_take_exactly_the_findings(
    synthesise: Callable[..., Template], source: str, detail_type: str, test_source: bool
) -> None:
    sources = [source, contract.TEST_SOURCE] if test_source else [source]
    synthesise(Settings(test_source=test_source)).has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {"source": sources, "detail-type": [detail_type]},
            "Targets": [Match.object_like({"DeadLetterConfig": Match.any_value()})],
        },
    )


def test_of_the_calls_that_cloudtrail_reports_only_those_that_archive_are_taken(template: Template) -> None:
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.guardduty"],
                "detail-type": ["AWS API Call via CloudTrail"],
                "detail": {"eventName": ["ArchiveFindings", "UnarchiveFindings"]},
            },
            "Targets": [Match.object_like({"DeadLetterConfig": Match.any_value()})],
        },
    )


def test_the_test_source_reaches_the_handler_only_when_asked_for(synthesise: Callable[..., Template]) -> None:
    variable = contract.TEST_SOURCE_ENABLED
    assert variable not in json.dumps(synthesise().to_json())
    synthesise(Settings(test_source=True)).has_resource_properties(
        "AWS::Lambda::Function", {"Environment": {"Variables": {variable: "true"}}}
    )


def test_only_a_small_accounts_map_is_a_variable(
    synthesise: Callable[..., Template],
) -> None:
    small = '{"123456789012":{"name":"shop-prod","production":true}}'
    synthesise(Settings(accounts=small)).has_resource_properties(
        "AWS::Lambda::Function", {"Environment": {"Variables": {contract.ACCOUNTS: small}}}
    )
    assert contract.ACCOUNTS not in json.dumps(synthesise(Settings(accounts=small * 60)).to_json())


def test_data_outlives_the_stack(template: Template, resources: Resources) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"):
        for name, body in of_type(resources, kind).items():
            if name.startswith("CompletenessCopy"):  # what a replay made of the archive
                continue
            assert (body["DeletionPolicy"], body["UpdateReplacePolicy"]) == ("Retain", "Retain")
    template.resource_properties_count_is(
        "AWS::DynamoDB::Table",
        {
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": True,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
        3,
    )


@pytest.mark.parametrize(
    "name",
    [
        *("StorageGraphC85D0E8E", "StorageAlerts060022E2", "StorageBucket5CB7C8EA", "AlertingTopic08189029"),
        *(
            "StorageBucketPolicy49CFBD91",
            "AlertingKeyF32BC376",
            "IngestionQueue8DED9A6F",
            "ImageQueue94A28A2B",
        ),
        *("IngestionDeadLetters84B2DF1E", "ImageDeadLetters84CFEC3E", "ImageStream2AD2D3F6"),
        *("AlertingChange57560D31", "NotifyingOutbox6506F175", "RepairingRoleB275A340"),
    ],
)
def test_an_upgrade_keeps_what_holds_data(resources: Resources, name: str) -> None:
    """Under another logical id CloudFormation makes an empty one beside it. These are those of the version
    before; what is stored, waits, is subscribed, or is followed from where it was, hangs on them."""
    assert name in resources


def test_the_graph_table_has_a_stream_and_the_agreed_key(template: Template) -> None:
    template.has_resource_properties(
        "AWS::DynamoDB::Table",
        {
            "KeySchema": [{"AttributeName": contract.GRAPH_TABLE_KEY, "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": contract.OPEN_INDEX,
                    "KeySchema": [{"AttributeName": contract.OPEN_INDEX_KEY, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        },
    )


def test_the_stream_of_the_alert_table_tells_keys_only(template: Template) -> None:
    template.has_resource_properties(
        "AWS::DynamoDB::Table", {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    )


def test_the_bucket_is_closed_and_tidies_up(template: Template) -> None:
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "LifecycleConfiguration": {
                "Rules": Match.array_with(
                    [
                        Match.object_like({"Prefix": contract.RAW_PREFIX, "ExpirationInDays": 400}),
                        Match.object_like({"Prefix": contract.QUARANTINE_PREFIX, "ExpirationInDays": 365}),
                        Match.object_like({"Prefix": contract.ASIDE_PREFIX, "ExpirationInDays": 365}),
                        Match.object_like({"Prefix": contract.RECONCILE_PREFIX, "ExpirationInDays": 7}),
                        Match.object_like({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}),
                    ]
                )
            },
        },
    )


def test_bucket_queues_and_topic_refuse_plain_http(resources: Resources) -> None:
    for kind, count in (
        ("AWS::S3::BucketPolicy", 1),
        ("AWS::SQS::QueuePolicy", 4),
        ("AWS::SNS::TopicPolicy", 1),
    ):
        policies = of_type(resources, kind)
        assert len(policies) == count
        for body in policies.values():
            assert any(
                statement["Effect"] == "Deny"
                and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
                for statement in body["Properties"]["PolicyDocument"]["Statement"]
            ), kind


def test_alarms_can_use_the_topic_and_its_key(resources: Resources) -> None:
    """Under the AWS-managed key, or without a word in either policy, alarm actions fail without a trace."""
    (topic,) = of_type(resources, "AWS::SNS::Topic").values()
    (key_id,) = of_type(resources, "AWS::KMS::Key")
    assert topic["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    assert resources[key_id]["Properties"]["EnableKeyRotation"] is True
    cloudwatch = {"Service": "cloudwatch.amazonaws.com"}
    for kind, needed in (
        ("AWS::KMS::Key", {"kms:Decrypt", "kms:GenerateDataKey*"}),
        ("AWS::SNS::TopicPolicy", {"sns:Publish"}),
    ):
        allowed = {
            action
            for statement in statements(resources, kind)
            if statement["Effect"] == "Allow" and statement["Principal"] == cloudwatch
            for action in actions(statement)
        }
        assert allowed == needed, kind


def test_only_alarms_of_this_account_may_publish(resources: Resources) -> None:
    (allow,) = [
        statement
        for statement in statements(resources, "AWS::SNS::TopicPolicy")
        if statement["Effect"] == "Allow"
    ]
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_no_role_may_do_everything_of_anything(resources: Resources) -> None:
    for statement in statements(resources, "AWS::IAM::Policy"):
        assert not [action for action in actions(statement) if "*" in action]
        if statement["Resource"] == "*" and statement["Effect"] == "Allow":
            assert set(actions(statement)) == READ_SOURCES, "these know no resource"
            assert statement["Condition"] == {
                "StringEquals": {"aws:RequestedRegion": [{"Ref": "AWS::Region"}]}
            }
    for role in of_type(resources, "AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


READ_SOURCES = {
    *(f"guardduty:{call}" for call in ("GetFindings", "ListDetectors", "ListFindings", "ListMembers")),
    *(f"inspector2:{call}" for call in ("BatchGetAccountStatus", "GetDelegatedAdminAccount")),
    *("inspector2:ListFindings", "inspector2:ListMembers"),
}
WRITE_GRAPH = {f"dynamodb:{verb}" for verb in ("BatchGetItem", "PartiQLInsert", "PartiQLUpdate")}
STREAM = {f"dynamodb:{verb}" for verb in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
SCAN = {"dynamodb:Scan", "dynamodb:DescribeTable"}
TIDY = {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"}
ALERTS = {f"dynamodb:{verb}" for verb in ("Scan", "GetItem", "PutItem")}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
REDRIVE = {
    *(f"sqs:{verb}MessageMoveTask" for verb in ("Start", "Cancel")),
    *("sqs:ListMessageMoveTasks", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
}
RECEIVE = {f"sqs:{verb}" for verb in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")}
ABOUT_QUEUE = {"sqs:GetQueueAttributes", "sqs:GetQueueUrl"}


@pytest.mark.parametrize(
    ("role", "resource", "may"),
    [
        ("IngestionIngest", "StorageGraph", WRITE_GRAPH),
        ("IngestionIngest", "StorageBucket", {"s3:PutObject"}),
        ("IngestionIngest", "IngestionQueue", RECEIVE | ABOUT_QUEUE),
        ("IngestionIngest", "IngestionIngestLogs", LOGS),
        ("AskingQuery", "StorageGraph", {"dynamodb:BatchGetItem"}),
        ("AskingQuery", "StorageBucket", {"s3:GetObject", "s3:ListBucket"}),
        ("AskingQuery", "/secgraph/", {"ssm:GetParametersByPath"}),
        ("AskingQuery", "AskingQueryLogs", LOGS),
        ("AlertingEvaluate", "StorageBucket", {"s3:GetObject", "s3:ListBucket"}),
        ("AlertingEvaluate", "StorageAlerts", ALERTS | STREAM),
        ("AlertingEvaluate", "StorageGraph", {"dynamodb:BatchGetItem", "dynamodb:PartiQLUpdate"}),
        ("AlertingEvaluate", "/secgraph/", {"ssm:GetParametersByPath"}),
        ("AlertingTriage", "StorageAlerts", ALERTS | {"dynamodb:DeleteItem"}),
        ("AlertingTriage", "AlertingTriageLogs", LOGS),
        ("NotifyingNotify", "StorageAlerts", ALERTS | STREAM | {"dynamodb:DeleteItem"}),
        ("NotifyingNotify", "AlertingTopic", {"sns:Publish"}),
        ("NotifyingNotify", "AlertingKey", {"kms:Decrypt", "kms:GenerateDataKey"}),
        ("NotifyingNotify", "/secgraph/", {"ssm:GetParametersByPath"}),
        ("NotifyingNotify", "NotifyingNotifyLogs", LOGS),
        ("AlertingEvaluate", "AlertingEvaluateLogs", LOGS),
        ("Repairing", "StorageBucket", {"s3:ListBucket", "s3:GetObject", "s3:DeleteObject"}),
        ("Repairing", "IngestionQueue", {"sqs:SendMessage", "sqs:GetQueueAttributes"}),
        ("Repairing", "IngestionDeadLetters", REDRIVE),
        ("Repairing", "ImageQueue", {"sqs:SendMessage"}),
        ("Repairing", "ImageDeadLetters", REDRIVE),
        ("Repairing", "StorageGraph", {"dynamodb:Scan", "dynamodb:DescribeTable"}),
        ("Repairing", "CompletenessReconcileFunction", {"lambda:InvokeFunction"}),
        ("Repairing", "CompletenessStatusFunction", {"lambda:InvokeFunction"}),
        ("Repairing", "CompletenessReplayFunction", {"lambda:InvokeFunction"}),
        ("CompletenessReconcile", "StorageGraph", WRITE_GRAPH | {"dynamodb:Scan", "dynamodb:Query"}),
        ("CompletenessReconcile", "StorageLedger", ALERTS),
        (
            "CompletenessReconcile",
            "StorageBucket",
            {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"},
        ),
        ("CompletenessReconcile", "CompletenessReconcileLogs", LOGS),
        (
            "CompletenessReconcile",
            "guardduty",
            {"guardduty:GetDetector"} | {each for each in READ_SOURCES if each.startswith("guardduty")},
        ),
        ("CompletenessReconcile", "inspector2", {each for each in READ_SOURCES if "inspector2" in each}),
        ("CompletenessStatus", "StorageBucket", {"s3:GetObject", "s3:ListBucket"}),
        ("CompletenessStatus", "CompletenessStatusLogs", LOGS),
        ("CompletenessReplay", "StorageGraph", WRITE_GRAPH | {"dynamodb:Scan"}),
        (
            "CompletenessReplay",
            "CompletenessCopy",
            WRITE_GRAPH | {"dynamodb:Scan", "dynamodb:BatchWriteItem"},
        ),
        ("CompletenessReplay", "StorageLedger", {"dynamodb:GetItem", "dynamodb:PutItem"}),
        ("CompletenessReplay", "StorageBucket", {"s3:GetObject", "s3:ListBucket"}),
        ("CompletenessReplay", "CompletenessReplayLogs", LOGS),
        ("ImageProject", "StorageGraph", STREAM),
        ("ImageProject", "StorageAlerts", {"dynamodb:PutItem"}),
        ("ImageProject", "StorageBucket", {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}),
        ("ImageProject", "ImageProjectLogs", LOGS),
        ("ImageCompact", "StorageBucket", TIDY | {"s3:ListBucket"}),
        ("ImageCompact", "ImageQueue", {"sqs:SendMessage"}),
        ("ImageCompact", "ImageCompactLogs", LOGS),
        ("ImageRebuild", "StorageGraph", {"dynamodb:Scan", "dynamodb:DescribeTable"}),
        ("ImageRebuild", "StorageBucket", TIDY | {"s3:ListBucket"}),
        ("ImageRebuild", "ImageQueue", RECEIVE | ABOUT_QUEUE | {"sqs:SendMessage"}),
        ("ImageRebuild", "ImageRebuildLogs", LOGS),
    ],
)
def test_a_role_may_do_to_a_resource(resources: Resources, role: str, resource: str, may: set[str]) -> None:
    assert granted(resources, role)[resource] == may


def test_a_role_may_touch_nothing_else(resources: Resources) -> None:
    touched = {
        "Ingestion": 4,
        "Asking": 4,
        "AlertingEvaluate": 5,
        "AlertingTriage": 2,
        "Notifying": 5,
        "Repairing": 9,
        "CompletenessReconcile": 6,
        "CompletenessStatus": 2,
        "CompletenessReplay": 5,
        "ImageProject": 4,
        "ImageCompact": 3,
        "ImageRebuild": 4,
    }
    assert {role: len(granted(resources, role)) for role in touched} == touched
    assert len(of_type(resources, "AWS::IAM::Policy")) == len(touched)


RAW, QUARANTINE = contract.RAW_PREFIX, contract.QUARANTINE_PREFIX
IMAGE, ASIDE = contract.IMAGE_PREFIX, contract.ASIDE_PREFIX
SEEN = contract.RECONCILE_PREFIX


@pytest.mark.parametrize(
    ("action", "prefixes"),
    [
        (
            "s3:PutObject",
            {
                "Ingestion": {RAW, QUARANTINE},
                "CompletenessReconcile": {RAW, QUARANTINE, SEEN},
                "ImageProject": {IMAGE, ASIDE},
                "ImageCompact": {IMAGE},
                "ImageRebuild": {IMAGE, ASIDE},
            },
        ),
        (
            "s3:GetObject",
            {
                "Asking": {IMAGE, RAW},
                "AlertingEvaluate": {IMAGE},
                "Repairing": {RAW, QUARANTINE, ASIDE, IMAGE},
                "CompletenessReconcile": {SEEN},
                "CompletenessStatus": {IMAGE},
                "CompletenessReplay": {RAW},
                "ImageProject": {IMAGE},
                "ImageCompact": {IMAGE},
                "ImageRebuild": {IMAGE},
            },
        ),
        (
            "s3:DeleteObject",
            {
                "Repairing": {QUARANTINE, ASIDE},
                "CompletenessReconcile": {SEEN},
                "ImageCompact": {IMAGE},
                "ImageRebuild": {IMAGE},
            },
        ),
        (
            "s3:ListBucket",
            {
                "Asking": {IMAGE, RAW},
                "AlertingEvaluate": {IMAGE},
                "Repairing": {RAW, QUARANTINE, ASIDE, IMAGE},
                "CompletenessReconcile": {SEEN},
                "CompletenessStatus": {IMAGE},
                "CompletenessReplay": {RAW},
                "ImageProject": {IMAGE},
                "ImageCompact": {IMAGE},
                "ImageRebuild": {IMAGE},
            },
        ),
    ],
)
def test_what_is_in_the_bucket_is_touched_under_its_prefix_and_by_these_roles(
    resources: Resources, action: str, prefixes: dict[str, set[str]]
) -> None:
    found: dict[str, set[str]] = {}
    for name, body in of_type(resources, "AWS::IAM::Policy").items():
        role = next(role for role in (*prefixes, name) if name.startswith(role))
        for statement in body["Properties"]["PolicyDocument"]["Statement"]:
            if action in actions(statement):
                found.setdefault(role, set()).update(prefixes_of(statement))
    assert found == {role: {f"{prefix}*" for prefix in allowed} for role, allowed in prefixes.items()}


def prefixes_of(statement: dict[str, Any]) -> set[str]:
    """The prefixes of a bucket that a statement speaks of."""
    if "Condition" in statement:
        return set(listed(statement["Condition"]["StringLike"]["s3:prefix"]))
    return {one["Fn::Join"][1][1].removeprefix("/") for one in listed(statement["Resource"])}


def test_none_but_the_repair_role_query_and_replay_read_events_whatever_else_they_may(
    resources: Resources,
) -> None:
    (deny,) = [
        each
        for each in statements(resources, "AWS::S3::BucketPolicy")
        if each["Effect"] == "Deny" and "s3:GetObject" in actions(each)
    ]
    assert deny["Principal"] == {"AWS": "*"}
    assert prefixes_of({"Resource": deny["Resource"]}) == {f"{RAW}*", f"{QUARANTINE}*"}
    roles = [each["Fn::GetAtt"][0] for each in deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]]
    repair, query, replay = roles
    assert query.startswith("AskingQueryRole")
    assert replay.startswith("CompletenessReplayRole")
    assert repair.startswith("RepairingRole")
    (trust,) = resources[repair]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"]["AWS"]["Fn::Join"][1][-1] == ":root"


def test_nothing_has_a_fixed_name(resources: Resources) -> None:
    for name, body in resources.items():
        if body["Type"] != "AWS::IAM::Policy":  # an inline policy: its name is unique within its role only
            fixed = {key for key in NAME_PROPERTIES if isinstance(body["Properties"].get(key), str)}
            assert not fixed, name


def test_nothing_is_made_by_custom_resources(resources: Resources) -> None:
    kinds = {body["Type"] for body in resources.values()}
    assert not {kind for kind in kinds if kind.startswith("Custom::") or kind.endswith("::CustomResource")}


def test_rules_are_evaluated_on_the_agreed_schedule(template: Template) -> None:
    minutes = contract.EVALUATE_EVERY_MINUTES
    assert 60 * minutes > contract.EVALUATE_TIMEOUT_SECONDS, "runs must not overlap"
    template.has_resource_properties(
        "AWS::Events::Rule", {"ScheduleExpression": f"rate({minutes} minutes)", "State": "ENABLED"}
    )


def test_a_failed_run_is_not_repeated_beside_the_next_one(resources: Resources) -> None:
    """Lambda repeats a failed asynchronous run twice, under the same request id, unless it is told not to."""
    kept = {
        contract.EVALUATE_HANDLER: contract.EVALUATE_EVERY_MINUTES,
        contract.COMPACT_HANDLER: contract.COMPACT_EVERY_MINUTES,
        contract.NOTIFY_HANDLER: contract.NOTIFY_EVERY_MINUTES,
        contract.RECONCILE_HANDLER: contract.RECONCILE_EVERY_MINUTES,
    }
    found = {}
    for config in of_type(resources, "AWS::Lambda::EventInvokeConfig").values():
        properties = config["Properties"]
        assert properties["MaximumRetryAttempts"] == 0
        handler = resources[properties["FunctionName"]["Ref"]]["Properties"]["Handler"]
        found[handler] = properties["MaximumEventAgeInSeconds"] // 60
    assert found == kept


def test_what_fails_at_every_run_is_one_alarm(resources: Resources) -> None:
    """Between two runs there is no data: an alarm that ended there would tell of every single run."""
    for name, body in of_type(resources, "AWS::CloudWatch::Alarm").items():
        properties = body["Properties"]
        if not name.startswith(("MonitoringSilence", "MonitoringReconcileSilence")):
            assert properties["DatapointsToAlarm"] == 1, name
            window = properties["EvaluationPeriods"] * properties["Period"]
            assert window >= 2 * 60 * contract.EVALUATE_EVERY_MINUTES, name
            assert properties["TreatMissingData"] == "notBreaching", name


def test_an_hour_without_a_run_is_an_alarm(template: Template) -> None:
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": contract.METRIC_RULE_RUNS,
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": 1,
            "Period": 300,
            "EvaluationPeriods": 12,
            "TreatMissingData": "breaching",
        },
    )


@pytest.mark.parametrize(
    ("prefix", "output", "url"),
    [
        ("Ingestion", "RedriveDeadLetters", "DeadLetters"),
        ("Image", "RedriveRebuild", "RebuildDeadLetters"),
    ],
)
def test_the_command_for_dead_letters_names_where_they_go(
    template: Template, resources: Resources, prefix: str, output: str, url: str
) -> None:
    queues = [name for name in of_type(resources, "AWS::SQS::Queue") if name.startswith(prefix)]
    (queue,) = [name for name in queues if "RedrivePolicy" in resources[name]["Properties"]]
    (dead_letters,) = set(queues) - {queue}
    outputs = template.to_json()["Outputs"]
    assert outputs[url]["Value"] == {"Ref": dead_letters}
    words = outputs[output]["Value"]["Fn::Join"][1]
    assert words == [
        "aws sqs start-message-move-task --source-arn ",
        {"Fn::GetAtt": [dead_letters, "Arn"]},
        " --destination-arn ",
        {"Fn::GetAtt": [queue, "Arn"]},
    ]


def test_a_lag_of_the_image_is_an_alarm_long_before_the_stream_forgets(resources: Resources) -> None:
    alarms = [body["Properties"] for body in of_type(resources, "AWS::CloudWatch::Alarm").values()]
    (lag,) = [alarm for alarm in alarms if alarm["MetricName"] == "IteratorAge"]
    (function,) = [each["Value"]["Ref"] for each in lag["Dimensions"]]
    assert resources[function]["Properties"]["Handler"] == contract.PROJECT_HANDLER
    assert (lag["Statistic"], lag["Threshold"]) == ("Maximum", 15 * 60_000)


def test_the_document_says_of_every_alarm_what_to_do(resources: Resources) -> None:
    text = (infra.ROOT / "docs" / "operations.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z][A-Za-z, ]+) \| [^|]+ \| [^|]+ \|$", text, re.M)
    (of_functions,) = [row for row in rows if row.startswith("Errors of ")]
    functions = of_functions.removeprefix("Errors of ").split(", ")
    named = [*(rf"\w+{each}Errors" for each in functions), *(f"Monitoring{row}" for row in rows)]
    for name in of_type(resources, "AWS::CloudWatch::Alarm"):
        assert any(re.fullmatch(f"{each}[0-9A-F]{{8}}", name) for each in named), name


def test_every_alarm_tells_the_topic_and_none_names_account_or_region(resources: Resources) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    (topic,) = of_type(resources, "AWS::SNS::Topic")
    assert len(alarms) <= 22, "each costs ten cents a month"
    for name, body in alarms.items():
        properties = body["Properties"]
        assert properties["AlarmActions"] == [{"Ref": topic}], name
        assert properties["AlarmDescription"].startswith("secgraph: "), name
        dimensions = {dimension["Name"].lower() for dimension in properties["Dimensions"]}
        assert dimensions <= {"functionname", "queuename", "service"}, name


@pytest.mark.parametrize(
    ("metric", "count"),
    [
        ("Errors", 11),
        ("Invocations", 1),
        (contract.METRIC_SOURCES_FAILED, 1),
        (contract.METRIC_RULE_RUNS, 1),
        ("IteratorAge", 1),
        ("ApproximateNumberOfMessagesVisible", 2),
        ("ApproximateAgeOfOldestMessage", 1),
        (contract.METRIC_QUARANTINED, 1),
        (contract.METRIC_RULES_FAILED, 1),
        (contract.METRIC_MESSAGES_FAILED, 1),
        (contract.METRIC_SET_ASIDE, 1),
    ],
)
def test_there_is_an_alarm_on(template: Template, metric: str, count: int) -> None:
    template.resource_properties_count_is("AWS::CloudWatch::Alarm", {"MetricName": metric}, count)


def test_own_metrics_are_watched_under_the_dimensions_that_powertools_writes(template: Template) -> None:
    template.resource_properties_count_is(
        "AWS::CloudWatch::Alarm",
        {
            "Namespace": contract.METRICS_NAMESPACE,
            "Dimensions": [
                {"Name": name, "Value": value} for name, value in contract.METRICS_DIMENSIONS.items()
            ],
        },
        6,
    )


def test_an_address_is_subscribed_when_given(synthesise: Callable[..., Template]) -> None:
    synthesise().resource_count_is("AWS::SNS::Subscription", 0)
    synthesise(Settings(alerts=AlertSettings(email="security@example.com"))).has_resource_properties(
        "AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "security@example.com"}
    )


SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:{}-AbCdEf"
TOPIC, QUEUE = "arn:aws:sns:eu-west-1:111122223333:t", "arn:aws:sqs:eu-west-1:111122223333:q"
OWN_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"
ALL_CHANNELS = AlertSettings(
    chat=True,
    slack_secret=SECRET.format("slack"),
    webhook="https://hooks.example.com/x",
    webhook_secret=SECRET.format("hook"),
    reach=Reach((TOPIC,), (QUEUE,), "{}"),
    parameters="/security/rules",
    keys=(OWN_KEY,),
    intervals='{"*":"ONE_HOUR"}',
    link="https://wiki.example.com/{rule}",
)


@pytest.fixture(scope="module")
def equipped(synthesise: Callable[..., Template]) -> Resources:
    return synthesise(Settings(alerts=ALL_CHANNELS)).to_json()["Resources"]  # type: ignore[no-any-return]


def variables(resources: Resources, handler: str) -> dict[str, Any]:
    found = [body["Properties"] for body in of_type(resources, "AWS::Lambda::Function").values()]
    (held,) = [each["Environment"]["Variables"] for each in found if each["Handler"] == handler]
    return {name: value for name, value in held.items() if name.startswith("SECGRAPH_")}


def test_who_writes_messages_knows_which_channels_there_are_and_who_sends_them_where_they_lead(
    equipped: Resources,
) -> None:
    chat = variables(equipped, contract.NOTIFY_HANDLER).pop(contract.CHAT_TOPIC)["Ref"]
    assert chat.startswith("AlertingChat")
    assert equipped[chat]["Properties"]["KmsMasterKeyId"]
    told = variables(equipped, contract.NOTIFY_HANDLER)
    assert {name: value for name, value in told.items() if isinstance(value, str)} == {
        contract.SLACK_SECRET: ALL_CHANNELS.slack_secret,
        contract.WEBHOOK: ALL_CHANNELS.webhook,
        contract.WEBHOOK_SECRET: ALL_CHANNELS.webhook_secret,
        contract.PARAMETERS: "/security/rules",
    }
    told = variables(equipped, contract.EVALUATE_HANDLER)
    assert told[contract.CHANNELS] == "topic,chat,slack,webhook"
    assert told[contract.INTERVALS] == ALL_CHANNELS.intervals
    assert told[contract.ALERT_LINK] == ALL_CHANNELS.link
    assert not {contract.WEBHOOK, contract.SLACK_SECRET, contract.ALERT_TOPIC} & told.keys()


def test_only_the_sender_reaches_what_is_outside_and_only_what_is_listed(equipped: Resources) -> None:
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, body in of_type(equipped, "AWS::IAM::Policy").items():
        for statement in body["Properties"]["PolicyDocument"]["Statement"]:
            for action in actions(statement):
                for one in listed(statement["Resource"]) if statement["Effect"] == "Allow" else ():
                    if isinstance(one, str):
                        found.setdefault(action, []).append((name[:-8], one))
                    elif action == "sns:Publish":
                        found.setdefault(action, []).append((name[:-8], one["Ref"][:-8]))
    role = "NotifyingNotifyRoleDefaultPolicy"
    assert sorted(found["sns:Publish"]) == [(role, "AlertingChat"), (role, "AlertingTopic"), (role, TOPIC)]
    assert found["sqs:SendMessage"] == [(role, QUEUE)]
    assert sorted(found["secretsmanager:GetSecretValue"]) == [
        (role, ALL_CHANNELS.webhook_secret),
        (role, ALL_CHANNELS.slack_secret),
    ]
    decrypting = sorted({name for name, one in found["kms:Decrypt"] if one == OWN_KEY})
    assert decrypting == ["AlertingEvaluateRoleDefaultPolicy", role]


def test_questions_never_get_at_a_secret_parameter(resources: Resources) -> None:
    (query,) = [name for name in of_type(resources, "AWS::IAM::Policy") if name.startswith("Asking")]
    found = resources[query]["Properties"]["PolicyDocument"]["Statement"]
    (deny,) = [statement for statement in found if statement["Effect"] == "Deny"]
    assert (deny["Action"], deny["Resource"]) == ("kms:Decrypt", "*")
    (service,) = deny["Condition"]["StringLike"].values()
    assert service == {"Fn::Join": ["", ["ssm.", {"Ref": "AWS::Region"}, ".*"]]}
    assert not [each for each in found if each["Effect"] == "Allow" and "kms:Decrypt" in actions(each)]


def test_the_projector_writes_one_item_of_the_alert_table(resources: Resources) -> None:
    (policy,) = [name for name in of_type(resources, "AWS::IAM::Policy") if name.startswith("ImageProject")]
    found = resources[policy]["Properties"]["PolicyDocument"]["Statement"]
    (write,) = [statement for statement in found if "dynamodb:PutItem" in actions(statement)]
    assert write["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [contract.CHANGE_ITEM]}
    }
