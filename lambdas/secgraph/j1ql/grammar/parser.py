"""Parser: query text → Query, by recursive descent over the grammar of j1ql.md section 3.

values ← expressions ← filters ← clauses ← parser: each module reads one level of the grammar.
"""

from __future__ import annotations

from secgraph.errors import Position, QueryError
from secgraph.j1ql.grammar.clauses import clauses
from secgraph.j1ql.grammar.filters import conditions
from secgraph.j1ql.grammar.values import Clause
from secgraph.j1ql.holes.template import refuse_open
from secgraph.j1ql.nodes import START, Block, Direction, EntityPattern, Hop, Query, Selector, Step
from secgraph.j1ql.remedies.leftovers import leftover
from secgraph.j1ql.remedies.nofind import no_find
from secgraph.j1ql.remedies.notarget import headless, no_entity, refuse_question
from secgraph.j1ql.text.cursor import (
    AFTER_ALIAS,
    AFTER_BLOCK,
    AFTER_FILTER,
    AFTER_SELECTOR,
    MAX_BLOCKS,
    MAX_HOPS,
    Cursor,
    is_name,
)
from secgraph.j1ql.text.lexer import Kind, tokenize

_DIRECTIONS = {">>": Direction.OUT, "<<": Direction.IN}


def parse(text: str) -> Query:
    """The tree of a query text. Raises QueryError LEX, SYNTAX, RANGE, NAME, PARAM (open placeholders) or
    LIMITS with its position; `secgraph.j1ql.meaning.names.check` asks the rest."""
    refuse_open(text)
    return parse_filled(text)


def parse_filled(text: str) -> Query:
    """The tree of a text that holds no placeholders any more: two braces in it are text like any other."""
    cursor = Cursor(tokenize(text), _query)
    _refuse_missing_find(cursor)
    query = _query(cursor)
    cursor.symbol(";")
    if cursor.token.kind is not Kind.END:
        message = "A text holds one query; ask the next one on its own." if cursor.at_word("FIND") else ""
        raise cursor.error("end of query", message)
    return query


def _refuse_missing_find(cursor: Cursor) -> None:
    """FIND may be left out before a quoted text only; else a stray word would become a type name."""
    token = cursor.token
    if token.kind is Kind.STRING or token.keyword == "FIND":
        return
    if token.kind is Kind.END:
        raise cursor.error("FIND or a quoted search text", "The query is empty.")
    raise no_find(cursor)


def _query(cursor: Cursor) -> Query:
    """One query up to its end or, for a subquery, its closing bracket."""
    first = cursor.token
    cursor.word("FIND")
    unique = cursor.word("UNIQUE") is not None
    start = _entity(cursor)
    steps = _steps(cursor)
    rest = clauses(cursor)
    query = Query(
        start,
        steps,
        rest.where,
        rest.returns,
        rest.having,
        rest.order,
        rest.skip,
        rest.limit,
        unique,
        first.at,
    )
    ends = (Kind.END,) if not cursor.depth else ()
    if cursor.token.kind in ends or cursor.token.text == (")" if cursor.depth else ";"):
        return query
    raise leftover(cursor, query)


# ── entities ──────────────────────────────────────────────────────────────────────────────────────────


def _entity(cursor: Cursor) -> EntityPattern:
    selector = _selector(cursor)
    cursor.after = AFTER_SELECTOR
    found = None
    if cursor.word("WITH"):
        found = conditions(cursor, Clause.WITH)
        cursor.after = AFTER_FILTER
        if cursor.at_word("WITH"):
            message = "An entity has one WITH; join its conditions with AND."
            raise cursor.error(cursor.after, message, suggestion="AND")
    alias, alias_at = _alias(cursor)
    if cursor.at_word("WITH"):
        message = "The alias of an entity stands after its WITH."
        raise cursor.error(cursor.after, message, suggestion="WITH goes before AS")
    return EntityPattern(selector, found, alias, alias_at)


def _alias(cursor: Cursor) -> tuple[str | None, Position]:
    if not cursor.word("AS"):
        return None, START
    token = cursor.token
    if not is_name(token):
        reserved = token.keyword and not cursor.repeats()
        message = f"{token.text} is a word of the language and cannot be an alias." if reserved else ""
        plain = token.value if token.value.isascii() and token.value.isidentifier() else ""
        raise cursor.error("an alias, a plain word", message, suggestion="" if token.keyword else plain)
    cursor.after = AFTER_ALIAS
    return cursor.take().value, token.at


def _selector(cursor: Cursor) -> Selector:
    first = cursor.token
    if first.kind is Kind.STRING:
        if not first.value.strip():
            raise cursor.error("a search text", "The search text is empty.")
        return Selector(text=cursor.take().value, at=first.at)
    smart = _smart(cursor)
    block = cursor.at_symbol("(") and (cursor.ahead().keyword == "THAT" or cursor.ahead().text == "(")
    if smart is None or cursor.at_name() or cursor.at_symbol("*") or (cursor.at_symbol("(") and not block):
        return Selector(_names(cursor), smart, at=cursor.span(first))
    return Selector((), smart, at=cursor.span(first))


def _smart(cursor: Cursor) -> str | None:
    if not cursor.symbol("#"):
        return None
    if cursor.token.kind not in (Kind.WORD, Kind.BRACKET):
        raise cursor.error("the name of a smart class")
    return cursor.take().value


def _names(cursor: Cursor) -> tuple[str, ...]:
    """`names`: one name or `*`, or several in brackets."""
    if not cursor.symbol("("):
        if cursor.at_name() or cursor.at_symbol("*"):
            return (cursor.take().value,)
        raise no_entity(cursor)
    names = [_name(cursor)]
    while cursor.symbol("|"):
        names.append(_name(cursor))
    _close(cursor)
    return tuple(dict.fromkeys(names))


def _name(cursor: Cursor) -> str:
    if cursor.at_name() or cursor.at_symbol("*"):
        return cursor.take().value
    raise cursor.error("a class, a type or `*`")


def _close(cursor: Cursor) -> None:
    """The bracket after names or verbs."""
    joined = cursor.token.keyword in ("AND", "OR") or cursor.token.text == ","
    message = "The names in brackets are separated by |." if joined else ""
    cursor.expect(")", "| or )", suggestion="|" if joined else "", message=message)


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────────


def _steps(cursor: Cursor) -> tuple[Step, ...]:
    steps: list[Step] = []
    while cursor.at_word("THAT") or cursor.at_symbol("("):
        steps.append(_block(cursor) if cursor.at_symbol("(") else _hop(cursor))
    return tuple(steps)


def _block(cursor: Cursor) -> Block:
    """`( steps )? [AS alias]`."""
    cursor.enter()
    first = cursor.take()
    cursor.one_more("optional blocks", MAX_BLOCKS, first)
    if not cursor.at_word("THAT") and not cursor.at_symbol("("):
        raise headless(cursor, first)
    if cursor.at_word("THAT") and cursor.ahead().text == "!":
        message = "An optional block that begins with a negation adds nothing; take the negation out of it."
        raise cursor.error("a verb", message, token=cursor.ahead())
    steps = _steps(cursor)
    if not cursor.at_symbol(")"):
        raise _open_block(cursor)
    cursor.take()
    cursor.expect("?", "?", suggestion="?")
    cursor.leave()
    cursor.after = AFTER_BLOCK
    at = cursor.span(first)
    alias, alias_at = _alias(cursor)
    return Block(steps, alias, at, alias_at)


def _open_block(cursor: Cursor) -> QueryError:
    """The error at what neither goes on with the block nor ends it."""
    if cursor.token.kind is Kind.END:
        return cursor.error(")", "This optional block has no closing bracket.", suggestion=")?")
    if cursor.token.keyword in ("WHERE", "RETURN", "HAVING", "ORDER", "SKIP", "LIMIT"):
        message = f"{cursor.token.keyword} stands after all steps, outside every optional block."
        return cursor.error("THAT or )", message, suggestion=")?")
    return leftover(cursor, Query(EntityPattern(Selector())))


def _hop(cursor: Cursor) -> Hop:
    first = cursor.take()
    cursor.one_more("hops", MAX_HOPS, first)
    negated = cursor.symbol("!") is not None
    verbs = _verbs(cursor)
    at = cursor.span(first)
    direction, alias, alias_at = _modifiers(cursor)
    refuse_question(cursor, first.start)
    return Hop(verbs, _entity(cursor), negated, direction, alias, at, alias_at)


def _verbs(cursor: Cursor) -> tuple[str, ...]:
    """Verbs in capitals; RELATES accepts every class, so it leaves no verb at all."""
    if cursor.token.text in _DIRECTIONS:
        verb = cursor.ahead().text if is_name(cursor.ahead()) else "a verb"
        message = "The arrow stands after the verb."
        raise cursor.error("a verb", message, suggestion=f"{verb} {cursor.token.text}")
    if not cursor.symbol("("):
        return _every([_verb(cursor)])
    verbs = [_verb(cursor)]
    while cursor.symbol("|"):
        verbs.append(_verb(cursor))
    _close(cursor)
    return _every(verbs)


def _every(verbs: list[str]) -> tuple[str, ...]:
    return () if "RELATES" in verbs else tuple(dict.fromkeys(verbs))


def _verb(cursor: Cursor) -> str:
    if not cursor.at_name():
        raise cursor.error("a verb")
    verb = cursor.take().value.upper()
    if verb == "RELATES":
        cursor.word("TO")
    return verb


def _modifiers(cursor: Cursor) -> tuple[Direction, str | None, Position]:
    """TO, one arrow and AS, each at most once, in any order."""
    direction, filler = Direction.ANY, False
    alias, alias_at = None, START
    while True:
        if cursor.at_word("TO") and not filler:
            cursor.take()
            filler = True
        elif cursor.token.text in _DIRECTIONS and direction is Direction.ANY:
            direction = _DIRECTIONS[cursor.take().text]
        elif cursor.at_word("AS") and alias is None:
            alias, alias_at = _alias(cursor)
        else:
            return direction, alias, alias_at
