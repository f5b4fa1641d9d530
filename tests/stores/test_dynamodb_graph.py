"""The DynamoDB store where DynamoDB misbehaves: throttled parts, lost answers, tables that are too large."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from secgraph.adapters.dynamodb_graph import ATTEMPTS, DynamoDBGraph
from secgraph.adapters.dynamodb_items import Unreadable
from secgraph.errors import StoreError, StoreUnavailable
from secgraph.graph.locators import locator
from secgraph.graph.model import Item, Observation, Ref, Value

TABLE = "graph"


def item(number: int, rev: int = 1) -> Item:
    facts: dict[str, Value] = {"_class": ("Host",), "number": number}
    return Item(
        thing=Ref.of(f"instance/{number:04}", "aws_instance"),
        blocks={"guardduty/instanceDetails": Observation("guardduty/instanceDetails", 1, facts)},
        collected={},
        created_on=1,
        begin_on=1,
        version=1,
        rev=rev,
    )


class Throttling:
    """A client that hands back all but one key of each read, as a throttled table does."""

    def __init__(self, client: Any, rounds: int) -> None:
        self._client = client
        self._rounds = rounds
        self.exceptions = client.exceptions

    def batch_get_item(self, RequestItems):  # noqa: N803 (botocore's name)
        keys = RequestItems[TABLE]["Keys"]
        if self._rounds <= 0 or len(keys) == 1:
            return self._client.batch_get_item(RequestItems=RequestItems)
        self._rounds -= 1
        answer = self._client.batch_get_item(RequestItems={TABLE: {**RequestItems[TABLE], "Keys": keys[:1]}})
        return {**answer, "UnprocessedKeys": {TABLE: {**RequestItems[TABLE], "Keys": keys[1:]}}}


class ThrottlingWrites(Throttling):
    """A client that carries out but one statement of each write, and tells of the others that they wait."""

    def batch_execute_statement(self, Statements):  # noqa: N803 (botocore's name)
        if self._rounds <= 0:
            return self._client.batch_execute_statement(Statements=Statements)
        self._rounds -= 1
        answer = self._client.batch_execute_statement(Statements=Statements[:1])
        waiting = {"Error": {"Code": self.code, "Message": "slower"}, "TableName": TABLE}
        return {**answer, "Responses": [*answer["Responses"], *[waiting] * (len(Statements) - 1)]}

    code = "ThrottlingError"


@pytest.fixture(autouse=True)
def waits(monkeypatch) -> list[float]:
    """Wait for nothing; gives the seconds that would have been waited."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def test_a_throttled_read_is_read_on(dynamodb):
    DynamoDBGraph(dynamodb, TABLE).write([item(number) for number in range(5)])
    throttling: Any = Throttling(dynamodb, rounds=3)
    graph = DynamoDBGraph(throttling, TABLE)
    assert len(graph.read([item(number).thing.id for number in range(5)])) == 5


def test_a_read_that_stays_throttled_says_so(dynamodb, waits):
    throttling: Any = Throttling(dynamodb, rounds=99)
    graph = DynamoDBGraph(throttling, TABLE)
    with pytest.raises(StoreUnavailable, match="gave up on part of a read"):
        graph.read([item(number).thing.id for number in range(50)])
    assert len(waits) == ATTEMPTS - 1


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"])
def test_a_throttled_write_is_written_on(dynamodb, code):
    graph = DynamoDBGraph(dynamodb, TABLE)
    graph.write([item(3)])
    throttling: Any = ThrottlingWrites(dynamodb, rounds=3)
    throttling.code = code
    items = [item(number) for number in range(6)]
    assert DynamoDBGraph(throttling, TABLE).write(items) == [item(3).thing.id]
    assert graph.read([one.thing.id for one in items]) == {one.thing.id: one for one in items}


def test_a_write_that_stays_throttled_says_so(dynamodb, waits):
    throttling: Any = ThrottlingWrites(dynamodb, rounds=99)
    with pytest.raises(StoreUnavailable, match=r"17 of 25 items .*ThrottlingError: slower"):
        DynamoDBGraph(throttling, TABLE).write([item(number) for number in range(25)])
    assert len(waits) == ATTEMPTS - 1


def test_what_may_not_be_written_says_so_at_once(dynamodb):
    refusing: Any = ThrottlingWrites(dynamodb, rounds=1)
    refusing.code = "AccessDenied"
    with pytest.raises(StoreUnavailable, match=r"4 of 5 items .*AccessDenied: slower"):
        DynamoDBGraph(refusing, TABLE).write([item(number) for number in range(5)])


def test_a_lost_answer_fails_the_write_after_the_rest_was_written(dynamodb):
    items = [item(number) for number in range(60)]
    failing = items[30].thing.id

    def lose(model, params, **_):
        if failing in str(params["body"]):
            raise ReadTimeoutError(endpoint_url="dynamodb")

    dynamodb.meta.events.register("before-call.dynamodb.BatchExecuteStatement", lose)
    graph = DynamoDBGraph(dynamodb, TABLE)
    with pytest.raises(StoreUnavailable, match="25 of 60 items"):
        graph.write(items)
    held = graph.read([one.thing.id for one in items])
    assert held == {one.thing.id: one for one in [*items[:25], *items[50:]]}


def scanned(graph: DynamoDBGraph) -> list[Item]:
    return [one for page in graph.pages() for one in page.items]


def test_a_scan_leaves_locators_out(dynamodb):
    graph = DynamoDBGraph(dynamodb, TABLE)
    seen = [item(number) for number in range(3)]
    unseen = [replace(item(number), thing=locator(f"guardduty-finding-id:{number}")) for number in range(9)]
    graph.write([*seen, *unseen])
    assert {one.thing.id for one in scanned(graph)} == {one.thing.id for one in seen}


def test_segments_are_the_table_and_go_on_where_they_were_left(dynamodb):
    graph = DynamoDBGraph(dynamodb, TABLE)
    # Pages end at 1 MB; what is packed hardly shrinks.
    texts = [
        hashlib.sha512(bytes([number, n % 256])).hexdigest() for number in range(9) for n in range(2_000)
    ]
    items = [
        replace(
            item(number),
            blocks={
                "s/b": Observation(
                    "s/b",
                    1,
                    {"_class": ("Host",), "texts": tuple(texts[number * 2_000 : number * 2_000 + 2_000])},
                )
            },
        )
        for number in range(9)
    ]
    graph.write(items)
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "odd"}, "v": {"N": "9"}, "type": {"S": "t"}})
    seen: list[Item] = []
    odd: list[Unreadable] = []
    for segment in range(3):
        after, going = None, True
        while going:
            page = next(graph.pages(segment, 3, after))
            seen += page.items
            odd += page.unreadable
            after, going = page.last, page.last is not None
    assert sorted(one.thing.id for one in seen) == sorted(one.thing.id for one in items)
    assert [(one.id, "upgrade secgraph" in one.reason) for one in odd] == [("odd", True)]
    assert graph.size() == 10


def test_a_missing_table_is_a_store_error(dynamodb):
    with pytest.raises(StoreUnavailable, match="nowhere"):
        DynamoDBGraph(dynamodb, "nowhere").read(["x"])
    with pytest.raises(StoreUnavailable, match="nowhere"):
        list(DynamoDBGraph(dynamodb, "nowhere").pages())
    with pytest.raises(StoreUnavailable, match="nowhere"):
        DynamoDBGraph(dynamodb, "nowhere").size()


def put_raw(dynamodb, layout: int, body: dict[str, Any]) -> None:
    raw = {"id": {"S": "x"}, "rev": {"N": "1"}, "v": {"N": str(layout)}, "type": {"S": "t"}, "body": body}
    dynamodb.put_item(TableName=TABLE, Item=raw)


@pytest.mark.parametrize(
    ("layout", "body", "found"),
    [(1, '{"v":3,"id":"x"}', "stored in format 3"), (3, "{}", "stored in layout 3")],
)
def test_an_item_of_a_later_version_is_refused(dynamodb, layout, body, found):
    put_raw(dynamodb, layout, {"S": body})
    with pytest.raises(StoreError, match=f"{found}.*upgrade secgraph"):
        DynamoDBGraph(dynamodb, TABLE).read(["x"])
    (page,) = DynamoDBGraph(dynamodb, TABLE).pages()
    (unreadable,) = page.unreadable
    assert (page.items, unreadable.id) == ((), "x")
    assert re.search(f"{found}.*upgrade secgraph", unreadable.reason)
