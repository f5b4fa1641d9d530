"""Pages: an answer → one page of it, and the cursor that continues it; or LIMITS, never a cut answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from secgraph.errors import Position, QueryError
from secgraph.graph.relations import Rows
from secgraph.j1ql.grammar.clauses import MAX_COUNT
from secgraph.j1ql.holes.placeholders import Placeholders
from secgraph.j1ql.server.parameters import Parameters, Secret

PAGE_ROWS: Final = 250
PAGE_BYTES: Final = 5 * 2**20
_WHOLE: Final = Position(1, 1, 0)


def bound_vertices(rows: Rows, most: int | None) -> None:
    """Raise QueryError LIMITS if a tree has more than `most` entities; None for no bound."""
    if most is not None and sum(row[0] == "v" for row in rows) > most:
        raise _too_large(f"The tree has more than {most:,} entities")


def bound_bytes(answer: Mapping[str, Any], page_bytes: int | None) -> None:
    """Raise QueryError LIMITS if a tree is larger than `page_bytes` as JSON."""
    if page_bytes is not None and _bytes(answer["data"]) > page_bytes:
        raise _too_large(f"The tree is larger than {page_bytes:,} bytes")


def bound_rows(answer: Mapping[str, Any], max_rows: int | None) -> None:
    """Raise QueryError LIMITS if the whole result has more than `max_rows` rows."""
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


def cut(
    answer: dict[str, Any],
    documents: Collection[str],
    asked: Asked,
    at: Place,
    page_rows: int | None,
    page_bytes: int | None,
) -> None:
    """Cut the page to its bytes (one row at least) and add the cursor if the result goes on. `documents`
    are those of the entities that stand in the answer."""
    data = answer["data"]
    listed = documents if answer["type"] == "list" else None
    kept = len(data) if page_bytes is None else _fitting(data, listed, page_bytes)
    answer["data"] = data[:kept]
    total = answer.get("totalCount")
    if page_rows is not None and kept and total is not None and at.offset + kept < total:
        answer["cursor"] = asked.cursor(Place(at.offset + kept, at.now))


def _fitting(data: list[Any], listed: Collection[str] | None, page_bytes: int) -> int:
    if listed is not None and sum(map(_most, listed)) <= page_bytes:
        return len(data)
    size = 0
    for count, row in enumerate(data):
        size += _bytes(row) + 1
        if size > page_bytes and count:
            return count
    return len(data)


def _most(document: str) -> int:
    """Give as many bytes as an entity can take at most, from its document alone: to measure it takes longer
    than all else that is done with it. What grows most is a moment: `"_On": 0, ` becomes 35 characters."""
    return (4 if document.isascii() else 8) * len(document) + 256


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8"))


# ── cursors ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins (rows before it), and the moment that the whole query is asked at."""

    offset: int
    now: int

    @property
    def is_possible(self) -> bool:
        """Whether both are numbers that a page may have: anybody can write a cursor."""
        numbers = type(self.offset) is int and type(self.now) is int
        return numbers and 0 <= self.offset <= MAX_COUNT and abs(self.now) <= MAX_COUNT


@dataclass(frozen=True, slots=True)
class Asked:
    """What a cursor belongs to: the next page makes sense for the very same question only."""

    text: str
    parameters: Parameters
    placeholders: Placeholders
    include_deleted: bool
    row_metadata: bool

    def cursor(self, place: Place) -> str:
        """Write the cursor of a place: opaque, and worth nothing for another question."""
        token = {"o": place.offset, "n": place.now, "h": self._digest(place)}
        return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()

    def place(self, cursor: str) -> Place:
        """Read a cursor. Raises QueryError PARAM if it is damaged or of another question."""
        try:
            token = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
            place = Place(token["o"], token["n"])
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

    def _digest(self, place: Place) -> str:
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
