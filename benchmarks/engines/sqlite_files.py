"""The files of SQLite: tables, the indexes that the questions are best served by, and a trigram index.

In: the staged tables. Out: two files; full text has its own, since it is larger than all the rest.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from benchmarks.engines.sqlite import GRAPH, TRIGRAMS
from benchmarks.engines.staging import batches_of, classes_of, table

_TABLES: Final = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE kind (id INTEGER PRIMARY KEY, name TEXT, classes TEXT);
CREATE TABLE entity (id INTEGER PRIMARY KEY, uid TEXT, type INTEGER, severity TEXT, numeric_severity REAL,
                     created_on INTEGER, production INTEGER);
CREATE TABLE document (id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE searched (id INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE relationship (id INTEGER PRIMARY KEY, verb TEXT, src INTEGER, dst INTEGER, src_type INTEGER,
                           dst_type INTEGER);
"""
_INDEXES: Final = """
CREATE UNIQUE INDEX entity_by_uid ON entity (uid);
CREATE INDEX entity_by_severity ON entity (type, severity);
CREATE INDEX entity_by_score ON entity (type, numeric_severity);
CREATE INDEX entity_by_moment ON entity (type, created_on, numeric_severity, severity);
CREATE INDEX entity_of_production ON entity (type) WHERE production = 1;
CREATE INDEX relationship_out ON relationship (src, verb, dst_type, dst);
CREATE INDEX relationship_in ON relationship (dst, verb, src_type, src);
ANALYZE;
"""
_TEXTS: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE VIRTUAL TABLE found USING fts5(text, content = '', tokenize = 'trigram case_sensitive 1');
"""


def build(staged: Path, folder: Path) -> None:
    """Load the staged tables, then make the indexes."""
    classes = classes_of(staged)
    types = {name: number for number, name in enumerate(sorted(classes))}
    entity, relationship = table(staged, "entity"), table(staged, "relationship")
    with sqlite3.connect(folder / GRAPH) as graph:
        graph.executescript(_TABLES)
        kinds = [(number, name, " ".join(classes[name])) for name, number in types.items()]
        graph.executemany("INSERT INTO kind VALUES (?, ?, ?)", kinds)
        for rows in batches_of(
            "SELECT id, uid, type, severity, numeric_severity, created_on::BIGINT, production, body, text "
            f"FROM {entity}"
        ):
            graph.executemany(
                "INSERT INTO entity VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*row[:2], types[row[2]], *row[3:7]) for row in rows],
            )
            graph.executemany("INSERT INTO document VALUES (?, ?)", [(row[0], row[7]) for row in rows])
            graph.executemany("INSERT INTO searched VALUES (?, ?)", [(row[0], row[8]) for row in rows])
        for rows in batches_of(f"SELECT id, verb, src, dst, src_type, dst_type FROM {relationship}"):
            graph.executemany(
                "INSERT INTO relationship VALUES (?, ?, ?, ?, ?, ?)",
                [(*row[:4], types[row[4]], types[row[5]]) for row in rows],
            )
        graph.executescript(_INDEXES)
    graph.close()


def build_trigrams(staged: Path, folder: Path) -> None:
    """Make the trigram index of the searched texts."""
    with sqlite3.connect(folder / TRIGRAMS) as texts:
        texts.executescript(_TEXTS)
        for rows in batches_of(f"SELECT id, text FROM {table(staged, 'entity')}"):
            texts.executemany("INSERT INTO found (rowid, text) VALUES (?, ?)", rows)
        texts.execute("INSERT INTO found (found) VALUES ('optimize')")
    texts.close()
