"""Ask: query text → response. parse → check → compile → fetch → result, one page at a time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secgraph.errors import Position, QueryError
from secgraph.flows.limits import explained
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Rows
from secgraph.j1ql import compiler
from secgraph.j1ql.clauses import MAX_COUNT
from secgraph.j1ql.compiler import Options
from secgraph.j1ql.names import check
from secgraph.j1ql.parameters import NONE, Parameters, Secret
from secgraph.j1ql.parser import parse_filled
from secgraph.j1ql.placeholders import NO_VALUES, Placeholders, filled
from secgraph.j1ql.plan import TreeShape
from secgraph.j1ql.result import response
from secgraph.j1ql.server import PLAIN, Server
from secgraph.j1ql.warnings import warnings_of

PAGE_ROWS = 250
PAGE_BYTES = 5 * 2**20
_WHOLE = Position(1, 1, 0)


def ask(
    text: str,
    *,
    reader: GraphReader,
    now: int,
    parameters: Parameters = NONE,
    placeholders: Placeholders = NO_VALUES,
    server: Server = PLAIN,
    include_deleted: bool = False,
    row_metadata: bool = False,
    cursor: str | None = None,
    page_rows: int | None = PAGE_ROWS,
    page_bytes: int | None = PAGE_BYTES,
    max_rows: int | None = None,
    warn: bool = True,
) -> dict[str, Any]:
    """Answer a query with a response of j1ql.md section 12; `cursor` is in it while more pages follow.

    `now` is epoch milliseconds; a cursor carries the `now` of the first page on. With `page_rows` and
    `page_bytes` None the whole result comes at once; `max_rows` then bounds it. `placeholders` fills the
    holes of a saved query. Raises QueryError with its place in `text`; LIMITS if the result is larger than
    `max_rows`, or a tree is larger than one page. With `warn`, `messages` say what was probably not meant.
    """
    asked = _Asked(text, parameters, placeholders, include_deleted, row_metadata)
    question = filled(text, placeholders)
    with question.placed():
        checked = check(parse_filled(question.text))
        at = asked.place(cursor) if cursor else _Place(0, now)
        sizes = [it for it in (page_rows, None if max_rows is None else max_rows + 1) if it is not None]
        catalogue = reader.catalogue()
        options = Options(include_deleted, row_metadata, at.offset, min(sizes, default=None))
        plan = compiler.compile(
            checked, catalogue, now=at.now, parameters=parameters, options=options, server=server
        )
        try:
            rows = reader.fetch(plan.statement)
        except QueryError as error:
            counts = compiler.counts(
                checked, catalogue, now=at.now, parameters=parameters, options=options, server=server
            )
            raise explained(error, counts, reader) from error
        messages = (
            warnings_of(checked, catalogue, now=at.now, parameters=parameters, server=server) if warn else ()
        )
    if isinstance(plan.shape, TreeShape):
        _bound_vertices(rows, max_rows if page_rows is None else page_rows)
        answer = response(plan, rows)
        _bound_bytes(answer, page_bytes)
    else:
        answer = response(plan, rows)
        _bound_rows(answer, max_rows)
        _page(answer, asked, at, page_rows, page_bytes)
    return {**answer, "messages": list(messages)} if messages else answer


def explain(
    text: str,
    *,
    reader: GraphReader,
    now: int,
    parameters: Parameters = NONE,
    placeholders: Placeholders = NO_VALUES,
    server: Server = PLAIN,
    include_deleted: bool = False,
) -> str:
    """Give the plan, the SQL and the bound values of a query, without running it; `(secret)` stands for
    those of secret parameters. Then its warnings, a `note:` each. Raises QueryError."""
    options = Options(include_deleted=include_deleted)
    question = filled(text, placeholders)
    with question.placed():
        checked = check(parse_filled(question.text))
        catalogue = reader.catalogue()
        plan = compiler.compile(
            checked, catalogue, now=now, parameters=parameters, options=options, server=server
        )
        messages = warnings_of(checked, catalogue, now=now, parameters=parameters, server=server)
    return "\n".join([str(plan), *(["", *(f"note: {it}" for it in messages)] if messages else [])])


# ── bounds and pages ──────────────────────────────────────────────────────────────────────────────────


def _bound_vertices(rows: Rows, most: int | None) -> None:
    if most is not None and sum(row[0] == "v" for row in rows) > most:
        raise _too_large(f"The tree has more than {most:,} entities")


def _bound_bytes(answer: Mapping[str, Any], page_bytes: int | None) -> None:
    if page_bytes is not None and _bytes(answer["data"]) > page_bytes:
        raise _too_large(f"The tree is larger than {page_bytes:,} bytes")


def _bound_rows(answer: Mapping[str, Any], max_rows: int | None) -> None:
    total = answer.get("totalCount", len(answer["data"]))
    if max_rows is not None and total > max_rows:
        raise _too_large(f"The result has {total:,} rows, more than {max_rows:,}")


def _too_large(what: str) -> QueryError:
    return QueryError(
        "LIMITS",
        f"{what}; nothing was cut, no answer is given.",
        _WHOLE,
        expected="a smaller result",
        suggestion="add LIMIT, or a filter in WITH",
    )


def _page(
    answer: dict[str, Any],
    asked: _Asked,
    at: _Place,
    page_rows: int | None,
    page_bytes: int | None,
) -> None:
    """Cut the page to its bytes (one row at least) and add the cursor if the result goes on."""
    data = answer["data"]
    kept = len(data) if page_bytes is None else _fitting(data, page_bytes)
    answer["data"] = data[:kept]
    total = answer.get("totalCount")
    if page_rows is not None and kept and total is not None and at.offset + kept < total:
        answer["cursor"] = asked.cursor(_Place(at.offset + kept, at.now))


def _fitting(data: list[Any], page_bytes: int) -> int:
    size = 0
    for count, row in enumerate(data):
        size += _bytes(row) + 1
        if size > page_bytes and count:
            return count
    return len(data)


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8"))


# ── cursors ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins, and the moment that the whole query is asked at."""

    offset: int
    now: int

    @property
    def is_possible(self) -> bool:
        """Whether both are numbers that a page may have: anybody can write a cursor."""
        numbers = type(self.offset) is int and type(self.now) is int
        return numbers and 0 <= self.offset <= MAX_COUNT and abs(self.now) <= MAX_COUNT


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a cursor belongs to: the next page makes sense for the very same question only."""

    text: str
    parameters: Parameters
    placeholders: Placeholders
    include_deleted: bool
    row_metadata: bool

    def cursor(self, place: _Place) -> str:
        """Write the cursor of a place: opaque, and worth nothing for another question."""
        token = {"o": place.offset, "n": place.now, "h": self._digest(place)}
        return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()

    def place(self, cursor: str) -> _Place:
        """Read a cursor. Raises QueryError PARAM if it is damaged or of another question."""
        try:
            token = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
            place = _Place(token["o"], token["n"])
            valid = token["h"] == self._digest(place) and place.is_possible
        except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
            valid = False
        if not valid:
            raise QueryError(
                "PARAM",
                "The cursor does not belong to this query, its parameters and options.",
                _WHOLE,
                expected="the cursor of the page before, with the same query",
                suggestion="leave the cursor out to begin again",
            )
        return place

    def _digest(self, place: _Place) -> str:
        """A secret is left out: whoever holds a cursor could try values until the digest fits."""
        named = sorted((name, None if isinstance(it, Secret) else it) for name, it in self.parameters.items())
        said = [
            self.text,
            named,
            sorted(self.placeholders.items()),
            self.include_deleted,
            self.row_metadata,
            place.offset,
            place.now,
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
