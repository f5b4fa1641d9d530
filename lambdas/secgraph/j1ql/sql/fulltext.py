"""Full text → a test on an entity (j1ql.md section 4): each word stands in a text of it, or in its `_id`.

An `_id` that follows from the `_key` stands in no text (graph/search.py). It is looked at for words that can
be a part of one, so that else its column need not be read.
"""

# ruff: noqa: S608 (names are ours, values are bound)
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from secgraph.errors import QueryError
from secgraph.graph.relations import Kind
from secgraph.graph.search import words
from secgraph.j1ql.nodes import Selector
from secgraph.j1ql.sql.compilation import Compilation

MAX_WORDS = 200
"""Most words of a search text: the time to plan them grows with the square."""

_ID: Final = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
_HEX: Final = re.compile("[0-9a-f]")
_PART_OF_ID: Final = re.compile("[0-9a-f-]{1,36}")


def found_by_text(compilation: Compilation, alias: str, selector: Selector) -> str:
    """Write the test for the entity at a table alias. Raises QueryError SYNTAX or LIMITS."""
    sought = words(selector.text or "")
    if not sought:
        raise QueryError(
            "SYNTAX", "The search text is empty.", selector.at, expected="a text with a word in it"
        )
    if len(sought) > MAX_WORDS:
        message = f"A search text takes {MAX_WORDS} words at most."
        raise QueryError("LIMITS", message, selector.at, expected="fewer words")
    return f"{alias}.id IN ({_ids(compilation, tuple(dict.fromkeys(sought)))})"


def _ids(compilation: Compilation, sought: Sequence[str]) -> str:
    """Write the SELECT of the ids. One text may hold one word, and another of the same entity the next."""
    compilation.searched = True
    marks = [compilation.bind(word) for word in sought]
    of_ids = [mark for mark, word in zip(marks, sought, strict=True) if is_part_of_id(word)]
    column = compilation.property_of("i", "_id").parts.get(Kind.STRING) if of_ids else None
    if len(marks) == 1:
        found = f"SELECT unnest(ids) FROM searched WHERE contains(text, {marks[0]})"
        by_id = f"SELECT i.id FROM entity AS i WHERE contains({column}, {marks[0]})"
        return found if column is None else f"{found} UNION ALL {by_id}"
    found = _held("unnest(ids)", "text", "searched", marks, marks)
    if column is not None:
        found += f" UNION ALL {_held('i.id', column, 'entity AS i', marks, of_ids)}"
    every = " AND ".join(f"bool_or(w{place})" for place in range(len(marks)))
    return f"SELECT id FROM ({found}) GROUP BY id HAVING {every}"


def _held(ids: str, text: str, table: str, marks: Sequence[str], possible: Sequence[str]) -> str:
    """Write which words the rows of a table hold, where they hold one."""
    tests = [f"contains({text}, {mark})" if mark in possible else "FALSE" for mark in marks]
    shown = ", ".join(f"{test} AS w{place}" for place, test in enumerate(tests))
    some = " OR ".join(f"contains({text}, {mark})" for mark in possible)
    return f"SELECT {ids} AS id, {shown} FROM {table} WHERE {some}"


def is_part_of_id(word: str) -> bool:
    """Tell whether a word can stand in an `_id` that follows from a `_key`: a UUID in small letters."""
    return bool(_PART_OF_ID.fullmatch(word)) and _HEX.sub("h", word) in _ID
