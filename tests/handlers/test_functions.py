"""The functions on one deployment: what goes in through SQS is answered, evaluated and told."""

from __future__ import annotations

import json
import re

import pytest

from secgraph import contract
from secgraph.alerts.rowset import RowSet
from secgraph.alerts.state import AlertState
from secgraph.alerts.stored import Alert, alert_id, dump_alert
from secgraph.errors import InputError
from secgraph.graph.loading import items_of
from secgraph.handlers import alert_runtime, runtime
from secgraph.handlers import query as query_module
from secgraph.handlers.ingest import handler as ingest
from tests.handlers.upkeep import asked as query
from tests.handlers.upkeep import evaluated as evaluate

THREATENED = (
    "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7 return tree"
)
PRODUCTION = (
    "Find (Host|DataStore|Application|CodeRepo|Account|Service|Network) with tag.Production=true "
    "that has Finding with severity='High' or numericSeverity>7"
)


def test_findings_become_answers(deployment, sample, batch, context):
    assert ingest(batch(sample("01"), sample("02"), sample("02")), context) == {"batchItemFailures": []}
    tree = query({"query": THREATENED}, context)
    assert {vertex["entity"]["_type"][0] for vertex in tree["data"]["vertices"]} == {
        "aws_guardduty_finding",
        "aws_instance",
        "aws_inspector_finding",
    }
    (instance,) = query({"query": PRODUCTION}, context)["data"]
    assert instance["properties"]["tag.Production"] is True
    assert instance["properties"]["tag.AccountName"] == "shop-prod"


def test_what_cannot_be_understood_is_set_aside_and_counted(deployment, sample, batch, context, capsys):
    truncated = json.dumps(sample("01"))[:500]
    assert ingest(batch(truncated, sample("02"), sample("07")), context) == {"batchItemFailures": []}
    (record,) = deployment.quarantined()
    assert record["body"] == truncated
    assert "JSON" in record["reason"]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [one[contract.METRIC_QUARANTINED] for one in metrics] == [[1.0]]
    assert metrics[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_an_answer_of_many_findings_is_taken_apart(deployment, sample, batch, context):
    answer = {"Findings": [sample("01")["detail"], {"Resource": {}}, sample("02")["detail"]]}
    assert ingest(batch(answer), context) == {"batchItemFailures": []}
    assert json.loads(deployment.quarantined()[0]["body"]) == {"Resource": {}}
    assert query({"query": "FIND Finding AS f RETURN count(f)"}, context)["data"] == [{"count(f)": 2}]
    deployment.dynamodb.delete_table(TableName="graph")
    assert ingest(batch(answer), context) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_batch_without_trouble_logs_nothing(deployment, sample, batch, context, capsys):
    ingest(batch(sample("01"), sample("02"), sample("07")), context)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_what_could_not_be_stored_comes_again(deployment, sample, batch, context):
    deployment.dynamodb.delete_table(TableName="graph")
    assert ingest(batch(sample("01"), sample("07")), context) == {
        "batchItemFailures": [{"itemIdentifier": "m0"}]
    }


def test_every_message_is_archived_and_without_the_archive_all_come_again(deployment, sample, batch, context):
    ingest(batch(sample("01"), "{cut"), context)
    bodies = [one.body for one in runtime.archive().read()]
    assert bodies == [json.dumps(sample("01")), "{cut"]
    for one in deployment.s3.list_objects_v2(Bucket="bucket")["Contents"]:
        deployment.s3.delete_object(Bucket="bucket", Key=one["Key"])
    deployment.s3.delete_bucket(Bucket="bucket")
    assert len(ingest(batch(sample("02"), "{cut"), context)["batchItemFailures"]) == 2
    assert "aws_inspector_finding" not in {
        item.thing.type for page in runtime.graph().pages() for item in page.items
    }


def test_a_replayed_event_counts_from_its_first_receipt_and_a_dead_letter_needs_none(
    deployment, sample, batch, context
):
    """EventBridge puts attributes of its own on what it could not hand over, and the event as it is."""
    ingest(batch(sample("01"), receivedOn="1790000000000"), context)
    ingest(batch(sample("02"), ERROR_CODE="NO_PERMISSIONS", RULE_ARN="arn:aws:events:::rule/r"), context)
    ingest(batch(sample("05"), receivedOn="tomorrow"), context)
    answer = query({"query": "FIND Finding AS f RETURN f._type, f._createdOn ORDER BY f._createdOn"}, context)
    assert [row["f._createdOn"] for row in answer["data"]] == [1790000000000, 1795000000000]
    (record,) = deployment.quarantined()
    assert "receivedOn: 'tomorrow'" in record["reason"]
    assert record["receivedOn"] == 1795000000000


def test_an_event_that_did_not_come_through_the_queue_says_where_to_send_it(deployment, sample, context):
    with pytest.raises(InputError, match="send the event to the queue or to the event bus"):
        ingest(sample("01"), context)


def test_events_of_the_test_source_need_the_switch(deployment, sample, batch, context, monkeypatch):
    event = {**sample("01"), "source": contract.TEST_SOURCE}
    ingest(batch(event), context)
    assert len(deployment.quarantined()) == 1
    monkeypatch.setenv(contract.TEST_SOURCE_ENABLED, "true")
    ingest(batch(event), context)
    (finding,) = query({"query": "FIND aws_guardduty_finding"}, context)["data"]
    assert finding["properties"]["sample"] is True
    assert finding["entity"]["_key"] != sample("01")["detail"]["arn"]


@pytest.mark.parametrize(
    ("event", "code", "message"),
    [
        ({}, "INPUT", "the event has no query"),
        ([], "INPUT", "the event has no query"),
        ({"query": 7}, "INPUT", "query: expected a J1QL text"),
        ({"query": "FIND x", "limit": 3}, "INPUT", "limit: unknown field"),
        ({"query": "FIND x", "parameters": []}, "INPUT", "parameters: expected an object"),
        ({"query": "FIND x", "placeholders": []}, "INPUT", "placeholders: expected an object"),
        ({"query": "FIND {{x}}", "placeholders": {"x": None}}, "PARAM", "neither text nor number"),
        ({"query": "FIND {{x}} {{y}}"}, "PARAM", "open placeholders: x, y"),
        ({"query": "FIND x", "includeDeleted": "yes"}, "INPUT", "includeDeleted: expected true or false"),
        ({"query": "FIND x", "format": "xml"}, "INPUT", "format: expected one of json, table, csv"),
        ({"query": "FIND x", "cursor": "!"}, "PARAM", "cursor"),
        ({"query": "FIND aws_instance AS i RETURN k.name"}, "NAME", "k"),
    ],
)
def test_mistakes_are_answered_with_the_remedy(deployment, context, event, code, message):
    error = query(event, context)["error"]
    assert error["code"] == code
    assert message in error["message"]


def test_an_error_in_a_query_shows_its_place(deployment, context):
    error = query({"query": "FIND User WITH name = bob"}, context)["error"]
    assert (error["code"], error["line"], error["column"]) == ("SYNTAX", 1, 23)
    assert error["suggestion"] == "'bob'"
    assert error["caret"].splitlines()[1] == " " * 22 + "^^^"


def test_placeholders_are_filled_and_an_error_is_shown_in_the_saved_query(deployment, sample, batch, context):
    ingest(batch(sample("01"), sample("02")), context)
    saved = "FIND {{what}} WITH name = '{{name}}'"
    for name, count in {"shop-web-1": 1, "shop-web-1' OR name != '": 0}.items():
        values = {"what": "aws_instance", "name": name}
        assert query({"query": saved, "placeholders": values}, context)["totalCount"] == count
    error = query({"query": "FIND {{what}} WITH bob", "placeholders": {"what": "x" * 50}}, context)["error"]
    assert error["caret"].splitlines() == ["FIND {{what}} WITH bob", " " * 22 + "^"]


def test_smart_classes_of_the_asset_serve_queries_and_rules(
    deployment, sample, batch, context, tmp_path, monkeypatch
):
    monkeypatch.setattr(runtime, "ASSET", tmp_path)
    classes = {"Attacked": ["FIND aws_instance THAT HAS aws_guardduty_finding"]}
    file = tmp_path / contract.SMART_CLASSES_FILE
    file.write_text(json.dumps({"version": 1, "smartClasses": classes}))
    rule = {"name": "attacked", "queries": [{"query": "FIND #Attacked"}]}
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "own.json").write_text(json.dumps([{**rule, "description": "d", "alertLevel": "HIGH"}]))
    monkeypatch.setattr(contract, "PACKS_FOLDER", str(packs))
    ingest(batch(sample("01"), sample("02")), context)
    assert query({"query": "FIND #Attacked"}, context)["totalCount"] == 1
    assert [rule["total"] for rule in evaluate({}, context)["rules"]] == [1]
    file.write_text("{")
    runtime.smart_classes.cache_clear()
    assert "smart-classes.json:1:2: not JSON" in query({"query": "FIND x"}, context)["error"]["message"]


def test_tables_and_csv_are_texts(deployment, sample, batch, context):
    ingest(batch(sample("01"), sample("02")), context)
    asked = {"query": "FIND aws_instance AS i RETURN i.name, i.instanceType"}
    table = query({**asked, "format": "table"}, context)
    assert "shop-web-1  m7g.large" in table["text"]
    assert query({**asked, "format": "csv"}, context)["text"].splitlines() == [
        "i.name,i.instanceType",
        "shop-web-1,m7g.large",
    ]
    assert "data" not in table


@pytest.mark.thorough
def test_pages_follow_by_cursor(deployment, context):
    entities = [{"_key": f"k{n}", "_type": "t", "_class": "C"} for n in range(300)]
    runtime.graph().write(items_of({"entities": entities}, now=5))
    first = query({"query": "FIND C"}, context)
    assert (len(first["data"]), first["totalCount"]) == (250, 300)
    rest = query({"query": "FIND C", "cursor": first["cursor"]}, context)
    assert len(rest["data"]) == 50
    assert "cursor" not in rest
    assert not {one["id"] for one in first["data"]} & {one["id"] for one in rest["data"]}


def test_lambda_may_return_more_than_a_page():
    assert query_module.ANSWER_BYTES < 6 * 2**20


@pytest.mark.thorough
def test_no_page_is_larger_than_the_function_may_return(deployment, context, monkeypatch):
    """Quotes double in CSV and again in JSON; columns that few rows have fill a table with blanks."""
    monkeypatch.setattr(query_module, "ANSWER_BYTES", 600_000)
    entities = [
        {
            "_key": f"k{n}",
            "_type": "t",
            "_class": "C",
            "text": '"' * 12_000,
            **{f"p{n}x{m}": 1 for m in range(9)},
        }
        for n in range(15)
    ]
    runtime.graph().write(items_of({"entities": entities}, now=5))
    for form, count in {"json": 1, "table": 1, "csv": 2}.items():
        asked = {"query": "FIND C AS c RETURN c.*", "format": form}
        shown, pages = "", 0
        while True:
            answer = query(asked, context)
            assert len(json.dumps(answer, ensure_ascii=False)) <= 600_000
            shown += answer["text"] if "text" in answer else json.dumps(answer["data"])
            pages += 1
            if "cursor" not in answer:
                break
            asked["cursor"] = answer["cursor"]
        assert sorted(map(int, re.findall(r"\bk(\d+)\b", shown))) == list(range(15))
        assert pages == count


def test_what_no_smaller_page_can_help_is_a_limit(deployment, context, monkeypatch):
    monkeypatch.setattr(query_module, "ANSWER_BYTES", 100)
    entities = [{"_key": f"k{n}", "_type": "t", "_class": "C", "text": "x" * 300} for n in range(2)]
    edge = {"_class": "HAS", "_from": "k0", "_to": "k1"}
    runtime.graph().write(items_of({"entities": entities, "relationships": [edge]}, now=5))
    for asked in ("FIND C THAT HAS C RETURN TREE", "FIND C AS c RETURN c.text"):
        error = query({"query": asked, "format": "csv"}, context)["error"]
        assert (error["code"], error["suggestion"]) == ("LIMITS", "add LIMIT, or return fewer properties")


def test_fields_that_are_null_are_left_out(deployment, context):
    absent = dict.fromkeys(("parameters", "includeDeleted", "rowMetadata", "cursor", "format"))
    assert query({"query": "FIND x", **absent}, context)["data"] == []


def test_a_graph_that_cannot_be_read_is_an_error_in_the_answer(deployment, context):
    query({"query": "FIND aws_instance"}, context)
    deployment.s3.put_object(Bucket="bucket", Key="image/manifest.json", Body=b"{")
    error = query_module.handler({"query": "FIND aws_instance"}, context)["error"]
    assert error["code"] == "STORE"
    assert "`secgraph image rebuild`" in error["message"]


def test_no_rule_is_begun_when_the_time_is_nearly_up(deployment, sample, batch, context):
    ingest(batch(sample("01"), sample("02")), context)
    context.remaining = 10_000
    report = evaluate({}, context)
    assert report["rules"] == []
    assert report["postponed"]


def test_a_rule_that_cannot_be_used_is_counted_at_every_run(
    deployment, context, capsys, tmp_path, monkeypatch
):
    (tmp_path / "own.json").write_text('[{"name": "nameless"}]')
    monkeypatch.setattr(contract, "PACKS_FOLDER", str(tmp_path))
    for _ in range(2):
        report = evaluate({}, context)
        assert any(problem.startswith("own.json, rule 1") for problem in report["problems"])
        metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
        failed = [one[contract.METRIC_RULES_FAILED] for one in metrics if contract.METRIC_RULES_FAILED in one]
        assert failed == [[float(len(report["problems"]))]]


def test_a_pack_that_cannot_be_read_closes_no_alert(deployment, context, tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "PACKS_FOLDER", str(tmp_path))
    seed = AlertState("gone", active=True, opened_on=1, seen=RowSet.of([7], 1))
    for pack, retired in (('[{"name": ', []), ("[]", ["gone"])):
        (tmp_path / "own.json").write_text(pack)
        deployment.store(alert_id("gone"), dump_alert(Alert(seed)))
        alert_runtime.packs.cache_clear()
        assert evaluate({}, context)["retired"] == retired
