"""The compatibility report: packs in, one report a rule out, without evaluating anything.

runs         as it stands
unfed        it runs, but no source of this version brings a type or class that it asks for, so an empty
             result does not mean that all is well
unsupported  something in it is of the format or the language and does not run in this version
invalid      it is wrong, and would be wrong in any version
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from secgraph.errors import QueryError
from secgraph.j1ql import parse
from secgraph.j1ql.holes.placeholders import filled, holes
from secgraph.j1ql.nodes import (
    And,
    Comparison,
    EntityPattern,
    Filter,
    Hop,
    Or,
    Query,
    Step,
    Subquery,
)
from secgraph.j1ql.server.parameters import STORED
from secgraph.j1ql.walk import parameters
from secgraph.rules.actions import AskQuery, OtherAction
from secgraph.rules.fed import FED, FED_VERBS
from secgraph.rules.pack import Pack
from secgraph.rules.parameters import needed, needed_by_queries
from secgraph.rules.rule import Rule, RuleQuery

RUNS: Final = "runs"
UNFED: Final = "unfed"
UNSUPPORTED: Final = "unsupported"
INVALID: Final = "invalid"

Compile = Callable[[str], Query]
"""Parses a query, checks its names and compiles it against any graph. Raises QueryError."""


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What became of one rule; `rule` is empty when the whole file is at fault.

    `actions` are the types of those that run, `parameters` the names of those that the rule needs.
    """

    pack: str
    rule: str
    status: str
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give the shape that `rules check --json` prints; its reasons include the warnings."""
        return {
            "pack": self.pack,
            "rule": self.rule,
            "status": self.status,
            "reasons": [*self.reasons, *self.warnings],
            "actions": list(self.actions),
            "parameters": list(self.parameters),
        }


def check(
    packs: Iterable[Pack], *, compile_query: Compile, fed: Mapping[str, Collection[str]] = FED
) -> list[RuleReport]:
    """Report on every rule of the packs, in their order. `fed` maps the types that are fed to classes."""
    known = frozenset(fed) | {name for classes in fed.values() for name in classes}
    reports = []
    for pack in packs:
        placed = [(rule.index, _report(rule, compile_query, known)) for rule in pack.rules]
        for rejected in pack.rejected:
            reasons = tuple(str(problem) for problem in rejected.problems)
            index = -1 if rejected.index is None else rejected.index
            placed.append((index, RuleReport(pack.name, rejected.rule, INVALID, reasons)))
        reports += [report for _, report in sorted(placed, key=lambda each: each[0])]
    return reports


def _report(rule: Rule, compile_query: Compile, known: frozenset[str]) -> RuleReport:
    found = _Found(compile_query)
    found.unsupported += [*rule.blocked, *(_left_out(reason, rule) for reason in rule.left_out)]
    unfed: list[str] = []
    warnings = list(rule.warnings)
    for query in rule.queries:
        compiled = found.compile(query.name, query.text)
        if compiled is not None:
            unfed += _unfed(query, compiled, known)
            warnings += _unwritten(query, compiled)
    for action in rule.actions:
        if isinstance(action, AskQuery):
            found.compile_saved(action.name, action.query)
    names = tuple(dict.fromkeys([*needed(rule), *needed_by_queries(rule)]))
    warnings += [f"needs the parameter {name}" for name in names]
    status = INVALID if found.invalid else UNSUPPORTED if found.unsupported else UNFED if unfed else RUNS
    reasons = (*found.invalid, *found.unsupported, *unfed)
    types = tuple(dict.fromkeys(a.type for a in rule.actions if not isinstance(a, OtherAction)))
    return RuleReport(rule.pack, rule.name, status, reasons, tuple(warnings), types, names)


def _left_out(reason: str, rule: Rule) -> str:
    return reason if rule.blocked else f"{reason}; the rest of the rule runs"


@dataclass(slots=True)
class _Found:
    """What is wrong with the queries of a rule."""

    compile_query: Compile
    invalid: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)

    def compile(self, name: str, text: str) -> Query | None:
        """Compile a query. Parameters are checked last, so one that only lacks their values is right."""
        try:
            return self._compiled(text)
        except QueryError as error:
            held = self.unsupported if error.code == "UNSUPPORTED" else self.invalid
            held.append(_reason(name, error))
            return None

    def compile_saved(self, name: str, text: str) -> None:
        """Compile a query with placeholders: it is right if it is with a text or a number in them."""
        for value in ("x", 1):
            question = filled(text, {hole.name: value for hole in holes(text)})
            try:
                with question.placed():
                    self._compiled(question.text)
            except QueryError as error:
                failure = error
            else:
                return
        self.invalid.append(_reason(name, failure))

    def _compiled(self, text: str) -> Query:
        try:
            return self.compile_query(text)
        except QueryError as error:
            query = parse(text)
            own = [each.name for each in parameters(query) if not each.name.startswith(STORED)]
            if error.code != "PARAM" or own:
                raise
            return query


def _reason(name: str, error: QueryError) -> str:
    message = error.message
    if error.code == "PARAM":
        message = f"{message} A rule has stored parameters only: ${{param.name}}"
    advice = f" (try {error.suggestion})" if error.suggestion else ""
    return f"{name}, line {error.at.line}, column {error.at.column}: {message}{advice}"


def _unfed(query: RuleQuery, compiled: Query, known: frozenset[str]) -> list[str]:
    """Say which selectors nothing feeds. What stands in an optional block is not needed for a row."""
    found = []
    for pattern in patterns(compiled):
        selector = pattern.selector
        if selector.names and "*" not in selector.names and not known.intersection(selector.names):
            names = " or ".join(selector.names)
            found.append(f"{query.name}: no source of this version brings {names} into the graph")
    return list(dict.fromkeys(found))


def _unwritten(query: RuleQuery, compiled: Query) -> list[str]:
    """Say which steps no source of this version writes a relationship for."""
    found = []
    for hop in (step for step in compiled.steps if isinstance(step, Hop)):
        if hop.verbs and not FED_VERBS.intersection(hop.verbs):
            verbs = " or ".join(hop.verbs)
            found.append(f"{query.name}: no source of this version writes {verbs} relationships")
    return list(dict.fromkeys(found))


def patterns(query: Query) -> Iterator[EntityPattern]:
    """Give the entity patterns that a row of the query depends on, those of subqueries included."""
    yield query.start
    yield from _filtered(query.start.filter)
    yield from _stepped(query.steps)
    yield from _filtered(query.where)


def _stepped(steps: Iterable[Step]) -> Iterator[EntityPattern]:
    for step in steps:
        if isinstance(step, Hop):
            yield step.target
            yield from _filtered(step.target.filter)


def _filtered(filter_: Filter | None) -> Iterator[EntityPattern]:
    match filter_:
        case And(items) | Or(items):
            for item in items:
                yield from _filtered(item)
        case Comparison(right=Subquery(query)):
            yield from patterns(query)
