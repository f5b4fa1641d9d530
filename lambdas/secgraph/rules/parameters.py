"""Parameters of rules: which ones a rule needs, and their values as its templates see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from secgraph.errors import PackError, QueryError
from secgraph.j1ql import parse
from secgraph.j1ql.holes.placeholders import fill, holes
from secgraph.j1ql.nodes import Parameter
from secgraph.j1ql.server.parameters import STORED, ParameterValue, PlainValue, Secret
from secgraph.j1ql.walk import parameters as parameters_of
from secgraph.rules import condition
from secgraph.rules.actions import AskQuery, expressions, inside
from secgraph.rules.expressions import uses
from secgraph.rules.expressions.nodes import Expr
from secgraph.rules.expressions.values import Sealed, own
from secgraph.rules.rule import Rule


def needed(rule: Rule) -> tuple[str, ...]:
    """Name the parameters that the templates of a rule read, each once; `List.length` is one of `List`."""
    names = [name for expression in _expressions(rule) for name in uses.parameters(expression)]
    return tuple(dict.fromkeys(names))


def needed_by_queries(rule: Rule) -> tuple[str, ...]:
    """Name the stored parameters that the queries of a rule read. A query that is wrong names none."""
    texts = [query.text for query in rule.queries]
    texts += [action.query for action in rule.actions if isinstance(action, AskQuery)]
    names = [parameter.name for text in texts for parameter in _in_query(text)]
    return tuple(dict.fromkeys(name.removeprefix(STORED) for name in names if name.startswith(STORED)))


def _in_query(text: str) -> list[Parameter]:
    """Give the parameters of a query; in its placeholders, if it has any, may stand texts or numbers."""
    for value in ("x", 1):
        try:
            return list(parameters_of(parse(fill(text, {hole.name: value for hole in holes(text)}))))
        except QueryError:
            continue
    return []


def given(rule: Rule, parameters: Mapping[str, ParameterValue]) -> dict[str, object]:
    """Give the parameters that a rule needs as values. Raises PackError for one that is not defined.

    What the deployment set is as good as text of the rule: it is not escaped, and may be a whole URL. Of a
    secret there is the place where it goes, and nothing more.
    """
    found: dict[str, object] = {}
    for name in needed(rule):
        defined = next((each for each in _shorter(name) if each in parameters), None)
        if defined is None:
            raise PackError(f"needs the parameter {name}, which is not defined; define it, or take it out")
        found[defined] = _value(defined, parameters[defined])
    return found


def _expressions(rule: Rule) -> Iterator[Expr]:
    for operation in rule.operations:
        yield from condition.expressions(operation.when)
        for part in condition.parts(operation.when):
            if isinstance(part, condition.Clause) and part.path.startswith(f"{uses.PARAM}."):
                yield from condition.expressions(condition.read(f"{{{{{part.path}}}}}"))
    for action in rule.actions:
        yield from expressions(action)
    for template in rule.templates.values():
        yield from inside(template)


def _shorter(name: str) -> Iterator[str]:
    """Give a dotted name and what is left of it, from the end: a name may hold dots."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _value(name: str, value: ParameterValue) -> object:
    if isinstance(value, Secret):
        return Sealed(name)
    return _plain(value)


def _plain(value: PlainValue) -> object:
    if isinstance(value, str):
        return own(value)
    if isinstance(value, list | tuple):
        return [own(item) if isinstance(item, str) else item for item in value]
    return value
