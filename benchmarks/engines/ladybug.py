"""Ladybug (PyPI `ladybug`, heir of Kuzu): a columnar graph database in the process, asked in Cypher.

Laid out as its manual advises: a node table for each type, a relationship table for each verb, loaded with
COPY from Parquet. It has no index but that of primary keys (the text `_id`, by which people name an entity),
and none for parts of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import ladybug

from benchmarks.engines.asked import CLASSES, DAY, WORD, Asked, Rows, types_of

GRAPH: Final = "graph.lbug"
CLASS_TABLE: Final = "_classes"


class Ladybug:
    """A Session."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        self._database = ladybug.Database(str(folder / GRAPH), read_only=True)
        self._connection = ladybug.Connection(self._database)
        rows = self._connection.execute(f"MATCH (c:{CLASS_TABLE}) RETURN c.name, c.classes").get_all()
        self._questions = _questions({name: held.split() for name, held in rows}, asked)

    def ask(self, question: str) -> Rows:
        """Answer with ids of the staged data."""
        text, values, width = self._questions[question]
        rows: list[list[Any]] = self._connection.execute(text, values).get_all()
        if width == 1:
            return [tuple(row) for row in rows]
        return [(id_,) for id_ in {id_ for row in rows for id_ in row}]


def _questions(
    classes: Mapping[str, Sequence[str]], asked: Asked
) -> dict[str, tuple[str, dict[str, Any], int]]:
    """Give each question: Cypher, values, and how many relationships a row names."""
    finding = ":".join(types_of(classes, "Finding"))
    held = ":".join(types_of(classes, *CLASSES))
    severe = "(f.severity = 'High' OR f.numeric_severity > 7)"
    start = "MATCH (g:aws_guardduty_finding)-[r]-(i:aws_instance)-[h:HAS]-(f:aws_inspector_finding)"
    everything = ":".join(sorted(classes))
    return {
        "Q1": (f"{start} WHERE f.numeric_severity > 7 RETURN r.rid, h.rid", {}, 2),
        "Q1 list": (f"{start} WHERE f.numeric_severity > 7 RETURN DISTINCT g.id", {}, 1),
        "Q2": (
            f"MATCH (e:{held})-[:HAS]-(f:{finding}) WHERE e.production = true AND {severe} "
            "RETURN DISTINCT e.id",
            {},
            1,
        ),
        "Q3": (
            f"MATCH (f:{finding}) WHERE (f.severity = 'high' OR f.numeric_severity >= 7) "
            "AND f.created_on > $since RETURN f.id",
            {"since": asked.now - DAY},
            1,
        ),
        "Q4": (
            "MATCH (i:aws_instance) WHERE i.production = true AND NOT EXISTS "
            f"{{ MATCH (i)-[:HAS]-(:{finding}) }} RETURN i.id",
            {},
            1,
        ),
        "Q5": (f"MATCH (f:{finding}) RETURN label(f), f.severity, count(*)", {}, 1),
        "Q6": (
            "MATCH (:internet)-[a:ALLOWS]-(:aws_security_group)-[p:PROTECTS]-(:aws_instance)-[u:USES]-"
            "(:aws_iam_role) RETURN a.rid, p.rid, u.rid",
            {},
            3,
        ),
        "Q7": (f"MATCH (e:{everything}) WHERE contains(e.text, $word) RETURN e.id", {"word": WORD}, 1),
        "Q8": (
            f"MATCH (s:{everything})-[a]-(m:{everything})-[b]-(:{everything}) WHERE s.uid = $start "
            "RETURN DISTINCT a.rid, b.rid",
            {"start": asked.start},
            2,
        ),
    }
