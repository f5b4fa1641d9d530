"""What is not the same in two tables. In: items of one, and the other to look into. Out: differences by name.

Both are read again: what only changed between their hashes is none any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from secgraph.flows.replay_state import Difference
from secgraph.flows.sums import Record, canonical, edge_record
from secgraph.flows.told_apart import edges_differ, records_differ
from secgraph.graph import merge
from secgraph.graph.fingerprint import Fingerprint, fingerprint_of, observed
from secgraph.graph.model import Item
from secgraph.graph.ports import ItemTable
from secgraph.image.columns import finite

DIFFERENCES_AT_MOST: Final = 5
WHAT_AT_MOST: Final = 1_000
"""Characters of what is said of a thing, which names as many properties and relationships as it has."""
_NAMES: Final = ("the graph", "the replay")


def differences(
    items: Sequence[Item], other: ItemTable, types: Collection[str], *, is_graph: bool
) -> Iterator[Difference]:
    """Look the items of some types up in the other table, and tell which are not the same there.

    Called with the items of the graph (`is_graph`), then with those of the replay, it names each thing once.
    """
    chosen = [item for item in items if item.thing.type in types]
    there, _ = other.readable([item.thing.id for item in chosen])
    for item in chosen:
        found = there.get(item.thing.id)
        if found is not None and not is_graph:
            continue
        if _fingerprint(item) != _fingerprint(found):
            what = _told(item, found) if is_graph else _told(found, item)
            yield Difference(item.thing.id, item.thing.type, item.thing.key, what)


def _fingerprint(item: Item | None) -> Fingerprint:
    return Fingerprint() if item is None else fingerprint_of(item)


def _told(graph: Item | None, copy: Item | None) -> str:
    what = [
        *records_differ(_record(graph), _record(copy), _NAMES),
        *edges_differ(_edges(graph), _edges(copy)),
    ]
    told = "; ".join(what)
    return told if len(told) <= WHAT_AT_MOST else f"{told[: WHAT_AT_MOST - 3]}..."


def _record(item: Item | None) -> Record | None:
    seen = None if item is None else merge.entity(observed(item))
    if seen is None:
        return None
    return {name: value for name, value in finite(seen.properties).items() if name not in merge.OF_WRITES}


def _edges(item: Item | None) -> dict[str, str]:
    if item is None:
        return {}
    return {
        each.id: canonical(edge_record(each.from_id, each.to_id, each.properties))
        for each in merge.relationships(observed(item))
    }
