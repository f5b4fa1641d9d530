"""What follows from the ends of a relationship, as SQL: as graph/edges.py says it, worked out when asked.

Kept, it would be most of what a graph of millions of relationships holds, and hardly a question names it.
"""

from __future__ import annotations

from typing import Final

import duckdb

from secgraph.adapters.relations.catalogue import DERIVED_COLUMNS
from secgraph.adapters.relations.wide import WideTable
from secgraph.graph.edges import DERIVED, relationship_type
from secgraph.graph.model import NAMESPACE
from secgraph.graph.relations import Catalogue, Kind, Link, column, quoted

KEY: Final = column("_key", Kind.STRING)
"""The entity column from which most of it follows."""

IS_WHOLE: Final = """coalesce(starts_with(r.stated, '{"whole":'), FALSE)"""
"""Such a relationship has in its columns what it has, and nothing follows."""

_DIGEST: Final = f"sha1(from_hex('{NAMESPACE.hex}') || encode(key))"
_VARIANT: Final = f"substr('89ab', (instr('0123456789abcdef', substr({_DIGEST}, 17, 1)) - 1) % 4 + 1, 1)"
_ID: Final = (
    f"concat_ws('-', substr({_DIGEST}, 1, 8), substr({_DIGEST}, 9, 4), '5' || substr({_DIGEST}, 14, 3), "
    f"{_VARIANT} || substr({_DIGEST}, 18, 3), substr({_DIGEST}, 21, 12))"
)
_FOLLOWS: Final = {
    "_id": f"CASE WHEN key IS NOT NULL THEN {_ID} END",
    "_key": "key",
    "_class": "class",
    "_type": "type",
    "displayName": "class",
    "_fromEntityKey": "from_key",
    "_toEntityKey": "to_key",
}


class LinkTexts:
    """A small table: for each link what stands between the keys of its ends, and `_type`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            "CREATE TABLE link_text "
            "(class VARCHAR, src_sort INTEGER, dst_sort INTEGER, infix VARCHAR, type VARCHAR)"
        )
        self._connection = connection
        self._noted: frozenset[Link] = frozenset()

    def note(self, catalogue: Catalogue) -> None:
        """Take up the links that are not noted yet."""
        types = {sort.number: sort.type for sort in catalogue.sorts}
        rows = [
            (*link, f"|{link[0].lower()}|", relationship_type(types[link[1]], link[0], types[link[2]]))
            for it in sorted(catalogue.links - self._noted)
            for link in [(it.verb, it.source, it.target)]
        ]
        if rows:
            self._connection.execute(
                "INSERT INTO link_text SELECT unnest($1::VARCHAR[]), unnest($2::INTEGER[]), "
                "unnest($3::INTEGER[]), unnest($4::VARCHAR[]), unnest($5::VARCHAR[])",
                [list(values) for values in zip(*rows, strict=True)],
            )
        self._noted = catalogue.links


def with_derived(relationship: WideTable, entity: WideTable) -> str:
    """Give a SELECT of all that the table of relationships has, and the columns that follow from their
    ends."""
    held = relationship.columns
    kept = [quoted(name) for name in relationship.all_columns if name not in DERIVED_COLUMNS]
    key = f"e.{quoted(KEY)}" if KEY in entity.columns else "NULL::VARCHAR"
    own = [f"r.{quoted(name)} AS {quoted(f'own {name}')}" for name in DERIVED_COLUMNS if name in held]
    shown = [
        f"{_either(name, follows, name in held)} AS {quoted(name)}"
        for name, follows in zip(DERIVED_COLUMNS, (_FOLLOWS[it] for it in DERIVED), strict=True)
    ]
    selected = ", ".join([f"r.{name}" for name in kept] + own)
    return f"""SELECT {", ".join([*kept, *shown])} FROM (
    SELECT {selected}, {IS_WHOLE} AS is_whole, l.type, s.key AS from_key, t.key AS to_key,
        s.key || l.infix || t.key || coalesce(':' || (r.stated->>'$.discriminator'), '') AS key
    FROM {relationship.name} AS r
    LEFT JOIN link_text AS l USING (class, src_sort, dst_sort)
    LEFT JOIN (SELECT e.id, {key} AS key FROM entity AS e) AS s ON s.id = r.src
    LEFT JOIN (SELECT e.id, {key} AS key FROM entity AS e) AS t ON t.id = r.dst
)"""  # noqa: S608 (our own names, quoted)


def _either(name: str, follows: str, is_held: bool) -> str:
    if name == column("_class", Kind.STRING):
        return follows
    own = quoted(f"own {name}") if is_held else "NULL"
    return f"CASE WHEN is_whole THEN {own} ELSE {follows} END"
