"""What a graph in DuckDB holds, kept in small tables. In: sorts, verbs, columns in use. Out: a Catalogue.

A property's `bearers` are the numbers of the sorts, or the verbs, whose records have had it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Final

import duckdb

from secgraph.errors import StoreError
from secgraph.graph.relations import Catalogue, Kind, Sort, column, quoted

FORMAT: Final = 2
"""Format 1 had no stamp, no bearers in `known_property`, and documents in one piece, which are read still."""

BEARER: Final = {"entity": "sort", "relationship": "class"}
"""The column by which the rows of a table are told apart here."""

Property = tuple[str, Kind]
Bearer = int | str

_STATE: Final = "CREATE TABLE IF NOT EXISTS relations_format (version INTEGER, stamp VARCHAR)"
_PROPERTIES: Final = (
    "CREATE TABLE IF NOT EXISTS known_property "
    "(record VARCHAR, name VARCHAR, kind VARCHAR, bearers VARCHAR[])"
)
_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS known_sort (number INTEGER, type VARCHAR, classes VARCHAR[]);
CREATE TABLE IF NOT EXISTS known_verb (verb VARCHAR);
{_PROPERTIES};
"""


class KnownTables:
    """The small tables of one connection.

    The catalogue is remembered under a stamp that stands in the database and that each change renews in its
    own transaction. So neither what was rolled back nor what another connection wrote is ever missed. Where
    nothing is written any more (`is_fixed`), not even the stamp is looked at.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, is_fixed: bool) -> None:
        self._connection = connection
        self._is_fixed = is_fixed
        self._read_state = connection.extract_statements("SELECT * FROM relations_format")[0]
        self._state: Sequence[object] | None = None
        self._catalogue = Catalogue()

    def create(self) -> None:
        """Create what is missing, and bring format 1 up to date. Raises StoreError for any other."""
        self._connection.execute(_STATE)
        state = self._found_state()
        if state is not None and state[0] not in (1, FORMAT):
            raise StoreError(
                f"The graph is kept in format {state[0]}, this program reads format {FORMAT}. "
                "Ingest or load it again into a new file."
            )
        if state is not None and state[0] == 1:
            self._bring_up_to_date()
        self._connection.execute(_TABLES)
        if state is None:
            self._connection.execute("INSERT INTO relations_format VALUES ($1, uuid())", [FORMAT])

    def catalogue(self) -> Catalogue:
        """Tell what the graph holds, from the small tables alone. What is gone may still be listed.

        In a file of format 1, open for reading only, which sort has which property is looked up in the
        records themselves, once.
        """
        if self._is_fixed and self._state is not None:
            return self._catalogue
        state = self._found_state()
        if state != self._state:
            self._catalogue = self._read(is_old=state is not None and state[0] == 1)
            self._state = state
        return self._catalogue

    def sorts(self, wanted: Iterable[tuple[str, tuple[str, ...]]]) -> dict[tuple[str, tuple[str, ...]], int]:
        """Number the combinations of type and classes; those wanted and not known are added."""
        numbers = {(sort.type, sort.classes): sort.number for sort in self.catalogue().sorts}
        new = [pair for pair in dict.fromkeys(wanted) if pair not in numbers]
        for number, (type_, classes) in enumerate(new, len(numbers)):
            numbers[type_, classes] = number
            self._connection.execute(
                "INSERT INTO known_sort VALUES ($1, $2, $3::VARCHAR[])", [number, type_, list(classes)]
            )
        if new:
            self._renew()
        return numbers

    def add_verbs(self, verbs: Set[str]) -> None:
        """Add the verbs that are not known."""
        new = sorted(verbs - self.catalogue().verbs)
        if new:
            self._connection.execute("INSERT INTO known_verb SELECT unnest($1::VARCHAR[])", [new])
            self._renew()

    def add_properties(
        self,
        table: str,
        columns: Mapping[Property, str],
        borne: Mapping[Bearer, Set[str]],
    ) -> list[Property]:
        """Note which bearer has which columns; give the properties that have no column yet.

        `columns` names the column of each property, `borne` holds the columns of each bearer.
        """
        catalogue = self.catalogue()
        known: Mapping[Property, frozenset[Any]]
        if table == "entity":
            held, known = catalogue.entity_properties, catalogue.entity_sorts
        else:
            held, known = catalogue.relationship_properties, catalogue.relationship_verbs
        bearers = _by_property(columns, borne)
        grown = {it: known.get(it, frozenset()) | new for it, new in bearers.items()}
        grown = {it: bearers for it, bearers in grown.items() if bearers != known.get(it)}
        if grown:
            self._write(table, grown)
        return [(name, kind) for name, kind in columns if kind not in held.get(name, ())]

    def _write(self, table: str, properties: Mapping[Property, Set[Bearer]]) -> None:
        self._connection.execute(
            "DELETE FROM known_property WHERE record = $1 "
            "AND (name, kind) IN (SELECT (unnest($2::VARCHAR[]), unnest($3::VARCHAR[])))",
            [table, [name for name, _ in properties], [kind.value for _, kind in properties]],
        )
        self._insert(
            [
                (table, name, kind.value, sorted(map(str, bearers)))
                for (name, kind), bearers in properties.items()
            ]
        )
        self._renew()

    def _insert(self, rows: Sequence[_Row]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        self._connection.execute(
            "INSERT INTO known_property SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), "
            "unnest($3::VARCHAR[]), unnest($4::VARCHAR[][])",
            columns,
        )

    def _renew(self) -> None:
        self._connection.execute("UPDATE relations_format SET stamp = uuid()")

    def _found_state(self) -> Sequence[object] | None:
        found: Sequence[object] | None = self._connection.execute(self._read_state).fetchone()
        return found

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────

    def _read(self, *, is_old: bool) -> Catalogue:
        sorts = self._rows("SELECT number, type, classes FROM known_sort ORDER BY number")
        verbs = self._rows("SELECT verb FROM known_verb")
        properties = self._looked_up() if is_old else self._listed()
        return Catalogue(
            tuple(Sort(number, type_, tuple(classes)) for number, type_, classes in sorts),
            _kinds("entity", properties),
            frozenset(verb for (verb,) in verbs),
            _kinds("relationship", properties),
            {
                (name, Kind(kind)): frozenset(map(int, bearers))
                for record, name, kind, bearers in properties
                if record == "entity"
            },
            {
                (name, Kind(kind)): frozenset(bearers)
                for record, name, kind, bearers in properties
                if record == "relationship"
            },
        )

    def _listed(self) -> list[_Row]:
        # One text for each list: DuckDB takes far longer to hand over the members one by one.
        rows = self._rows("SELECT record, name, kind, to_json(bearers) FROM known_property")
        return [(record, name, kind, json.loads(bearers)) for record, name, kind, bearers in rows]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return rows

    # ── format 1 ──────────────────────────────────────────────────────────────────────────────────────

    def _bring_up_to_date(self) -> None:
        """Write what format 1 did not keep. A caller that must not stop halfway opens a transaction."""
        found = self._looked_up()
        self._connection.execute("DROP TABLE known_property")
        self._connection.execute(_PROPERTIES)
        if found:
            self._insert(found)
        self._connection.execute("DROP TABLE relations_format")
        self._connection.execute(_STATE)
        self._connection.execute("INSERT INTO relations_format VALUES ($1, uuid())", [FORMAT])

    def _looked_up(self) -> list[_Row]:
        """Find the bearers of every property by one scan of the records."""
        found: list[_Row] = []
        for record, bearer in BEARER.items():
            held = self._connection.execute(
                "SELECT name, kind FROM known_property WHERE record = $1", [record]
            ).fetchall()
            counts = "".join(f", count({quoted(column(name, Kind(kind)))})" for name, kind in held)
            rows = self._rows(f"SELECT {bearer}{counts} FROM {record} GROUP BY {bearer}")  # noqa: S608
            for place, (name, kind) in enumerate(held, 1):
                found.append((record, name, kind, [str(row[0]) for row in rows if row[place]]))
        return found


_Row = tuple[str, str, str, list[str]]
"""A row of `known_property`."""


def _by_property(
    columns: Mapping[Property, str], borne: Mapping[Bearer, Set[str]]
) -> dict[Property, set[Bearer]]:
    bearers: dict[str, set[Bearer]] = {name: set() for name in columns.values()}
    for bearer, names in borne.items():
        for name in names & bearers.keys():
            bearers[name].add(bearer)
    return {property_: bearers[name] for property_, name in columns.items()}


def _kinds(record: str, properties: Iterable[_Row]) -> dict[str, frozenset[Kind]]:
    found: dict[str, set[Kind]] = {}
    for of, name, kind, _ in properties:
        if of == record:
            found.setdefault(name, set()).add(Kind(kind))
    return {name: frozenset(kinds) for name, kinds in found.items()}
