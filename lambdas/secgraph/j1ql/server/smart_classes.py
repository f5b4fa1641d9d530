"""Smart classes: the administrator's file → the queries whose results are their members (j1ql.md section 4).

{"version": 1, "smartClasses": {"Crown": ["FIND DataStore WITH tag.Crown = true", "FIND Host …"], …}}

An entity is in `#Crown` if one of the queries finds it, besides those that carry the tag. A query gives a
list and all of it: no RETURN, ORDER BY, SKIP or LIMIT. It may use other smart classes, and stored parameters
(`${param.x}`); what a request brings never reaches it. `CriticalAsset` is built in; a file may redefine it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from secgraph.errors import Position, QueryError, SettingsError
from secgraph.j1ql.grammar.parser import parse
from secgraph.j1ql.meaning.names import Checked, check
from secgraph.j1ql.nodes import Query
from secgraph.j1ql.server.parameters import STORED
from secgraph.j1ql.walk import entities, parameters, subqueries

VERSION = 1
MAX_CLASSES = 200
MAX_QUERIES = 50
"""Most smart classes of a file, and most queries of one class."""

BUILT_IN: Mapping[str, list[str]] = {
    "CriticalAsset": [
        "FIND (Application|CodeRepo|DataStore|Function|Host|Logs) "
        "WITH tag.Production = true AND classification = 'critical'"
    ]
}


@dataclass(frozen=True, slots=True)
class SmartClass:
    """A class and the queries that define it, checked. `uses` are the defined classes that they name,
    directly or not, each after those that it uses itself."""

    name: str
    queries: tuple[Checked, ...]
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SmartClasses:
    """The smart classes of a server by name."""

    defined: Mapping[str, SmartClass]

    def needed(self, name: str) -> tuple[SmartClass, ...]:
        """The classes that make up `#name`, each after those that it uses, itself last; none if the server
        has no such class."""
        found = self.defined.get(name)
        return () if found is None else (*(self.defined[each] for each in found.uses), found)


def smart_classes_of(text: str, where: str) -> SmartClasses:
    """Read the file. Raises SettingsError naming `where` (the file), the class, the query and the place."""
    try:
        document = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, where))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{where}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not JSON that can be read: {error}") from error
    return _made(_texts(document, where), where)


def _once(pairs: list[tuple[str, object]], where: str) -> dict[str, object]:
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise SettingsError(f"{where}: {twice[0]!r} stands there twice; keep one")
    return dict(pairs)


def _texts(document: object, where: str) -> dict[str, list[str]]:
    form = f'{{"version": {VERSION}, "smartClasses": {{"Name": ["FIND …", …], …}}}}'
    if not isinstance(document, dict) or "version" not in document:
        raise SettingsError(f"{where}: expected {form}")
    if document["version"] != VERSION or isinstance(document["version"], bool):
        version = json.dumps(document["version"])
        raise SettingsError(f"{where}: version {version} is not known; this program reads version {VERSION}")
    unknown = sorted(document.keys() - {"version", "smartClasses"})
    if unknown:
        raise SettingsError(f"{where}: {unknown[0]}: unknown field; expected {form}")
    classes = document.get("smartClasses")
    if not isinstance(classes, dict):
        raise SettingsError(f"{where}: smartClasses: expected {form}")
    if len(classes) > MAX_CLASSES:
        raise SettingsError(f"{where}: there are {len(classes)} smart classes, more than {MAX_CLASSES}")
    return {name: _queries(name, queries, where) for name, queries in classes.items()}


def _queries(name: str, queries: object, where: str) -> list[str]:
    if not name or "]" in name:
        raise SettingsError(f"{where}: {name!r} is no name; a name is not empty and holds no ]")
    if not isinstance(queries, list) or not all(isinstance(text, str) for text in queries):
        raise SettingsError(f'{where}: {name}: expected a list of queries such as ["FIND …"]')
    if len(queries) > MAX_QUERIES:
        raise SettingsError(f"{where}: {name}: there are {len(queries)} queries, more than {MAX_QUERIES}")
    return queries


def _made(texts: Mapping[str, list[str]], where: str) -> SmartClasses:
    queries = {name: _checked(name, listed, where) for name, listed in {**BUILT_IN, **texts}.items()}
    named = {
        name: [used for each in listed for used in _used(each.query) if used in queries]
        for name, listed in queries.items()
    }
    uses = _in_order(named, where)
    return SmartClasses({name: SmartClass(name, listed, uses[name]) for name, listed in queries.items()})


def _checked(name: str, texts: list[str], where: str) -> tuple[Checked, ...]:
    found = []
    for number, text in enumerate(texts, 1):
        try:
            query = check(parse(text))
            _refuse_parts(query.query)
        except QueryError as error:
            place = f"{where}: {name}, query {number}, line {error.at.line}, column {error.at.column}"
            advice = f" (try {error.suggestion})" if error.suggestion else ""
            raise SettingsError(f"{place}: {error.message}{advice}") from error
        found.append(query)
    return tuple(found)


def _refuse_parts(query: Query) -> None:
    """A class is a set of entities: it has no columns, no order and no first ones."""
    first = query.returns[0] if isinstance(query.returns, tuple) else query.returns
    parts: dict[str, Position | None] = {
        "RETURN": None if first is None else first.at,
        "ORDER BY": query.order[0].at if query.order else None,
        "SKIP": None if query.skip is None else query.at,
        "LIMIT": None if query.limit is None else query.at,
    }
    for part, at in parts.items():
        if at is not None:
            message = f"A query of a smart class has no {part}: all that it finds are members."
            raise QueryError("SYNTAX", message, at, expected=f"a query without {part}")
    for parameter in parameters(query):
        if not parameter.name.startswith(STORED):
            message = f"A smart class knows no request, so it cannot use ${{{parameter.name}}}."
            suggestion = f"${{{STORED}{parameter.name}}}, which is stored"
            raise QueryError(
                "PARAM", message, parameter.at, expected="a stored parameter", suggestion=suggestion
            )


def _used(query: Query) -> Iterator[str]:
    """The smart classes that a query names, subqueries included."""
    yield from (each.selector.smart for each in entities(query) if each.selector.smart is not None)
    for nested in subqueries(query):
        yield from _used(nested.query)


def _in_order(named: Mapping[str, list[str]], where: str) -> dict[str, tuple[str, ...]]:
    """For each class those that it uses, directly or not, in an order to make them in."""
    uses: dict[str, tuple[str, ...]] = {}
    for name in named:
        _visit(name, named, uses, [], where)
    return uses


def _visit(
    name: str, named: Mapping[str, list[str]], uses: dict[str, tuple[str, ...]], way: list[str], where: str
) -> None:
    if name in way:
        circle = " → ".join([*way[way.index(name) :], name])
        raise SettingsError(f"{where}: a smart class cannot be made of itself: {circle}")
    if name in uses:
        return
    for used in named[name]:
        _visit(used, named, uses, [*way, name], where)
    found = [each for used in named[name] for each in (*uses[used], used)]
    uses[name] = tuple(dict.fromkeys(found))


DEFAULT = _made({}, "built in")
"""What a server without a file has."""
