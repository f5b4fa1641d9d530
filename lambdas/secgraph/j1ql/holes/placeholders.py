"""Placeholders: a saved query and values → its text with the holes filled (j1ql.md section 15).

text → Template (holes) → Edit… (insertions) → Filled, which finds its way back to the text as it was saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from secgraph.errors import Position, QueryError
from secgraph.j1ql.holes.insertions import Edit, HoleValue, Placeholders, edits
from secgraph.j1ql.holes.template import Hole, Template, holes
from secgraph.j1ql.text.advice import listed, nearest, short
from secgraph.j1ql.text.lexer import Source

__all__ = ["NO_VALUES", "Filled", "Hole", "HoleValue", "Placeholders", "fill", "filled", "holes"]

NO_VALUES: Placeholders = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Filled:
    """`text` is `original` after the edits. People know the original only, so errors are placed there."""

    text: str
    original: str
    edits: tuple[Edit, ...] = ()

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Move errors of the filled text to where they stand in the original."""
        try:
            yield
        except QueryError as error:
            error.at = self.origin(error.at)
            raise

    def origin(self, at: Position) -> Position:
        """The stretch of the original that became this stretch of the text; a hole counts as one piece."""
        if not self.edits:
            return at
        offset = Source(self.text).offset(at)
        start = self._before(offset, ends=False)
        end = self._before(offset + at.length, ends=True) if at.length else start
        return Source(self.original).at(start, end - start)

    def _before(self, offset: int, *, ends: bool) -> int:
        """Where an offset was before the edits; inside of one, its beginning or its end."""
        longer = 0
        for edit in self.edits:
            begin = edit.start + longer
            end = begin + len(edit.text)
            if offset < begin or (ends and offset == begin):
                break
            if offset < end or (ends and offset == end):
                return edit.end if ends else edit.start
            longer = end - edit.end
        return offset - longer


def filled(text: str, values: Placeholders) -> Filled:
    """Fill every hole. Raises QueryError PARAM for holes without a value, values without a hole, and a
    value that cannot stand where its hole is; LEX where the text around the holes cannot be read."""
    template = Template.of(text)
    _refuse_unknown(template, values)
    template.refuse_open(values)
    if template.error is not None:
        raise template.error
    made = tuple(edits(template, values))
    pieces, done = [], 0
    for edit in made:
        pieces += [text[done : edit.start], edit.text]
        done = edit.end
    return Filled("".join([*pieces, text[done:]]), text, made)


def fill(text: str, values: Placeholders) -> str:
    """The text with every hole filled. Raises QueryError PARAM or LEX, as `filled` does.

    Text that came in may hold two braces, so the result is for `parse_filled`.
    """
    return filled(text, values).text


def _refuse_unknown(template: Template, values: Placeholders) -> None:
    names = template.names
    known = frozenset(names)
    unknown = [name for name in values if name not in known]
    if not unknown:
        return
    has = f"its placeholders are {', '.join(map(short, names))}" if names else "it has none"
    raise QueryError(
        "PARAM",
        f"The query has no placeholder {short(unknown[0])}; {has}.",
        Position(1, 1, 0),
        expected=listed(names) or "no values for placeholders",
        suggestion=nearest(unknown[0], names) or "",
    )
