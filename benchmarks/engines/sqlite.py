"""SQLite, indexed as its makers advise for these questions. In: its files. Out: answers.

A hop looks along both directions of a relationship, as the questions do; for each there is an index that
holds all that the hop needs. Full text is asked of a trigram index (FTS5), which finds any part of a value
as our language does, and without it by looking into every text; it lies in a file of its own, since it is
larger than all the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.engines.asked import CLASSES, DAY, WORD, Asked, Rows, types_of

GRAPH: Final = "graph.sqlite"
TRIGRAMS: Final = "trigrams.sqlite"


class SQLite:
    """A Session; `trigrams` says whether full text goes by the index."""

    def __init__(self, folder: Path, asked: Asked, *, trigrams: bool = True) -> None:
        self._connection = sqlite3.connect(f"file:{folder / GRAPH}?mode=ro", uri=True)
        self._connection.execute("PRAGMA mmap_size = 8589934592")
        self._connection.execute("PRAGMA temp_store = MEMORY")
        kinds = self._connection.execute("SELECT id, name, classes FROM kind").fetchall()
        types = {name: number for number, name, _ in kinds}
        classes = {name: held.split() for _, name, held in kinds}
        self._statements = _statements(types, classes, asked, trigrams=trigrams)
        if trigrams:
            self._connection.execute(f"ATTACH 'file:{folder / TRIGRAMS}?mode=ro' AS trigrams")

    def ask(self, question: str) -> Rows:
        """Answer with ids of the staged data."""
        sql, values = self._statements[question]
        return self._connection.execute(sql, values).fetchall()


def _statements(
    types: dict[str, int], classes: dict[str, list[str]], asked: Asked, *, trigrams: bool
) -> dict[str, tuple[str, Sequence[Any]]]:
    def listed(*names: str) -> str:
        return "(" + ", ".join(str(types[name]) for name in names) + ")"

    threat, flaw, instance = listed("aws_guardduty_finding"), listed("aws_inspector_finding"), "aws_instance"
    finding = listed(*types_of(classes, "Finding"))
    has_severe = _has(finding, "f.severity = 'High' OR f.numeric_severity > 7")
    full_text = (
        ("SELECT rowid FROM trigrams.found WHERE found MATCH ?", [f'"{WORD}"'])
        if trigrams
        else ("SELECT id FROM searched WHERE instr(text, ?) > 0", [WORD])
    )
    return {
        "Q1": (
            _tree(
                f"SELECT id FROM entity WHERE type IN {threat}",
                [("", listed(instance), ""), ("HAS", flaw, "numeric_severity > 7")],
            ),
            [],
        ),
        "Q1 list": (
            f"WITH reached0 AS MATERIALIZED (SELECT id FROM entity WHERE type IN {threat}), "
            f"{_hop(1, '', listed(instance), '')} SELECT DISTINCT near FROM hop1 WHERE far IN "
            f"(SELECT e.id FROM reached1 AS e WHERE {_has(flaw, 'f.numeric_severity > 7')})",
            [],
        ),
        "Q2": (
            f"SELECT e.id FROM entity AS e WHERE e.production = 1 "
            f"AND e.type IN {listed(*types_of(classes, *CLASSES))} AND {has_severe}",
            [],
        ),
        "Q3": (
            f"SELECT id FROM entity WHERE type IN {finding} AND created_on > ? "
            "AND (severity = 'high' OR numeric_severity >= 7)",
            [asked.now - DAY],
        ),
        "Q4": (
            f"SELECT e.id FROM entity AS e WHERE e.production = 1 AND e.type IN {listed(instance)} "
            f"AND NOT {_has(finding)}",
            [],
        ),
        "Q5": (
            "SELECT (SELECT name FROM kind WHERE kind.id = type), severity, count(*) FROM entity "
            f"WHERE type IN {finding} GROUP BY type, severity",
            [],
        ),
        "Q6": (
            _tree(
                f"SELECT id FROM entity WHERE type IN {listed('internet')}",
                [
                    ("ALLOWS", listed("aws_security_group"), ""),
                    ("PROTECTS", listed(instance), ""),
                    ("USES", listed("aws_iam_role"), ""),
                ],
            ),
            [],
        ),
        "Q7": full_text,
        "Q8": (_tree("SELECT id FROM entity WHERE uid = ?", [("", "", ""), ("", "", "")]), [asked.start]),
    }


def _has(types: str, test: str = "") -> str:
    """Test whether `e` has, in either direction, an entity of these types that passes a test on `f`."""
    along = " OR ".join(
        f"EXISTS (SELECT 1 FROM relationship AS r {'JOIN entity AS f ON f.id = r.' + far if test else ''} "
        f"WHERE r.{near} = e.id AND r.verb = 'HAS' AND r.{far}_type IN {types}"
        f"{f' AND ({test})' if test else ''})"
        for near, far in (("src", "dst"), ("dst", "src"))
    )
    return f"({along})"


def _tree(start: str, hops: Sequence[tuple[str, str, str]]) -> str:
    """Give the relationships on all paths: forwards hop by hop, then back what goes on to the end."""
    parts = [f"reached0 AS MATERIALIZED ({start})"]
    parts += [_hop(number, *hop) for number, hop in enumerate(hops, 1)]
    last = len(hops)
    parts.append(f"kept{last} AS (SELECT * FROM hop{last})")
    for number in range(last - 1, 0, -1):
        parts.append(
            f"kept{number} AS MATERIALIZED (SELECT * FROM hop{number} "
            f"WHERE far IN (SELECT near FROM kept{number + 1}))"
        )
    found = " UNION ".join(f"SELECT rid FROM kept{number}" for number in range(1, last + 1))
    return f"WITH {', '.join(parts)} {found}"


def _hop(number: int, verb: str, types: str, test: str) -> str:
    """Take the relationships of what was reached, and give what they reach. (A join would do the same, but
    SQLite reads all relationships then, for a Bloom filter of them.)"""
    ways = " UNION ALL ".join(
        f"SELECT r.id AS rid, r.{near} AS near, r.{far} AS far FROM relationship AS r "
        f"WHERE r.{near} IN (SELECT id FROM reached{number - 1})"
        f"{f' AND r.verb = {chr(39)}{verb}{chr(39)}' if verb else ''}"
        f"{f' AND r.{far}_type IN {types}' if types else ''}"
        f"{f' AND EXISTS (SELECT 1 FROM entity AS f WHERE f.id = r.{far} AND f.{test})' if test else ''}"
        for near, far in (("src", "dst"), ("dst", "src"))
    )
    return (
        f"hop{number} AS MATERIALIZED ({ways}), "
        f"reached{number} AS MATERIALIZED (SELECT DISTINCT far AS id FROM hop{number})"
    )
