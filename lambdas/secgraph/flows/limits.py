"""Limits: a query that the reader ended → the error that names the step where it grew (j1ql.md section 17).

counts of its beginnings, one after the other → growth.blamed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secgraph.errors import QueryError
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Statement
from secgraph.j1ql.sql.growth import MOST, Beginning, Counted, blamed


def explained(
    error: QueryError, counts: Iterable[tuple[Beginning, Statement]], reader: GraphReader
) -> QueryError:
    """Give the error with the step that made the query too large; as it is where counting tells nothing.

    `counts` are the statements of `compiler.counts`. The reader bounds the time; counting ends at the first
    beginning that is too large to be counted.
    """
    begun: list[Beginning] = []
    counted: list[Counted] = []

    def statements() -> Iterator[Statement]:
        for beginning, statement in counts:
            begun.append(beginning)
            yield statement

    for count in reader.counts(statements()):
        counted.append((begun[-1], count))
        if count is not None and count > MOST:
            break
    return blamed(error, counted)
