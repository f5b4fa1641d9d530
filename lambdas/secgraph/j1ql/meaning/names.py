"""Names: Query → Checked. Every name in WHERE, RETURN, HAVING and ORDER BY is tied to what it means.

Hops are numbered 1, 2, … in the order they are written, blocks and negated tails included; the start
entity is number 0. Hop n brings relationship n and entity n. Blocks are numbered 1, 2, … on their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from secgraph.errors import Position, QueryError
from secgraph.j1ql.meaning.grouping import Grouping
from secgraph.j1ql.meaning.scopes import Scope, Target, What
from secgraph.j1ql.meaning.types import check_types
from secgraph.j1ql.nodes import Call, Everything, Expr, Filter, Path, Query, Record
from secgraph.j1ql.signatures import SIGNATURES
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.walk import comparisons, entities, expressions, inside, paths, subqueries

__all__ = ["Checked", "Target", "What", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A query whose names are all known and unambiguous. `scope` is keyed by the name as written in the
    query (verbs in capitals and in every spelling used)."""

    query: Query
    scope: Mapping[str, Target]
    bound: Mapping[str, Target] = field(default_factory=dict)
    """Every alias and implicit name once, verbs in capitals: what a row's metadata lists."""
    negated: frozenset[str] = frozenset()
    """The names in `scope` that are given in a negation, where no record is (j1ql.md section 8)."""


def check(query: Query) -> Checked:
    """Tie names and check types, in subqueries as well. Needs no data and no parameter values.

    Raises QueryError DUPLICATE, NAME, AMBIGUOUS, then TYPE, SUBQUERY, the first in the order of the text.
    """
    checked = _check_names(query)
    check_types(query)
    return checked


def _check_names(query: Query) -> Checked:
    scope = Scope.of(query)
    for entity in entities(query):
        _check_with(entity.filter, scope)
    for nested in subqueries(query):
        _check_names(nested.query)
    used: dict[str, Target] = {}
    for path in paths(query.where):
        _use_where(path, scope, used)
    before: Expr | Everything | None = None
    for found in expressions(query):
        if isinstance(found, Record) and not scope.known(found.selector):
            raise _lone(found, before, scope)
        _use(found, scope, used)
        before = found
    Grouping.of(query, scope).check(query)
    bound = scope.bound()
    return Checked(query, bound | used, bound, frozenset(filter(scope.is_negated, used)))


def _check_with(found: Filter | None, scope: Scope) -> None:
    """WITH sees the properties of its own entity only (section 10)."""
    for comparison in comparisons(found):
        path = comparison.left
        alias, _, rest = path.property.partition(".") if isinstance(path, Path) else ("", "", "")
        if rest and alias in scope.aliases and isinstance(path, Path):
            message = f"WITH sees only the properties of its own entity; test {path.property} in WHERE."
            at = Position(path.at.line, path.at.column, len(alias))
            raise QueryError("NAME", message, at, expected="a property of this entity", suggestion=rest)


def _use_where(path: Path, scope: Scope, used: dict[str, Target]) -> None:
    if path.selector is not None:
        used[path.selector] = scope.find(path.selector, path.at, path.property)
        return
    if scope.known(path.property):
        message = f"{path.property} is a whole record; test one of its properties."
        suggestion = f"{path.property}._id"
    else:
        message = "In WHERE a property is written with its selector in front; WITH takes it alone."
        suggestion = f"{scope.first()}.{path.property}" if scope.first() else "WITH"
    raise QueryError("NAME", message, path.at, expected="selector.property", suggestion=suggestion)


def _use(found: Expr | Everything, scope: Scope, used: dict[str, Target]) -> None:
    for part in inside(found):
        match part:
            case Path() if part.selector is not None:
                used[part.selector] = scope.find(part.selector, part.at, part.property)
            case Record() | Everything():
                used[part.selector] = scope.find(part.selector, part.at)
            case Call() if part.function not in SIGNATURES:
                raise _unknown_function(part)


def _lone(record: Record, before: Expr | Everything | None, scope: Scope) -> QueryError:
    """`RETURN name`: an unknown word as a whole item is a property without its selector, TREE with a slip, or
    a class that was given an alias. After `u,` it was `u.`."""
    name = record.selector
    if nearest(name, ["TREE"]):
        return QueryError(
            "NAME", "TREE stands alone after RETURN.", record.at, expected="TREE", suggestion="TREE"
        )
    selector = before.selector if isinstance(before, Record) else scope.first()
    close = nearest(name, scope.names()) or scope.renamed.get(name)
    return scope.unknown(name, record.at, close or (f"{selector}.{name}" if selector else ""))


_SYNONYMS = {
    **dict.fromkeys(("average", "mean"), "avg"),
    **dict.fromkeys(("total", "add"), "sum"),
    **dict.fromkeys(("ifnull", "isnull", "nvl", "default"), "coalesce"),
    **dict.fromkeys(("collect", "array_agg", "group_concat", "string_agg", "list"), "merge"),
    **dict.fromkeys(("ceiling", "roundup"), "ceil"),
    "join": "concat",
}
"""Functions of other languages → the one that does the like."""


def _unknown_function(call: Call) -> QueryError:
    message = f"There is no function {call.function}; the functions are {', '.join(SIGNATURES)}."
    at = Position(call.at.line, call.at.column, len(call.function))
    suggestion = nearest(call.function, SIGNATURES) or _SYNONYMS.get(call.function, "")
    return QueryError("NAME", message, at, expected="a function", suggestion=suggestion)
