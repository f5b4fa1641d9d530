"""The merge gives the same graph for any order, any repetition and any split into batches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secgraph.graph import merge, stored
from secgraph.graph.edges import relationship_type
from secgraph.graph.merge import Outcome
from secgraph.graph.model import AccountSettings, Edge, GraphChange, Item, Observation, Ref, Value

FINDING = Ref.of("arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f", "aws_guardduty_finding")
INSTANCE = Ref.of("arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", "aws_instance")
ACCOUNT = Ref.of("111122223333", "aws_account")
PROD = {"111122223333": AccountSettings("shop-prod", production=True)}


def change(
    time: int,
    *,
    thing: Ref = FINDING,
    block: str = "guardduty/finding",
    rank: int = 0,
    received_on: int = 1_000,
    edges: tuple[Edge, ...] = (),
    collected: dict[str, tuple[str, ...]] | None = None,
    tags: dict[str, Value] | None = None,
    **properties: Value,
) -> GraphChange:
    facts: dict[str, Value] = {
        "_class": ("Finding",),
        "accountId": "111122223333",
        **properties,
        **(tags or {}),
    }
    observation = Observation(block, time, facts, edges, rank, collected or {})
    return GraphChange(thing, observation, received_on)


def fold(changes: Sequence[GraphChange], held: Item | None = None, now: int = 5_000) -> Item:
    return merge.apply(held, changes, now=now, settings={}).item


def shown(item: Item) -> dict[str, Value]:
    seen = merge.entity(item)
    assert seen is not None
    return dict(seen.properties)


_changes = st.lists(
    st.builds(
        lambda time, rank, block, value, open_, received, addresses, verb, gone: change(
            time,
            rank=rank,
            block=block,
            received_on=received,
            title=value,
            open=open_,
            edges=(Edge(verb, INSTANCE, outgoing=False),),
            collected={"remoteIpAddresses": addresses},
            tags={"_deleted": True} if gone and block == "guardduty/state" else {},
        ),
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from(["guardduty/finding", "guardduty/sequence", "guardduty/state", "inspector2/finding"]),
        st.sampled_from(["a", "b", "c"]),
        st.booleans(),
        st.integers(0, 3),
        st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "198.51.100.7"]), max_size=3).map(tuple),
        st.sampled_from(["HAS", "HAD"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(_changes, st.randoms(use_true_random=False), st.data())
def test_any_order_any_repetition_any_split_gives_the_same_graph(changes, random, data):
    expected = merge.same_graph(fold(changes))
    again = changes + data.draw(st.lists(st.sampled_from(changes), max_size=5))
    random.shuffle(again)
    item: Item | None = None
    while again:
        size = data.draw(st.integers(1, len(again)))
        batch, again = again[:size], again[size:]
        item = merge.apply(item, batch, now=data.draw(st.integers(0, 9_000)), settings={}).item
        item = stored.load(stored.dump(item))
    assert item is not None
    assert merge.same_graph(item) == expected


@given(_changes)
def test_what_is_known_already_is_not_written(changes):
    item = fold(changes)
    again = merge.apply(item, changes, now=9_999, settings={})
    assert not again.written
    assert again.item == item


def test_the_newest_observation_of_a_block_wins_whole():
    item = fold([change(2, title="new"), change(1, title="old", onlyOld="x")])
    assert shown(item)["title"] == "new"
    assert "onlyOld" not in shown(item)


def test_equal_times_go_by_rank_then_by_content():
    closed, active = change(5, rank=2, open=False), change(5, rank=0, open=True)
    assert shown(fold([closed, active]))["open"] is False
    assert shown(fold([active, closed]))["open"] is False
    one, other = change(5, title="one"), change(5, title="other")
    assert merge.same_graph(fold([one, other])) == merge.same_graph(fold([other, one]))


def test_a_stale_change_is_reported_and_its_collected_values_are_kept():
    held = fold([change(9, title="new", collected={"remoteIpAddresses": ("192.0.2.9",)})])
    late = merge.apply(
        held, [change(3, title="old", collected={"remoteIpAddresses": ("192.0.2.3",)})], now=1, settings={}
    )
    assert late.outcomes == (Outcome.STALE,)
    assert late.written
    assert shown(late.item)["title"] == "new"
    assert shown(late.item)["remoteIpAddresses"] == ("192.0.2.9", "192.0.2.3")


def test_equal_content_with_a_later_time_moves_only_the_clock():
    held = fold([change(1, title="same")])
    moved = merge.apply(held, [change(7, title="same")], now=9_000, settings={})
    assert moved.outcomes == (Outcome.UNCHANGED,)
    assert moved.written
    assert moved.item.version == held.version
    late = merge.apply(moved.item, [change(4, title="other")], now=9_000, settings={})
    assert late.outcomes == (Outcome.STALE,)


def test_volatile_fields_are_shown_and_never_raise_the_version():
    held = fold([change(1, title="x", count=1, updatedOn=1, lastSeenOn=1)])
    counted = merge.apply(
        held, [change(2, title="x", count=2, updatedOn=2, lastSeenOn=2)], now=9, settings={}
    )
    assert shown(counted.item)["count"] == 2
    assert (counted.item.version, counted.item.begin_on) == (held.version, held.begin_on)
    changed = merge.apply(counted.item, [change(3, title="y")], now=9, settings={})
    assert (changed.item.version, changed.item.begin_on) == (held.version + 1, 9)


def test_created_on_is_the_earliest_receipt_and_never_moves_forward():
    item = fold([change(1, received_on=500), change(2, received_on=300), change(3, received_on=800)])
    assert shown(item)["_createdOn"] == 300


def test_reopening_is_marked_and_keeps_the_creation_time():
    held = fold([change(1, open=True)])
    closed = fold([change(2, open=False)], held, now=6_000)
    reopened = fold([change(3, open=True)], closed, now=7_000)
    assert "reopenedOn" not in shown(closed)
    assert shown(reopened)["reopenedOn"] == 7_000
    assert shown(reopened)["_createdOn"] == shown(held)["_createdOn"]


def test_edges_change_in_the_same_write_as_their_finding():
    opened = change(1, open=True, edges=(Edge("HAS", INSTANCE, outgoing=False),))
    closed = change(2, open=False, edges=(Edge("HAD", INSTANCE, outgoing=False),))
    (has,) = merge.relationships(fold([opened]))
    assert (has.from_id, has.verb, has.to_id) == (INSTANCE.id, "HAS", FINDING.id)
    assert has.properties["_type"] == "aws_instance_has_guardduty_finding"
    assert has.properties["_key"] == f"{INSTANCE.key}|has|{FINDING.key}"
    (had,) = merge.relationships(fold([opened, closed]))
    assert had.verb == "HAD"


def test_inventory_lies_over_findings_property_by_property():
    item = fold(
        [
            change(9, thing=INSTANCE, block="guardduty/instanceDetails", state="running", imageId="ami-1"),
            change(5, thing=INSTANCE, block="inventory/ec2", state="stopped"),
            change(0, thing=INSTANCE, block="inventory/stub", state="unknown", hostname="i-0abc"),
        ]
    )
    assert (shown(item)["state"], shown(item)["imageId"], shown(item)["hostname"]) == (
        "stopped",
        "ami-1",
        "i-0abc",
    )


def test_of_two_blocks_of_one_source_the_newer_lies_on_top():
    older = change(
        1_000, thing=INSTANCE, block="guardduty/sequence/EC2_INSTANCE", state="running", type="m6i"
    )
    newer = change(2_000, thing=INSTANCE, block="guardduty/instanceDetails", state="stopped")
    for order in ([older, newer], [newer, older]):
        seen = shown(fold(order))
        assert (seen["state"], seen["type"]) == ("stopped", "m6i")


def test_collected_lists_keep_the_newest_hundred():
    changes = [
        change(n, collected={"remoteIpAddresses": (f"10.0.{n // 256}.{n % 256}",)}) for n in range(150)
    ]
    addresses = shown(fold(changes))["remoteIpAddresses"]
    assert isinstance(addresses, tuple)
    assert len(addresses) == 100
    assert addresses[0] == "10.0.0.149"


def test_account_settings_lie_under_the_resources_own_tags_and_follow_the_deployment():
    tagged = change(1, thing=INSTANCE, tags={"tag.Production": False})
    item = merge.apply(None, [tagged], now=1, settings=PROD).item
    assert shown(item)["tag.Production"] is False
    assert shown(item)["tag.AccountName"] == "shop-prod"
    renamed = merge.apply(
        item, [tagged], now=2, settings={"111122223333": AccountSettings("shop-live", production=None)}
    )
    assert renamed.written
    assert shown(renamed.item)["tag.AccountName"] == "shop-live"
    assert "tag.AccountName" not in shown(merge.apply(item, [tagged], now=3, settings={}).item)


def test_an_account_takes_its_name_from_the_settings():
    stub = change(
        0, thing=ACCOUNT, block="guardduty/account", name="111122223333", displayName="111122223333"
    )
    item = merge.apply(None, [stub], now=1, settings=PROD).item
    assert (shown(item)["name"], shown(item)["displayName"]) == ("shop-prod", "shop-prod")


@pytest.mark.parametrize(
    ("start", "verb", "end", "expected"),
    [
        ("aws_account", "HAS", "aws_iam_user", "aws_account_has_iam_user"),
        ("aws_instance", "HAS", "aws_inspector_finding", "aws_instance_has_inspector_finding"),
        (
            "aws_guardduty_detector",
            "IDENTIFIED",
            "aws_guardduty_finding",
            "aws_guardduty_detector_identified_finding",
        ),
        ("aws_iam", "HAS", "aws_iam", "aws_iam_has_iam"),
        ("internet", "ALLOWS", "aws_security_group", "internet_allows_aws_security_group"),
    ],
)
def test_relationship_types_drop_the_leading_parts_they_share(start, verb, end, expected):
    assert relationship_type(start, verb, end) == expected
