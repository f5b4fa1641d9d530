"""Item → where it stands in the set of open findings, by which a source's listing is compared with the graph.

The set is a sparse index of the store: an item is in it while it shows an open finding of a source, under
`source#account#region#bucket`. Buckets spread a scope, so that no key of the index gets hot.
"""

from __future__ import annotations

import re
from typing import Final

from secgraph.graph.layers import facts_of
from secgraph.graph.model import Item
from secgraph.graph.settled import FINDING

BUCKETS: Final = 16
SOURCES: Final = {"aws_guardduty_finding": "guardduty", "aws_inspector_finding": "inspector2"}
"""The types of findings that a source can be asked for again, with its name."""

_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
"""What the parts of a scope look like. An event can say anything; no run closes in a scope of another form,
and no store takes a key of any length (DynamoDB's ends at 2,048 bytes)."""


def open_in(item: Item) -> str:
    """Give the key of the index that an item stands under, empty for one that is not in it.

    Not in it: what is closed, ended or no finding; what no source lists, such as test events, samples without
    an ARN and findings that were loaded; and what names no account or region that there can be.
    """
    source = SOURCES.get(item.thing.type)
    if source is None or f"{source}/{FINDING}" not in item.blocks or not item.thing.key.startswith("arn:"):
        return ""
    facts = facts_of(item.blocks, item.collected)  # what is visible, without the copy that an Entity is
    if facts.get("open") is not True or facts.get("_deleted"):
        return ""
    account, region = str(facts.get("accountId")), str(facts.get("region"))
    if not _ACCOUNT.fullmatch(account) or not _REGION.fullmatch(region):
        return ""
    return index_key(source, account, region, bucket_of(item.thing.id))


def bucket_of(id_: str) -> int:
    """Give the bucket of an `_id`: its first hexadecimal digit, which is as good as random."""
    return int(id_[0], BUCKETS)


def index_key(source: str, account: str, region: str, bucket: int) -> str:
    """Write the key of one bucket."""
    return f"{source}#{account}#{region}#{bucket:02d}"
