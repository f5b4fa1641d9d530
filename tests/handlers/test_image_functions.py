"""The functions that keep the graph image, and what queries and rules say of it, on one deployment."""

from __future__ import annotations

import json
from dataclasses import astuple

import pytest

from secgraph import contract
from secgraph.adapters.dynamodb_graph import DynamoDBGraph, ScanPage
from secgraph.adapters.dynamodb_items import attributes_of, item_of
from secgraph.adapters.sqs_rebuild import ReadSegment
from secgraph.errors import InputError, StoreError, StoreUnavailable
from secgraph.flows import fresh
from secgraph.flows.published import held
from secgraph.flows.rebuild import FINISHED_WITHIN_MS
from secgraph.graph.loading import items_of
from secgraph.graph.model import Item
from secgraph.handlers import compact, evaluate, project, query, rebuild, runtime
from secgraph.handlers.ingest import handler as ingest
from secgraph.image.expand import expand as shown
from secgraph.image.rows import ItemRow
from tests.handlers.upkeep import asked, build, catch_up, deliver, record, work_off

ALL = {"query": "FIND * AS e RETURN e._type AS type, count(e) AS count ORDER BY type"}


def load(count: int) -> None:
    entities = [{"_key": f"k{n:03}", "_type": "t", "_class": "C"} for n in range(count)]
    runtime.graph().write(items_of({"entities": entities}, now=5))


def counted(capsys, name: str) -> list[float]:
    """The numbers of a metric that were written since the last call."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [number for line in lines if "_aws" in line for number in line.get(name, [])]


def set_aside(deployment) -> list[dict[str, object]]:
    listed = deployment.s3.list_objects_v2(Bucket="bucket", Prefix=contract.ASIDE_PREFIX)
    keys = [one["Key"] for one in listed.get("Contents", [])]
    return [json.loads(deployment.s3.get_object(Bucket="bucket", Key=key)["Body"].read()) for key in keys]


def test_before_the_table_was_read_once_nothing_is_answered_or_evaluated(deployment, sample, batch, context):
    """As after a deployment over an older version: the stream tells of the newest items only."""
    load(3)
    ingest(batch(sample("01")), context)
    for _ in range(2):
        error = query.handler(ALL, context)["error"]
        assert error["code"] == "STORE"
        assert "being built from the table for the first time" in error["message"]
        with pytest.raises(StoreUnavailable, match="for the first time"):
            evaluate.handler({}, context)
        deliver(context)
    assert compact.handler({"always": True}, context) == {"rebuild": True}, "no base of the deltas alone"
    assert work_off(context) > 1
    assert {"type": "t", "count": 3} in query.handler(ALL, context)["data"]
    assert "image" in evaluate.handler({}, context)


def test_an_answer_says_what_it_was_read_from(deployment, sample, batch, context, monkeypatch):
    build(context)
    monkeypatch.setattr(runtime, "now", lambda: 1_795_000_000_000)
    ingest(batch(sample("01")), context)
    deliver(context)
    for form in ("json", "table"):
        image = query.handler({**ALL, "format": form}, context)["image"]
        assert image == {
            "version": held(runtime.image_store()).manifest.version,
            "generation": 1,
            "until": "2026-11-18T11:06:40Z",
            "publishedOn": "2026-11-18T11:06:40Z",
        }
    assert evaluate.handler({}, context)["image"] == image


def test_what_the_stream_has_not_delivered_is_answered_when_it_is_asked_for(
    deployment, sample, batch, context, monkeypatch
):
    monkeypatch.setattr(runtime, "now", lambda: 1_795_000_001_000)  # when the batch was received
    catch_up(context)
    ingest(batch(sample("02")), context)
    question = {"query": "FIND aws_inspector_finding"}
    assert query.handler(question, context)["totalCount"] == 0
    answer = query.handler({**question, "fresh": True}, context)
    assert (answer["totalCount"], answer["image"]["fresh"]["complete"]) == (1, True)
    monkeypatch.setattr(fresh, "ITEMS", 0)
    assert query.handler({**question, "fresh": True}, context)["image"]["fresh"]["complete"] is False
    finding = {"id": {"S": answer["data"][0]["entity"]["_id"]}}
    held_layout = deployment.dynamodb.get_item(TableName="graph", Key=finding)["Item"]["v"]
    set_layout(deployment, finding, {"N": "9"})
    left_out = query.handler({**question, "fresh": True}, context)
    assert (left_out["totalCount"], left_out["image"]["fresh"]["complete"]) == (0, False)
    set_layout(deployment, finding, held_layout)
    deliver(context)
    assert query.handler(question, context)["data"] == answer["data"]
    error = query.handler({**question, "fresh": "yes"}, context)["error"]
    assert error["message"] == "fresh: expected true or false"


def set_layout(deployment, key: dict[str, dict[str, str]], layout: dict[str, str]) -> None:
    deployment.dynamodb.update_item(
        TableName="graph",
        Key=key,
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "v"},
        ExpressionAttributeValues={":v": layout},
    )


@pytest.mark.thorough
def test_a_damaged_file_is_told_and_answered_around(deployment, context, caplog):
    load(3)
    catch_up(context)
    load_more = items_of({"entities": [{"_key": "later", "_type": "u", "_class": "C"}]}, now=6)
    runtime.graph().write(load_more)
    deliver(context)
    assert compact.handler({"always": True}, context)["compacted"]["generation"] == 2
    expected = query.handler(ALL, context)
    base = held(runtime.image_store()).manifest.stand.base
    assert base is not None
    deployment.s3.delete_object(Bucket="bucket", Key=f"{contract.IMAGE_PREFIX}{base.name}")
    runtime._image.cache_clear()
    answer = query.handler(ALL, context)
    assert answer["data"] == expected["data"]
    assert base.name in answer["image"]["fallback"]
    assert "fallback" not in expected["image"]
    assert "a part of the graph image cannot be read" in caplog.text


@pytest.mark.thorough
def test_a_record_that_cannot_be_read_goes_aside_and_the_rest_goes_on(deployment, context, capsys):
    build(context)
    load(2)
    odd = record({"id": {"S": "odd"}, "rev": {"N": "1"}, "v": {"N": "9"}, "type": {"S": "t"}})
    said = [record(each) for each in raw(deployment)]
    answer = project.handler({"Records": [said[0], odd, said[1]]}, context)
    assert (answer["rows"], answer["aside"]) == (2, 1)
    assert query.handler(ALL, context)["data"] == [{"type": "t", "count": 2}]
    (kept,) = set_aside(deployment)
    assert (kept["id"], "upgrade secgraph" in str(kept["reason"])) == ("odd", True)
    assert counted(capsys, contract.METRIC_SET_ASIDE) == [1.0]
    assert project.handler({"Records": [odd]}, context) == {"rows": 0, "aside": 1}
    assert len(set_aside(deployment)) == 1


def raw(deployment) -> list[dict[str, object]]:
    items: list[dict[str, object]] = deployment.dynamodb.scan(TableName="graph")["Items"]
    return items


def test_a_record_that_cannot_be_shown_goes_aside_as_the_table_has_it(deployment, context, monkeypatch):
    build(context)
    load(2)

    def fail(item: Item, at: int) -> object:
        raise ValueError("no such thing")

    monkeypatch.setattr("secgraph.flows.project.expand", fail)
    answer = deliver(context)
    assert (answer["rows"], answer["aside"]) == (0, 2)
    assert {str(kept["reason"]) for kept in set_aside(deployment)} == {"ValueError: no such thing"}
    images = [record(each)["dynamodb"]["NewImage"] for each in raw(deployment)]
    assert all(kept["found"] in images for kept in set_aside(deployment))
    assert len(set_aside(deployment)) == 2


def test_what_may_pass_fails_the_function_so_that_the_stream_keeps_its_place(deployment, context):
    load(1)
    said = record(raw(deployment)[0])
    deployment.s3.delete_bucket(Bucket="bucket")
    with pytest.raises(StoreUnavailable):
        project.handler({"Records": [said]}, context)
    with pytest.raises(InputError, match="no event of a table's stream"):
        project.handler({"Records": [{"body": "{}"}]}, context)


@pytest.mark.thorough
def test_compaction_changes_no_answer_and_waits_until_it_is_worth_it(deployment, sample, batch, context):
    catch_up(context)
    ingest(batch(sample("01"), sample("02")), context)
    before = asked(ALL, context)
    assert compact.handler({}, context) == {"compacted": None}
    done = compact.handler({"always": True}, context)["compacted"]
    assert (done["generation"], held(runtime.image_store()).manifest.stand.deltas) == (2, ())
    assert query.handler(ALL, context)["data"] == before["data"]
    assert json.loads(json.dumps(done)) == done, "Lambda returns JSON"


@pytest.fixture
def segments(monkeypatch) -> None:
    """Segments of three items, read item by item, each no further than a page."""
    monkeypatch.setattr(rebuild, "SEGMENT_ITEMS", 3)
    pages = DynamoDBGraph.pages

    def item_by_item(self, segment=0, of=1, after=None):
        """Split a page of the real scan, which holds 1 MB."""
        for page in pages(self, segment, of):
            items = sorted(page.items, key=lambda item: item.thing.id)
            left = [item for item in items if after is None or item.thing.id > after]
            last = left[0].thing.id if len(left) > 1 else None
            yield ScanPage(tuple(left[:1]), page.unreadable if after is None else (), last)

    monkeypatch.setattr(DynamoDBGraph, "pages", item_by_item)


@pytest.mark.thorough
def test_a_rebuild_goes_by_segments_that_go_on_where_they_stopped(
    deployment, context, segments, capsys, monkeypatch
):
    load(10)
    unshown = item_of(raw(deployment)[0])

    def expand(item: Item, at: int) -> ItemRow:
        if item == unshown:
            raise ValueError("no such thing")
        return shown(item, at)

    monkeypatch.setattr("secgraph.flows.project.expand", expand)
    deployment.dynamodb.put_item(
        TableName="graph", Item={"id": {"S": "odd"}, "v": {"N": "9"}, "type": {"S": "t"}, "rev": {"N": "1"}}
    )
    context.remaining = rebuild.MARGIN_MS - 1
    assert compact.handler({}, context) == {"rebuild": True}
    assert compact.handler({}, context) == {"rebuild": True}, "its message may not have been worked on yet"
    assert work_off(context) >= 2 + 10 + 1, "two starts, each item by itself, and what finishes"
    assert compact.handler({}, context) == {"compacted": None}
    assert query.handler(ALL, context)["data"] == [{"type": "t", "count": 9}]
    manifest = held(runtime.image_store()).manifest
    assert (manifest.generation, manifest.rebuild) == (1, None)
    kept = {str(each["reason"]): each for each in set_aside(deployment)}
    odd = kept.pop(next(reason for reason in kept if "upgrade secgraph" in reason))
    assert odd["id"] == "odd"
    assert [each["found"] for each in kept.values()] == [
        record(attributes_of(unshown))["dynamodb"]["NewImage"]
    ]
    assert list(kept) == ["ValueError: no such thing"]
    assert sum(counted(capsys, contract.METRIC_SET_ASIDE)) >= 2


@pytest.mark.thorough
def test_a_rebuild_drops_what_the_table_does_not_hold(deployment, context, monkeypatch):
    load(3)
    catch_up(context)
    later = runtime.now() + 600_000
    monkeypatch.setattr(runtime, "now", lambda: later)
    for item in raw(deployment)[:2]:
        deployment.dynamodb.delete_item(TableName="graph", Key={"id": item["id"]})
    assert query.handler(ALL, context)["data"] == [{"type": "t", "count": 3}]
    for when in ("always", "anew"):
        send(deployment, json.dumps({"start": when}))
        work_off(context)
        assert query.handler(ALL, context)["data"] == [{"type": "t", "count": 1}]


def send(deployment, body: str) -> None:
    deployment.sqs.send_message(QueueUrl=runtime.environment(contract.REBUILD_QUEUE), MessageBody=body)


@pytest.mark.thorough
def test_a_rebuild_whose_messages_were_lost_is_gone_on_with(deployment, context, monkeypatch):
    load(3)
    taken: list[object] = []
    with monkeypatch.context() as lost:
        lost.setattr(runtime.rebuild_queue(), "send", taken.append)
        rebuild.handler({"Records": [{"body": '{"start": "always"}', "receiptHandle": "r"}]}, context)
    begun = held(runtime.image_store()).manifest.rebuild
    assert begun is not None
    assert compact.handler({}, context) == {"compacted": None}, "one runs, and nothing is made beside it"
    send(deployment, '{"start": "always"}')
    work_off(context)
    assert query.handler(ALL, context)["data"] == [{"type": "t", "count": 3}]
    late = json.dumps({"rebuild": astuple(begun), "segment": 0})
    for body in (late, json.dumps({"rebuild": astuple(begun)})):
        rebuild.handler({"Records": [{"body": body, "receiptHandle": "r"}]}, context)
    assert held(runtime.image_store()).manifest.generation == 1, "what comes late changes nothing"


def tell(body: str, context) -> None:
    rebuild.handler({"Records": [{"body": body, "receiptHandle": "r"}]}, context)


def test_what_is_asked_for_until_it_runs_is_put_into_the_queue_once(deployment, context, monkeypatch):
    taken: list[object] = []
    monkeypatch.setattr(runtime.rebuild_queue(), "send", taken.extend)
    tell('{"start": "missing"}', context)
    (first,) = taken
    tell('{"start": "missing"}', context)
    assert taken == [first]
    tell('{"start": "always"}', context)
    assert taken == [first, first], "a person may ask again"
    later = runtime.now() + FINISHED_WITHIN_MS + 1
    monkeypatch.setattr(runtime, "now", lambda: later)
    assert compact.handler({}, context) == {"rebuild": True}
    tell('{"start": "always"}', context)
    assert isinstance(first, ReadSegment)
    assert isinstance(taken[-1], ReadSegment)
    assert taken[-1].rebuild.started_on == later, "what began too long ago is not gone on with"


@pytest.mark.thorough
def test_an_image_that_followed_another_stream_is_made_again(deployment, context, monkeypatch):
    """As after a version that took the stream away, under which ingest went on."""
    catch_up(context)
    load(3)
    assert compact.handler({}, context) == {"compacted": None}
    monkeypatch.setenv(contract.GRAPH_STREAM, "arn:another")
    assert query.handler(ALL, context)["data"] == []
    assert compact.handler({}, context) == {"rebuild": True}
    assert compact.handler({}, context) == {"rebuild": True}, "no word of it yet"
    assert work_off(context) == 2 + 1 + 1
    assert query.handler(ALL, context)["data"] == [{"type": "t", "count": 3}]
    assert compact.handler({}, context) == {"compacted": None}


def test_a_rebuild_that_follows_another_stream_is_replaced(deployment, context, monkeypatch):
    catch_up(context)
    monkeypatch.setenv(contract.GRAPH_STREAM, "arn:second")
    tell('{"start": "missing"}', context)
    assert compact.handler({}, context) == {"compacted": None}, "one runs"
    monkeypatch.setenv(contract.GRAPH_STREAM, "arn:third")
    assert compact.handler({}, context) == {"rebuild": True}
    work_off(context)
    manifest = held(runtime.image_store()).manifest
    assert (manifest.stream, manifest.generation, manifest.rebuild) == ("arn:third", 2, None)


def test_a_part_that_fails_comes_again_soon(deployment, context, monkeypatch):
    deployment.dynamodb.delete_table(TableName="graph")
    asked_for: list[tuple[str, int]] = []
    monkeypatch.setattr(runtime.rebuild_queue(), "soon", lambda *said: asked_for.append(said))
    with pytest.raises(StoreError, match="cannot be read"):
        rebuild.handler({"Records": [{"body": '{"start": "always"}', "receiptHandle": "r"}]}, context)
    assert asked_for == [("r", rebuild.AGAIN_SECONDS)]


@pytest.mark.parametrize("body", ["", "{}", '{"start": "now"}', '{"rebuild": [1, 2]}', '{"rebuild": 1}'])
def test_a_message_that_is_none_says_what_to_send(deployment, context, body):
    with pytest.raises(InputError, match="no message of a rebuild"):
        rebuild.handler({"Records": [{"body": body, "receiptHandle": "r"}]}, context)
    with pytest.raises(InputError, match="send it to the queue"):
        rebuild.handler({"start": "always"}, context)


def test_a_function_of_more_memory_lets_queries_use_more(deployment, context, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3000")
    assert runtime._image().limits.memory == "1800MB"
