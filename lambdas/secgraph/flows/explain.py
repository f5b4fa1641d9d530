"""EXPLAIN: a rule → why it fires, or why it does not: matches after each step of its queries, the first step
that became empty, the conditions with their values, and paths of what was found. Nothing is written or told.

(`flows.ask.explain` is another thing: the plan of a query.)

Rule ─ask→ Answer ─verdict→ conditions      its queries ─emptied→ beginnings ─count→ steps
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from secgraph.alerts.digest import worst_first
from secgraph.flows.asked import Ask
from secgraph.flows.witness import ROWS, paths_of
from secgraph.graph.ports import GraphReader
from secgraph.graph.relations import Statement
from secgraph.j1ql import parse
from secgraph.j1ql.holes.placeholders import Placeholders
from secgraph.j1ql.nodes import Query
from secgraph.j1ql.server.parameters import NONE, Parameters
from secgraph.j1ql.server.settings import PLAIN, Server
from secgraph.j1ql.sql import compiler, emptied
from secgraph.j1ql.sql.compiler import Options
from secgraph.j1ql.sql.growth import Beginning
from secgraph.rules.operation import act
from secgraph.rules.rows import Answer, rows_of, rows_wanted
from secgraph.rules.rule import Rule, RuleQuery
from secgraph.rules.verdict import Operated, verdict


@dataclass(frozen=True, slots=True)
class Beside:
    """What there would be if a step asked for something else, in words."""

    text: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """The matches after one step: of paths (`unit`), or of entities that it leads to; None where counting
    took too long. `optional`: in an optional block or a subquery, which may be empty and the query not."""

    text: str
    count: int | None
    unit: str
    optional: bool = False
    first_empty: bool = False
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryExplained:
    """One query of a rule: its steps, its rows, and paths of the worst of them by what they are called."""

    name: str
    query: str
    rows: int
    steps: tuple[Step, ...]
    note: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """Why a rule fires or not. `blocked` says why it cannot be evaluated; then there is nothing else."""

    rule: str
    pack: str
    fires: bool
    level: str
    queries: tuple[QueryExplained, ...] = ()
    operations: tuple[Operated, ...] = ()
    blocked: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return asdict(self)


Count = Callable[[Sequence[Beginning]], Sequence[int | None]]


def explain_rule(
    rule: Rule,
    *,
    ask: Ask,
    reader: GraphReader,
    now: int,
    server: Server = PLAIN,
    parameters: Parameters = NONE,
) -> RuleExplained:
    """Evaluate a rule as it would be now, and say what came of each part.

    `now` is epoch milliseconds, the one that `ask` was made with; `parameters` are the stored ones. Raises
    QueryError, PackError and StoreError as evaluation does.
    """
    if rule.blocked:
        return RuleExplained(rule.name, rule.pack, False, rule.level.name, blocked=rule.blocked)
    bound: dict[str, Mapping[str, object]] = {}
    queries = []
    for each in rule.queries:
        count = _counter(reader, now, server, each.include_deleted)
        explained, bound[each.name] = _explained(each, ask, count)
        queries.append(explained)

    def inner(text: str, placeholders: Placeholders) -> Answer:
        return ask(text, include_deleted=False, placeholders=placeholders)

    outcome = act(rule, bound, parameters=parameters, ask=inner)
    return RuleExplained(
        rule.name,
        rule.pack,
        outcome.alert or outcome.acted,
        outcome.level.name,
        tuple(queries),
        verdict(rule, bound, parameters=parameters, ask=inner),
    )


def _explained(each: RuleQuery, ask: Ask, count: Count) -> tuple[QueryExplained, Mapping[str, object]]:
    """Explain one query; give also what conditions see of it."""
    query = parse(each.text)
    wanted = rows_wanted(query)
    answer = ask(each.text if wanted is query else str(wanted), include_deleted=each.include_deleted)
    steps = _steps(wanted, count, empty=not answer.total)
    worst = sorted(rows_of(answer, wanted, each.name), key=worst_first)[:ROWS]
    found = paths_of([each], worst, ask)
    explained = QueryExplained(
        each.name,
        each.text,
        answer.total,
        steps,
        _note(wanted, steps, answer.total),
        tuple(found[row.hash] for row in worst if row.hash in found),
    )
    return explained, {
        "total": answer.total,
        "data": list(answer.rows),
        "query": each.text,
        "durationMs": answer.duration_ms,
    }


def _steps(query: Query, count: Count, *, empty: bool) -> tuple[Step, ...]:
    found = emptied.counted(query)
    counts = count(found)
    main = emptied.main_line(found)
    first = next((place for place in main if counts[place] == 0), None) if empty else None
    return tuple(
        Step(
            emptied.text_of(it),
            counts[place],
            "paths" if it.by_paths else "entities",
            optional=place not in main,
            first_empty=place == first,
            beside=_beside(it, count) if place == first else (),
        )
        for place, it in enumerate(found)
    )


def _beside(beginning: Beginning, count: Count) -> tuple[Beside, ...]:
    listed = list(emptied.variants(beginning))
    counts = count([it for _, it in listed])
    found = [Beside(words, number) for (words, _), number in zip(listed, counts, strict=True)]
    if Beside(emptied.WITHOUT, 0) in found:
        return tuple(it for it in found if not it.text.startswith("WITH "))
    return tuple(found)


def _counter(reader: GraphReader, now: int, server: Server, include_deleted: bool) -> Count:
    """Make what counts beginnings, within the reader's time for that; those beyond are not known."""
    catalogue = reader.catalogue()
    options = Options(include_deleted=include_deleted)

    def statements(found: Sequence[Beginning]) -> Iterator[Statement]:
        for it in found:
            yield compiler.count(it, catalogue, now=now, parameters=NONE, options=options, server=server)

    def count(found: Sequence[Beginning]) -> Sequence[int | None]:
        counts = list(reader.counts(statements(found)))
        return [*counts, *(None for _ in found[len(counts) :])]

    return count


def _note(query: Query, steps: Sequence[Step], total: int) -> str:
    """Say what left nothing where every step leads somewhere."""
    if total or any(step.first_empty for step in steps) or any(step.count is None for step in steps):
        return ""
    if query.limit == 0:
        return "LIMIT 0 leaves no row"
    if query.skip:
        return f"SKIP {query.skip} passes over all rows"
    return "HAVING leaves no group" if query.having is not None else ""
