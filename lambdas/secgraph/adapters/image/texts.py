"""What full text looks in, of one part. In: texts of entities, a value a line. Out: a file of `searched`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from secgraph.adapters.image.workshop import HIDDEN, Workshop
from secgraph.image.base import EntityPart, RowsFile

SHARED_FROM: Final = 24
"""Characters from which on a value that several entities of a part hold is written once for all of them."""
_LEVEL: Final = 7
"""Texts are a sixth smaller so than at the level of columns, which gain nothing by a higher one."""


def texts_of(shop: Workshop, label: str, within: str, sources: Sequence[EntityPart]) -> RowsFile:
    """Write the texts of the entities `within` a range of ids: a row for each long value that several share,
    then a row for the rest of each."""
    shop.rows(
        "CREATE OR REPLACE TEMP TABLE line AS "  # noqa: S608 (SQL of our own)
        "SELECT id, unnest(string_split(text, chr(10))) AS value FROM ("
        f"SELECT id, text FROM (SELECT unnest(ids) AS id, text FROM ({shop.selects.searched(sources)})) "
        f"WHERE {within} AND id NOT IN {HIDDEN} "
        f"UNION ALL SELECT id, text FROM delta_text WHERE {within})"
    )
    shop.rows(
        "CREATE OR REPLACE TEMP TABLE passage AS "  # noqa: S608
        "SELECT value AS text, list(DISTINCT id ORDER BY id) AS ids FROM line "
        f"WHERE length(value) >= {SHARED_FROM} GROUP BY value HAVING count(DISTINCT id) > 1"
    )
    file = shop.write(
        "SELECT text, ids FROM ("  # noqa: S608
        "SELECT 0 AS kind, text, ids FROM passage UNION ALL "
        "SELECT 1, string_agg(value, chr(10)), [id] FROM line "
        f"WHERE length(value) < {SHARED_FROM} OR value NOT IN (SELECT text FROM passage) "
        "GROUP BY id) WHERE text <> '' ORDER BY kind, ids[1], text",
        label,
        level=_LEVEL,
    )
    shop.rows("DROP TABLE line")
    shop.rows("DROP TABLE passage")
    return file
