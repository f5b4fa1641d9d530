"""The compatibility report: packs in, one report a rule out, without evaluating anything.

runs         as it stands
unfed        it runs, but no source of this version brings a type or class that it asks for, so an empty
             result does not mean that all is well
unsupported  something in it is of the format or the language and does not run in this version
invalid      it is wrong, and would be wrong in any version
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.errors import QueryError
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
from secgraph.rules.fed import FED, FED_VERBS
from secgraph.rules.pack import Pack
from secgraph.rules.rule import Rule, RuleQuery

RUNS: Final = "runs"
UNFED: Final = "unfed"
UNSUPPORTED: Final = "unsupported"
INVALID: Final = "invalid"

Compile = Callable[[str], Query]
"""Parses a query, checks its names and compiles it against any graph. Raises QueryError."""


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What became of one rule; `rule` is empty when the whole file is at fault."""

    pack: str
    rule: str
    status: str
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give the shape that `rules check --json` prints; its reasons include the warnings."""
        return {
            "pack": self.pack,
            "rule": self.rule,
            "status": self.status,
            "reasons": [*self.reasons, *self.warnings],
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
    invalid: list[str] = []
    unsupported = [*rule.blocked, *rule.left_out]
    unfed: list[str] = []
    warnings = list(rule.warnings)
    for query in rule.queries:
        try:
            compiled = compile_query(query.text)
        except QueryError as error:
            held = unsupported if error.code in ("UNSUPPORTED", "PARAM") else invalid
            held.append(_reason(query, error))
        else:
            unfed += _unfed(query, compiled, known)
            warnings += _unwritten(query, compiled)
    status = INVALID if invalid else UNSUPPORTED if unsupported else UNFED if unfed else RUNS
    reasons = (*invalid, *unsupported, *unfed)
    return RuleReport(rule.pack, rule.name, status, reasons, tuple(warnings))


def _reason(query: RuleQuery, error: QueryError) -> str:
    message = error.message
    if error.code == "PARAM":
        message = f"{message}; rules take no parameters in this version"
    advice = f" (try {error.suggestion})" if error.suggestion else ""
    return f"{query.name}, line {error.at.line}, column {error.at.column}: {message}{advice}"


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
