"""Who is known → the file of nodes. In: the nodes of a base, what is laid over. Out: a file, sorted by hash.

An item that is gone stays known, as one that is gone, for GONE_KEPT_MS: so that a write of it that comes late
is found to be stale. After that, and if it never was one, it is known while a relationship leads to it.
"""

from __future__ import annotations

from typing import Final

from secgraph.adapters.image.base_tables import MINUTE
from secgraph.adapters.image.workshop import HIDDEN, Workshop
from secgraph.image.base import SORT_SHIFT, RowsFile

GONE_KEPT_MS: Final = 2 * 24 * 60 * 60_000
"""The table's stream hands nothing on that is older than a day."""
_ROW_GROUP: Final = 16_384
"""Few look-ups read few row groups of about 150 KB."""
_ORDINAL: Final = (1 << SORT_SHIFT) - 1

_BEFORE: Final = "SELECT NULL::UBIGINT, NULL::BIGINT, NULL::INTEGER, NULL::INTEGER, NULL::BOOLEAN WHERE false"


def write_nodes(shop: Workshop, now: int) -> RowsFile:
    """Write the nodes. `now` in epoch ms."""
    oldest = (now - GONE_KEPT_MS) // MINUTE
    shop.rows(
        "CREATE OR REPLACE TEMP TABLE node AS "  # noqa: S608 (SQL of our own)
        f'SELECT hash, id, rev::INTEGER AS rev, ("at" // {MINUTE})::INTEGER AS "minute", gone '
        "FROM delta_item UNION ALL SELECT * FROM (SELECT hash, id, NULL, NULL, NULL FROM delta_node "
        f"UNION ALL {_before(shop)}) WHERE hash NOT IN (SELECT hash FROM delta_item)"
    )
    shop.rows(
        'UPDATE node SET rev = NULL, "minute" = NULL, gone = NULL WHERE gone AND "minute" < $1', [oldest]
    )
    shop.rows(
        "DELETE FROM node WHERE rev IS NULL AND id NOT IN "  # noqa: S608
        f"(SELECT unnest([src, dst]) FROM ({_edges(shop)}))"
    )
    file = shop.write(
        f"SELECT hash, (id >> {SORT_SHIFT})::INTEGER AS sort, (id & {_ORDINAL})::INTEGER AS ordinal, "  # noqa: S608
        'rev, "minute", gone FROM node ORDER BY hash',
        "nodes.parquet",
        row_group=_ROW_GROUP,
    )
    shop.rows("DROP TABLE node")
    return file


def next_ordinals(shop: Workshop) -> dict[int, int]:
    """Give the next free ordinal of each sort."""
    before = {} if shop.before is None else dict(shop.before.ordinals)
    new = shop.rows(
        f"SELECT id >> {SORT_SHIFT}, max(id & {_ORDINAL}) + 1 FROM delta_node GROUP BY ALL"  # noqa: S608
    )
    return before | {sort: max(ordinal, before.get(sort, 0)) for sort, ordinal in new}


def _before(shop: Workshop) -> str:
    if shop.before is None:
        return _BEFORE
    return (
        f'SELECT hash, sort::BIGINT << {SORT_SHIFT} | ordinal, rev, "minute", gone '  # noqa: S608
        f"FROM ({shop.selects.nodes(shop.before.nodes)})"
    )


def _edges(shop: Workshop) -> str:
    """Give a SELECT of the ends of all relationships that there are now."""
    return (
        f"SELECT src, dst FROM ({shop.selects.relationships(shop.groups, ())}) WHERE owner NOT IN {HIDDEN} "  # noqa: S608
        "UNION ALL SELECT src, dst FROM delta_relationship"
    )
