"""Two versions of one thing → what differs, in words. In: records and relationships. Out: sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from secgraph.flows.sums import Record, canonical

_EDGES_NAMED: Final = 3


def records_differ(
    here: Record | None, there: Record | None, names: tuple[str, str] = ("the table", "the image")
) -> Iterator[str]:
    """Name the properties that differ; or say, by their names, which of both has none. Nothing if they are
    alike."""
    one, other = names
    if here is None or there is None:
        if there is not None:
            yield f"{other} shows it, {one} does not"
        elif here is not None:
            yield f"{one} shows it, {other} does not"
    elif differing := [name for name in sorted(here.keys() | there.keys()) if _differs(name, here, there)]:
        yield f"properties: {', '.join(differing)}"


def edges_differ(here: Mapping[str, str], there: Mapping[str, str]) -> Iterator[str]:
    """Name the relationships, each written whole by its `_id`, that are not in both as they are."""
    ids = sorted(id_ for id_ in here.keys() | there.keys() if here.get(id_) != there.get(id_))
    if ids:
        more = f" and {len(ids) - _EDGES_NAMED} more" if len(ids) > _EDGES_NAMED else ""
        yield f"relationships from it: {', '.join(ids[:_EDGES_NAMED])}{more}"


def _differs(name: str, here: Record, there: Record) -> bool:
    return canonical({"": here.get(name)}) != canonical({"": there.get(name)})
