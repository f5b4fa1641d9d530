"""The set of open findings that every store keeps: who is in it, in pages; how an older table comes in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from secgraph.adapters import dynamodb_open, local_open
from secgraph.adapters.dynamodb_graph import DynamoDBGraph
from secgraph.adapters.dynamodb_items import attributes_of
from secgraph.adapters.dynamodb_open import APART_MS, DynamoDBOpenFindings
from secgraph.contract import OPEN_INDEX_KEY
from secgraph.errors import StoreUnavailable
from secgraph.graph.model import Item, Observation, Ref, Value
from secgraph.graph.open_set import BUCKETS, bucket_of, open_in
from secgraph.sources.ports import OpenFindings
from secgraph.sources.scope import Scope
from tests.stores.conftest import LEDGER, NOW, TABLE

ACCOUNT, REGION = "111122223333", "eu-west-1"
GUARDDUTY = Scope("guardduty", ACCOUNT, REGION)
INSPECTOR = Scope("inspector2", ACCOUNT, REGION)
TYPES = {"guardduty": "aws_guardduty_finding", "inspector2": "aws_inspector_finding"}


def finding(name: str, source: str = "guardduty", key: str = "", **said: Any) -> Item:
    facts: dict[str, Value] = {"_class": ("Finding",), "accountId": ACCOUNT, "region": REGION, "open": True}
    thing = Ref.of(key or f"arn:aws:{source}:{REGION}:{ACCOUNT}:finding/{name}", TYPES[source])
    return with_block(Item(thing, {}, {}, 1, 1, version=1, rev=0), f"{source}/finding", 5, **facts | said)


def with_block(item: Item, block: str, time: int, **said: Value) -> Item:
    """Give the item as the next write has it."""
    return replace(item, blocks={**item.blocks, block: Observation(block, time, said)}, rev=item.rev + 1)


def listed(found: OpenFindings, scope: Scope = GUARDDUTY) -> list[str]:
    """Read all pages of all buckets; each bucket holds its own."""
    ids: list[str] = []
    for bucket in range(BUCKETS):
        page = found.open_ids(scope, bucket, "")
        while True:
            assert {bucket_of(id_) for id_ in page.ids} <= {bucket}
            ids += page.ids
            if not page.next:
                break
            page = found.open_ids(scope, bucket, page.next)
    assert len(set(ids)) == len(ids)
    return ids


def ids_of(items: Collection[Item]) -> list[str]:
    return sorted(item.thing.id for item in items)


def test_a_finding_is_in_it_while_it_is_open(store):
    one = finding("one", "guardduty")
    store.graph.write([one, finding("two", "inspector2")])
    lives: list[tuple[str, int, dict[str, Any], int]] = [
        ("guardduty/finding", 6, {"open": False}, 0),
        ("guardduty/finding", 7, {"open": True}, 1),
        ("guardduty/finding", 8, {"open": True, "title": "long " * 500}, 1),
        ("guardduty/state", 8, {"open": False, "archived": True}, 0),
        ("guardduty/finding", 9, {"open": True}, 1),
        ("guardduty/finding", 10, {"open": True, "region": "eu-central-1"}, 0),
        ("guardduty/finding", 11, {"open": True}, 1),
        ("guardduty/state", 12, {"_deleted": True}, 0),
        ("guardduty/state", 13, {"_deleted": True}, 0),
    ]
    assert listed(store.open) == [one.thing.id]
    for block, time, said, members in lives:
        facts = {"_class": ("Finding",), "accountId": ACCOUNT, "region": REGION} | said
        one = with_block(one, block, time, **(facts if block.endswith("finding") else said))
        assert store.graph.write([one]) == []
        assert listed(store.open) == [one.thing.id] * members, (block, said)
        assert store.open.read([one.thing.id]) == {one.thing.id: one}
    assert len(listed(store.open, INSPECTOR)) == 1, "another source has its own"


LOADED = replace(finding("loaded").blocks["guardduty/finding"], block="load/graph")
NOBODY = {
    "closed at first sight": finding("closed", open=False),
    "not said to be open": finding("odd", open="yes"),
    "a sample without an ARN": finding("sample", key="aws_guardduty_finding:sample", sample=True),
    "the test source": finding("test", key=f"secgraph.test:arn:aws:guardduty:{REGION}:{ACCOUNT}:finding/t"),
    "a loaded finding": replace(finding("loaded"), blocks={"load/graph": LOADED}),
    "a resource": replace(finding("i-1"), thing=Ref.of("arn:aws:ec2:i-1", "aws_instance")),
    "no account": finding("no-account", accountId=""),
    "no account at all": finding("nobody", accountId=("111122223333",)),
    "digits of another script": finding("digits", accountId="١" * 12),
    "an account that names a scope": finding("hostile-account", accountId=f"{ACCOUNT}#{REGION}"),
    "an endless region": finding("endless", region="r" * 3_000),
    "a region with a line": finding("line", region=f"{REGION}\n"),
}  # fmt: skip


def test_nobody_else_is_in_it_and_every_text_can_be_written(store):
    assert store.graph.write(list(NOBODY.values())) == []
    assert listed(store.open) == []
    again = [replace(item, rev=2) for item in NOBODY.values()]
    assert store.graph.write(again) == [], "also where there is no key to take away"
    assert listed(store.open) == []


def test_a_bucket_comes_in_pages(store, monkeypatch):
    monkeypatch.setattr(dynamodb_open, "LISTED_AT_ONCE", 3)
    monkeypatch.setattr(local_open, "LOOKED_AT_ONCE", 3)
    items = [finding(f"{number:03}", open=number % 3 > 0) for number in range(120)]
    assert store.graph.write(items) == []
    assert sorted(listed(store.open)) == ids_of([item for item in items if open_in(item)])


# ── a table of before ─────────────────────────────────────────────────────────────────────────────────


def put_as_before(client: Any, items: Collection[Item]) -> None:
    """Write items as the version before the index did."""
    for item in items:
        old = {name: value for name, value in attributes_of(item).items() if name != OPEN_INDEX_KEY}
        client.put_item(TableName=TABLE, Item=old)


def held(client: Any) -> dict[str, dict[str, Any]]:
    pages = client.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


class Paged:
    """A client whose scans read a few items at a time."""

    def __init__(self, client: Any, size: int) -> None:
        self._client = client
        self._size = size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def scan(self, **request: Any) -> Any:
        return self._client.scan(**request, Limit=self._size)


def upgrade(client: Any, clock: list[int]) -> int:
    """Bring the table up to date, each page by an object that knows nothing of the one before; count them."""
    pages = 1
    while not DynamoDBOpenFindings(client, TABLE, LEDGER, lambda: clock[0]).upgraded():
        pages += 1
    return pages


def test_a_table_of_before_comes_in_page_by_page_and_its_items_stay_what_they_were(older):
    items = [finding(f"{n:03}", source) for n in range(20) for source in TYPES]
    closed = [finding(f"closed-{n}", open=False) for n in range(9)]
    put_as_before(older, [*items, *closed, *NOBODY.values()])
    older.put_item(
        TableName=TABLE,
        Item={"id": {"S": "odd"}, "rev": {"N": "1"}, "v": {"N": "9"}, "type": {"S": "aws_inspector_finding"}},
    )
    before, clock = held(older), [NOW]
    assert upgrade(Paged(older, 15), clock) > 3
    found = DynamoDBOpenFindings(older, TABLE, LEDGER, lambda: clock[0])
    assert sorted(listed(found) + listed(found, INSPECTOR)) == ids_of(items)
    keys = {item.thing.id: {"S": open_in(item)} for item in items}
    after = held(older)
    assert {id_: item.pop(OPEN_INDEX_KEY) for id_, item in after.items() if OPEN_INDEX_KEY in item} == keys
    assert after == before, "no rev was used, and nothing else was touched"


def test_it_is_read_once_more_later_for_what_the_version_before_still_wrote(older):
    first, late, last = (finding(name) for name in ("first", "late", "last"))
    clock = [NOW]
    put_as_before(older, [first])
    upgrade(older, clock)
    found = DynamoDBOpenFindings(older, TABLE, LEDGER, lambda: clock[0])
    put_as_before(older, [late])
    clock[0] += APART_MS - 1
    assert found.upgraded()
    assert listed(found) == [first.thing.id]
    clock[0] += 1
    assert upgrade(Paged(older, 1), clock) > 1
    assert sorted(listed(found)) == ids_of([first, late])
    put_as_before(older, [last])
    clock[0] += 1000 * APART_MS
    assert upgrade(older, clock) == 1
    assert sorted(listed(found)) == ids_of([first, late]), "that was all: nobody writes so any more"


def test_what_changes_while_it_is_read_keeps_what_its_writer_said(older):
    graph, item = DynamoDBGraph(older, TABLE), finding("one")
    put_as_before(older, [item])
    closed = with_block(item, "guardduty/state", 9, open=False)
    assert graph.write([closed]) == []
    assert graph.index([item]) == [item.thing.id]
    assert held(older)[item.thing.id] == attributes_of(closed)
    assert graph.write([with_block(closed, "guardduty/state", 10, open=True)]) == []


def test_an_empty_table_needs_no_more_than_one_look(older):
    assert upgrade(older, [NOW]) == 1


def test_tables_that_cannot_be_read_are_named(older):
    clock = [NOW]
    for graph, ledger, missing in ((TABLE, "nowhere", "nowhere"), ("gone", LEDGER, "gone")):
        found = DynamoDBOpenFindings(older, graph, ledger, lambda: clock[0])
        with pytest.raises(StoreUnavailable, match=missing):
            found.upgraded()
    with pytest.raises(StoreUnavailable, match="gone"):
        found.open_ids(GUARDDUTY, 0, "")
