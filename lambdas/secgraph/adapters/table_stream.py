"""An event of the graph table's stream, as Lambda hands it over → the changes in it, one for each write.

A record holds the item as it was written (`NewImage`), or as it was when it was taken out (`OldImage`), in
DynamoDB's JSON; bytes are base64. It says to the second when the table made the change.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from secgraph.adapters.dynamodb_items import Unreadable, read_item
from secgraph.contract import GRAPH_TABLE_KEY
from secgraph.errors import InputError
from secgraph.graph.locators import LOCATOR
from secgraph.graph.model import Item
from secgraph.image.rows import Version

REMOVED: Final = "REMOVE"


@dataclass(frozen=True, slots=True)
class TableChange:
    """One write of the table: the item's `_id`, which write it was, and the item; None where it is gone."""

    id: str
    version: Version
    item: Item | None


def changes_of(event: Mapping[str, Any]) -> tuple[list[TableChange], list[Unreadable]]:
    """Give the changes in the order of the stream, and apart from them what cannot be read.

    Left out are locators, which nobody sees, and what changed an item's place in the index of open findings
    and nothing else: its `rev` is what it was. Raises InputError for what is no event of a stream.
    """
    changes: list[TableChange] = []
    unreadable: list[Unreadable] = []
    for record in _records(event):
        change = _change(record)
        if isinstance(change, Unreadable):
            unreadable.append(change)
        elif change is not None:
            changes.append(change)
    return changes, unreadable


def _records(event: Mapping[str, Any]) -> list[Any]:
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(
        isinstance(record, dict) and isinstance(record.get("dynamodb"), dict) for record in records
    ):
        raise InputError("this is no event of a table's stream; this function is for the stream alone")
    return records


def _change(record: Mapping[str, Any]) -> TableChange | Unreadable | None:
    """Read one record; None for one that is left out."""
    said = record["dynamodb"]
    try:
        id_ = str(said["Keys"][GRAPH_TABLE_KEY]["S"])
        at = int(float(said["ApproximateCreationDateTime"]) * 1_000)
        removed = record["eventName"] == REMOVED
        attributes = _attributes(said["OldImage" if removed else "NewImage"])
        if attributes.get("type") == {"S": LOCATOR} or _is_only_indexed(said):
            return None
        if removed:
            return TableChange(id_, Version(int(attributes["rev"]["N"]), at, gone=True), None)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Unreadable(_id(said), f"it is no record of the graph table's stream: {error!r}", record)
    item = read_item(attributes)
    if isinstance(item, Unreadable):
        return Unreadable(id_, item.reason, record)
    return TableChange(id_, Version(item.rev, at), item)


def _is_only_indexed(said: Mapping[str, Any]) -> bool:
    """Tell of a write that left the item's `rev` alone; every other one raises it."""
    before, after = said.get("OldImage", {}).get("rev"), said.get("NewImage", {}).get("rev")
    return before is not None and before == after


def _attributes(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _decoded(value) for name, value in image.items()}


def _decoded(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": base64.b64decode(value["B"], validate=True)} if "B" in value else value


def _id(said: Mapping[str, Any]) -> str:
    keys = said.get("Keys")
    key = keys.get(GRAPH_TABLE_KEY) if isinstance(keys, dict) else None
    return str(key.get("S", "")) if isinstance(key, dict) else ""
