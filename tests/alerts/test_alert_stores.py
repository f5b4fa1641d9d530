"""Every store that keeps alerts: the same suite runs on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import duckdb
import pytest
from botocore.stub import Stubber

from secgraph.adapters.dynamodb_alerts import ATTEMPTS, DynamoDBAlerts
from secgraph.adapters.local_alerts import LocalAlerts
from secgraph.alerts.ports import BESIDE, AlertStore, Stored
from secgraph.contract import ALERT_TABLE_KEY
from secgraph.errors import StoreUnavailable
from tests.dynamodb_local.tables import PLACES, table

TABLE = "alerts"


@pytest.fixture(params=PLACES)
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    with table(request, TABLE, ALERT_TABLE_KEY) as client:
        yield client


@pytest.fixture(params=[*PLACES, "local file"])
def store(request: pytest.FixtureRequest) -> Iterator[AlertStore]:
    if request.param == "local file":
        with duckdb.connect(":memory:") as connection:
            yield LocalAlerts(connection)
        return
    with table(request, TABLE, ALERT_TABLE_KEY) as client:
        yield DynamoDBAlerts(client, TABLE)


def test_an_empty_store_has_nothing(store: AlertStore):
    assert store.read_all() == {}
    assert store.read("alert/r") is None


def test_what_was_put_is_read(store: AlertStore):
    items = [Stored("alert/ü \n'x'", 1, '{"a":"日本"}'), Stored("deployment", 1, "{}")]
    assert [store.put(item) for item in items] == [True, True]
    assert store.read("alert/ü \n'x'") == items[0]
    assert store.read_all() == {item.id: item for item in items}


def test_only_the_next_rev_is_written(store: AlertStore):
    assert store.put(Stored("a", 1, "one"))
    assert not store.put(Stored("a", 1, "another first"))
    assert not store.put(Stored("a", 3, "skips"))
    assert not store.put(Stored("b", 2, "was never there"))
    assert store.put(Stored("a", 2, "two"))
    assert not store.put(Stored("a", 2, "slower"))
    assert store.read("a") == Stored("a", 2, "two")
    assert store.read("b") is None


def test_what_goes_beside_an_item_is_written_with_it_or_not_at_all(store: AlertStore):
    beside = [Stored(f"outbox/a#1#{number}", 1, "{}") for number in range(BESIDE)]
    assert store.put(Stored("a", 1, "one"), beside)
    assert store.read_all("outbox/") == {item.id: item for item in beside}
    late = [Stored("outbox/a#2#topic", 1, "{}")]
    assert not store.put(Stored("a", 1, "slower"), late)
    assert not store.put(Stored("a", 3, "skips"), late)
    assert not store.put(Stored("a", 2, "meets what is there"), [*late, beside[0]])
    assert store.read(late[0].id) is None
    assert store.read("a") == Stored("a", 1, "one")
    assert store.put(Stored("a", 2, "two"), late)
    assert store.read_all() == {item.id: item for item in (Stored("a", 2, "two"), *beside, *late)}


def test_an_item_is_taken_out_as_it_was_read(store: AlertStore):
    assert not store.delete(Stored("a", 1, ""))
    assert store.put(Stored("a", 1, "one"))
    assert store.put(Stored("a", 2, "two"))
    assert not store.delete(Stored("a", 1, "one"))
    assert store.delete(Stored("a", 2, "two"))
    assert not store.delete(Stored("a", 2, "two"))
    assert store.read("a") is None
    assert store.put(Stored("a", 1, "anew"))


def test_more_alerts_than_a_page_holds(store: AlertStore):
    body = "x" * 200_000
    for number in range(8):
        assert store.put(Stored(f"alert/{number}", 1, body))
    assert len(store.read_all()) == 8


def test_a_file_opened_to_be_read_needs_no_table(tmp_path: Any):
    path = str(tmp_path / "graph.duckdb")
    duckdb.connect(path).close()
    with duckdb.connect(path, read_only=True) as connection:
        store = LocalAlerts(connection)
        assert store.read_all() == {}
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            store.put(Stored("a", 1, ""))
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            store.put(Stored("a", 1, ""), [Stored("b", 1, "")])


def test_a_repeated_write_that_meets_its_own_first_try_has_won(dynamodb: Any):
    store = DynamoDBAlerts(dynamodb, TABLE)
    item, beside = Stored("a", 1, "mine"), [Stored("outbox/a#1#topic", 1, "{}")]
    assert store.put(item)
    assert store.put(item)
    later = Stored("a", 2, "mine too")
    assert store.put(later, beside)
    assert store.put(later, beside)
    assert not store.put(Stored("a", 2, "another's"), beside)


def test_a_transaction_that_meets_another_is_tried_again(aws: None):
    """DynamoDB cancels one of two transactions that are at work on one item at the same time."""

    def cancelled(code: str) -> dict[str, Any]:
        return {
            "service_error_code": "TransactionCanceledException",
            "modeled_fields": {"CancellationReasons": [{"Code": code}, {"Code": "None"}]},
        }

    item, beside = Stored("a", 1, "mine"), [Stored("b", 1, "{}")]
    for answers, outcome in (
        (["TransactionConflict", "TransactionConflict", ""], True),
        (["TransactionConflict"] * ATTEMPTS, None),
        (["ProvisionedThroughputExceeded"] * ATTEMPTS, None),
        (["ConditionalCheckFailed", "read"], False),
    ):
        client = boto3.client("dynamodb")
        with Stubber(client) as stubber:
            for code in answers:
                if code == "read":
                    stubber.add_response("get_item", {})
                elif code:
                    stubber.add_client_error("transact_write_items", **cancelled(code))
                else:
                    stubber.add_response("transact_write_items", {})
            store = DynamoDBAlerts(client, TABLE)
            if outcome is None:
                with pytest.raises(StoreUnavailable, match="cannot be written"):
                    store.put(item, beside)
            else:
                assert store.put(item, beside) is outcome
            stubber.assert_no_pending_responses()


def test_a_table_that_is_not_there_is_unavailable(aws: None):
    store = DynamoDBAlerts(boto3.client("dynamodb"), "missing")
    item = Stored("a", 1, "")
    for call in (
        store.read_all,
        lambda: store.read("a"),
        lambda: store.put(item),
        lambda: store.put(item, [Stored("b", 1, "")]),
        lambda: store.delete(item),
    ):
        with pytest.raises(StoreUnavailable, match="the alert table missing"):
            call()
