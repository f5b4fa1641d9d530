"""Item → where it stands in the set of open findings, by which a source's listing is compared with the graph.

The set is a sparse index of the store: an item is in it while it shows an open finding of a source, under
`source#account#region#bucket`. Buckets spread a scope, so that no key of the index gets hot.
"""

from __future__ import annotations

from typing import Final

from secgraph.graph.merge import entity
from secgraph.graph.model import Item

BUCKETS: Final = 16
SOURCES: Final = {"aws_guardduty_finding": "guardduty", "aws_inspector_finding": "inspector2"}
"""The types of findings that a source can be asked for again, with its name."""


def open_in(item: Item) -> str:
    """Give the key of the index that an item stands under, empty for one that is not in it.

    Not in it: what is closed, ended or no finding, and what no source lists, such as test events.
    """
    source = SOURCES.get(item.thing.type)
    if source is None or not item.thing.key.startswith("arn:"):
        return ""
    shown = entity(item)
    if shown is None or shown.properties.get("open") is not True or shown.properties.get("_deleted"):
        return ""
    account, region = (str(shown.properties.get(name, "")) for name in ("accountId", "region"))
    return index_key(source, account, region, bucket_of(item.thing.id)) if account and region else ""


def bucket_of(id_: str) -> int:
    """Give the bucket of an `_id`: its first hexadecimal digit, which is as good as random."""
    return int(id_[0], BUCKETS)


def index_key(source: str, account: str, region: str, bucket: int) -> str:
    """Write the key of one bucket."""
    return f"{source}#{account}#{region}#{bucket:02d}"
