"""Words are found in whatever text of an entity has them, and in its `_id`."""

from __future__ import annotations

import duckdb
import pytest

from secgraph.graph.model import id_of
from secgraph.graph.relations import Catalogue, Kind, Sort
from secgraph.j1ql import parse
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.sql import compiler
from secgraph.j1ql.sql.fulltext import is_part_of_id

KEY = "arn:aws:iam::1:role/r"
SEARCHED = [("open port 22", [1, 2]), ("alice", [1]), ("bob\n10.0.0.1", [2]), ("carol", [3])]
"""Texts as a reader divides them: one that entities share is there once."""
FOUND = {
    "'port 22'": [1, 2],
    "'alice open'": [1],
    "'alice bob'": [],
    "'10.0 PORT'": [2],
    f"'{id_of(KEY)[:13]}'": [3],
    f"'carol {id_of(KEY)[9:23]}'": [3],
    f"'alice {id_of(KEY)[9:23]}'": [],
    "'22 22'": [1, 2],
}


@pytest.mark.parametrize("text", FOUND)
def test_each_word_stands_in_some_text_of_an_entity_or_in_its_id(text: str) -> None:
    catalogue = Catalogue((Sort(0, "t", ("T",)),), {"_id": frozenset({Kind.STRING})})
    statement = compiler.compile(check(parse(f"FIND {text}")), catalogue, now=0, parameters={}).statement
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE searched (text VARCHAR, ids BIGINT[])")
        connection.executemany("INSERT INTO searched VALUES ($1, $2)", SEARCHED)
        connection.execute('CREATE TABLE entity (id BIGINT, sort INTEGER, deleted BOOLEAN, "_id#s" VARCHAR)')
        connection.execute(
            "INSERT INTO entity VALUES (1, 0, false, 'x'), (2, 0, false, 'y'), (3, 0, false, $1)",
            [id_of(KEY)],
        )
        rows = connection.execute(statement.sql, list(statement.parameters)).fetchall()
    assert [id_ for _, id_ in rows] == FOUND[text]
    assert statement.reads.entity <= {"_id#s"}
    assert statement.reads.searched


PARTS = {
    "7a1f3c52-8f0e-5d0b-9c55-3a6d5ecb1f4e": True,
    "22": True,
    "cafe-5d0b": True,
    "-": True,
    "123456789012": True,
    "10.0.0.1": False,
    "2026-01-02": False,
    "1234567890abc": False,
    "each": False,
    "i-0": False,
}


@pytest.mark.parametrize("word", PARTS)
def test_a_word_that_cannot_stand_in_an_id_is_not_looked_for_there(word: str) -> None:
    assert is_part_of_id(word) is PARTS[word]
