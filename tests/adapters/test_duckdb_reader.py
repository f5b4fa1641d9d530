"""The reader: whole answers within limits or LIMITS, and no way out of the connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from secgraph.adapters.relations.reader import DuckDBReader, Limits, lock_down
from secgraph.adapters.relations.relations import Relations
from secgraph.errors import QueryError
from secgraph.graph.model import Entity
from secgraph.graph.relations import Reads, Statement
from secgraph.image.expand import row_of
from secgraph.image.rows import ItemRow, Version
from tests.adapters.drawn_base import DrawnBase, base_of


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        yield opened


def reader(connection: duckdb.DuckDBPyConnection, limits: Limits) -> DuckDBReader:
    relations = Relations(connection)
    lock_down(connection, limits)
    return DuckDBReader(connection, relations, limits)


def test_rows_and_parameters(connection: duckdb.DuckDBPyConnection) -> None:
    found = reader(connection, Limits()).fetch(Statement("SELECT $2, $1, $2", ("a", 1.5)))
    assert found == [(1.5, "a", 1.5)]


def test_as_many_rows_as_allowed_and_no_more(connection: duckdb.DuckDBPyConnection) -> None:
    bounded = reader(connection, Limits(rows=10))
    assert len(bounded.fetch(Statement("SELECT * FROM range(10)"))) == 10
    with pytest.raises(QueryError, match="more than 10 rows") as caught:
        bounded.fetch(Statement("SELECT * FROM range(11)"))
    assert caught.value.code == "LIMITS"


ENDLESS = Statement(
    "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range % 7 = b.range % 3"
)


def test_a_slow_statement_is_stopped_and_the_next_one_runs(connection: duckdb.DuckDBPyConnection) -> None:
    bounded = reader(connection, Limits(seconds=0.2))
    with pytest.raises(QueryError, match=r"longer than 0\.2 seconds") as caught:
        bounded.fetch(ENDLESS)
    assert caught.value.code == "LIMITS"
    assert bounded.fetch(Statement("SELECT 1")) == [(1,)]


def test_memory_is_bounded(connection: duckdb.DuckDBPyConnection) -> None:
    bounded = reader(connection, Limits(memory="60MB"))
    hungry = Statement("SELECT list(range::VARCHAR || repeat('x', 100)) FROM range(5000000)")
    with pytest.raises(QueryError, match="60MB of memory") as caught:
        bounded.fetch(hungry)
    assert caught.value.code == "LIMITS"


def test_a_regular_expression_that_grows_too_large_is_a_limit(connection: duckdb.DuckDBPyConnection) -> None:
    matching = Statement("SELECT regexp_matches('a', $1)", ("[^é]{1000}" * 90,))
    with pytest.raises(QueryError, match="too large to run") as caught:
        reader(connection, Limits()).fetch(matching)
    assert caught.value.code == "LIMITS"


def test_numbers_are_counted_one_after_the_other(connection: duckdb.DuckDBPyConnection) -> None:
    counting = reader(connection, Limits()).counts(Statement("SELECT $1", (float(it),)) for it in range(4))
    assert list(counting) == [0, 1, 2, 3]


def test_counting_ends_at_what_takes_too_long(connection: duckdb.DuckDBPyConnection) -> None:
    bounded = reader(connection, Limits(counting=0.2))
    assert list(bounded.counts([Statement("SELECT 1"), ENDLESS, Statement("SELECT 2")])) == [1, None]
    assert bounded.fetch(Statement("SELECT 1")) == [(1,)]


def test_counting_ends_at_what_needs_too_much_memory(connection: duckdb.DuckDBPyConnection) -> None:
    hungry = Statement("SELECT len(list(range::VARCHAR || repeat('x', 100))) FROM range(5000000)")
    assert list(reader(connection, Limits(memory="60MB", counting=20)).counts([hungry])) == [None]


def test_counting_ends_when_nothing_is_left_of_its_time(connection: duckdb.DuckDBPyConnection) -> None:
    counting = reader(connection, Limits(counting=0)).counts([Statement("SELECT 1")])
    assert list(counting) == []


def test_what_nobody_asks_for_is_not_counted(connection: duckdb.DuckDBPyConnection) -> None:
    written: list[int] = []

    def statements() -> Iterator[Statement]:
        for number in (1, 2):
            written.append(number)
            yield Statement("SELECT 1")

    assert next(reader(connection, Limits()).counts(statements())) == 1
    assert written == [1]


ESCAPES = [
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM glob('{folder}/*')",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY node FROM '{file}'",
    "EXPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/other.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET memory_limit = '100GB'",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SELECT * FROM a_python_variable",
    "SELECT getenv('HOME')",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "PRAGMA import_database('{folder}')",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_no_statement_gets_out(connection: duckdb.DuckDBPyConnection, tmp_path: Path, sql: str) -> None:
    a_python_variable = connection.sql("SELECT 1")
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n1\n")
    lock_down(connection)
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(file=secret, folder=tmp_path)).fetchall()
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert a_python_variable.fetchall() == [(1,)]


def test_rows_are_laid_over_after_the_door_is_shut(connection: duckdb.DuckDBPyConnection) -> None:
    relations = Relations(connection)
    lock_down(connection)
    relations.apply([ItemRow("a", Version(1, 0), None, ())])
    assert connection.execute("SELECT key FROM delta_item").fetchall() == [("a",)]


def test_only_named_folders_stay_readable(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for name in ("in's", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("secret\n1\n")
    lock_down(connection, folders=[str(tmp_path / "in's")])
    inside = str(tmp_path / "in's" / "rows.csv")
    assert connection.execute("SELECT secret FROM read_csv($1)", [inside]).fetchall() == [(1,)]
    for path in (tmp_path / "out" / "rows.csv", tmp_path / "in's" / ".." / "out" / "rows.csv"):
        with pytest.raises(duckdb.PermissionException):
            connection.execute("SELECT * FROM read_csv($1)", [str(path)])


BASE = [
    row_of("a", Entity({"_id": "a", "_type": "t", "_class": ("C",), "size": 1}), (), Version(1, 0)),
    row_of("b", Entity({"_id": "b", "_type": "t", "_class": ("C",), "size": 2}), (), Version(1, 0)),
]
SIZES = Statement('SELECT sum("size#n") FROM entity', reads=Reads(frozenset({"size#n"})))


def over_base(connection: duckdb.DuckDBPyConnection, limits: Limits) -> tuple[DuckDBReader, DrawnBase]:
    with duckdb.connect(":memory:") as source:
        held = Relations(source)
        held.apply(BASE)
        base = base_of(held, source, connection)
    relations = Relations(connection, base)
    lock_down(connection, limits)
    return DuckDBReader(connection, relations, limits), base


def test_what_a_statement_reads_is_loaded_before_its_time_begins(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    opened, base = over_base(connection, Limits())
    assert opened.fetch(SIZES) == [(3,)]
    assert ("entities", {"size#n"}) in base.asked
    assert list(opened.counts([SIZES])) == [3]
    ids = [
        int(id_ or 0)
        for (id_,) in opened.fetch(Statement("SELECT id FROM entity ORDER BY id", reads=Reads()))
    ]
    assert [json.loads(text)[1] for text in opened.documents(ids[::-1])] == [{"size": 2}, {"size": 1}]


def test_what_does_not_fit_into_memory_is_a_limit(connection: duckdb.DuckDBPyConnection) -> None:
    opened, base = over_base(connection, Limits(memory="40MB"))
    wide = """SELECT range AS id, 0 AS sort, false AS deleted, repeat(range::VARCHAR, 50) AS "_id#s"
              FROM range(3000000)"""
    base.entities = lambda columns: wide  # type: ignore[method-assign]
    statement = Statement("SELECT count(*) FROM entity", reads=Reads(frozenset({"_id#s"})))
    with pytest.raises(QueryError, match="40MB of memory") as caught:
        opened.fetch(statement)
    assert caught.value.code == "LIMITS"
    del base.entities
    assert opened.fetch(statement) == [(2,)]


def test_before_memory_is_too_little_what_is_held_is_compressed(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    opened, base = over_base(connection, Limits(memory="150MB"))
    numbers = [f"n{number}#n" for number in range(4)]
    wide = ", ".join(f'id + {place} AS "{name}"' for place, name in enumerate(numbers))
    base.entities = lambda columns: (  # type: ignore[method-assign]
        f"SELECT id, 0 AS sort, false AS deleted, {wide} FROM (SELECT range AS id FROM range(1500000))"
    )
    every = Statement("SELECT count(*) FROM entity", reads=Reads(frozenset(numbers)))
    assert opened.fetch(every) == [(1_500_000,)]
    hungry = Statement("SELECT count(DISTINCT id) FROM entity", reads=every.reads)
    assert opened.fetch(hungry) == [(1_500_000,)]
