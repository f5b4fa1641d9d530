"""Random queries over random graphs: DuckDB must answer what a slow, obvious reading of the language does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secgraph.adapters.duckdb_reader import DuckDBReader
from secgraph.flows.ask import ask
from secgraph.j1ql import parse
from secgraph.j1ql.nodes import (
    AllOf,
    And,
    AnyOf,
    Block,
    Direction,
    EntityPattern,
    Filter,
    Hop,
    Literal,
    Op,
    Or,
    Path,
    Query,
    Step,
)

# ── the interpreter ───────────────────────────────────────────────────────────────────────────────────

Record = dict[str, Any]


@dataclass(frozen=True)
class Graph:
    entities: dict[str, Record]
    relationships: list[Record]


@dataclass(frozen=True)
class Trail:
    """A path: what it holds under each hop's number, and where it stands."""

    current: str
    hops: tuple[tuple[int, str, str], ...] = ()
    named: tuple[tuple[str, Record], ...] = ()


def numbered(steps: Sequence[Step], first: int) -> int:
    """Count on over the hops of these steps."""
    for step in steps:
        first = numbered(step.steps, first) if isinstance(step, Block) else first + 1
    return first


class Interpreter:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def trails(self, query: Query) -> list[Trail]:
        start = query.start
        found = [
            Trail(id_, (), ((start.alias, record),) if start.alias else ())
            for id_, record in self.graph.entities.items()
            if self.matches(record, start)
        ]
        last = len(query.steps)
        negated = any(isinstance(step, Hop) and step.negated for step in query.steps)
        while last and not negated and isinstance(query.steps[last - 1], Block):
            last -= 1
        found = self.walk(found, query.steps[:last], 1)
        before = numbered(query.steps[:last], 1)
        found = self.walk(found, query.steps[last:], before)
        found = [it for it in found if not any(self.longer(other, it, before) for other in found)]
        return [it for it in found if query.where is None or self.holds(query.where, self.where(it))]

    def longer(self, other: Trail, it: Trail, before: int) -> bool:
        if other.hops == it.hops or not set(it.hops) < set(other.hops):
            return False
        starts = [dict(trail.named).get("a", {}).get("_id") for trail in (other, it)]
        added = set(other.hops) - set(it.hops)
        return starts[0] == starts[1] and all(number >= before for number, _, _ in added)

    def walk(self, trails: list[Trail], steps: Sequence[Step], number: int) -> list[Trail]:
        for place, step in enumerate(steps):
            if isinstance(step, Block):
                inside = [replace(it) for it in self.walk(trails, step.steps, number)]
                number = numbered(step.steps, number)
                trails = [*trails, *inside]
                if step.alias:
                    name = step.alias
                    trails = [self.name(it, name, self.graph.entities[it.current]) for it in trails]
            elif step.negated:
                tail = (replace(step, negated=False), *steps[place + 1 :])
                return [it for it in trails if not self.walk([it], tail, number)]
            else:
                trails = [new for it in trails for new in self.hop(it, step, number)]
                number += 1
        return trails

    def name(self, trail: Trail, name: str, record: Record) -> Trail:
        return replace(trail, named=(*trail.named, (name, record)))

    def hop(self, trail: Trail, hop: Hop, number: int) -> Iterator[Trail]:
        for edge in self.graph.relationships:
            if edge.get("_deleted") or (hop.verbs and edge["_class"].upper() not in hop.verbs):
                continue
            for far in self.ends(edge, trail.current, hop.direction):
                record = self.graph.entities.get(far)
                if record is None or not self.matches(record, hop.target):
                    continue
                new = replace(trail, current=far, hops=(*trail.hops, (number, edge["_id"], far)))
                new = self.name(new, hop.alias, edge) if hop.alias else new
                yield self.name(new, hop.target.alias, record) if hop.target.alias else new

    def ends(self, edge: Record, near: str, direction: Direction) -> set[str]:
        out = {edge["_to"]} if edge["_from"] == near and direction is not Direction.IN else set()
        return out | ({edge["_from"]} if edge["_to"] == near and direction is not Direction.OUT else set())

    def matches(self, record: Record, pattern: EntityPattern) -> bool:
        names = pattern.selector.names
        chosen = any(
            name == "*" or (name in record["_class"] if name[0].isupper() else name == record["_type"])
            for name in names
        )
        return (
            chosen
            and not record.get("_deleted")
            and (pattern.filter is None or self.holds(pattern.filter, lambda path: record.get(path.property)))
        )

    def where(self, trail: Trail) -> Callable[[Path], Any]:
        named = dict(trail.named)
        return lambda path: named.get(path.selector or "", {}).get(path.property)

    def holds(self, found: Filter, value: Callable[[Path], Any]) -> bool:
        if isinstance(found, And):
            return all(self.holds(item, value) for item in found.items)
        if isinstance(found, Or):
            return any(self.holds(item, value) for item in found.items)
        assert isinstance(found.left, Path)
        operator = found.op.value
        positive = self.item(value(found.left), Op(operator.lstrip("!") or "="), found.right, value)
        return not positive if operator.startswith("!") else positive

    def item(self, left: Any, op: Op, right: Any, value: Callable[[Path], Any]) -> bool:
        if isinstance(right, AnyOf):
            return any(self.item(left, op, inner, value) for inner in right.items)
        if isinstance(right, AllOf):
            return all(self.item(left, op, inner, value) for inner in right.items)
        if isinstance(right, Literal) and right.value is None:
            return left is None
        others = members(value(right)) if isinstance(right, Path) else [right.value]
        return any(pair(op, one, other) for one in members(left) for other in others)


def members(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def sort_of(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def pair(op: Op, one: Any, other: Any) -> bool:
    if sort_of(one) is not sort_of(other):
        return False
    text, truth = isinstance(one, str), isinstance(one, bool)
    match op:
        case Op.EQ:
            return bool(one == other)
        case Op.CONTAINS:
            return bool(other in one) if text else bool(one == other)
        case Op.STARTS:
            return text and bool(one.startswith(other))
        case Op.ENDS:
            return text and bool(one.endswith(other))
    return not truth and bool(
        {">": one > other, "<": one < other, ">=": one >= other, "<=": one <= other}[op.value]
    )


# ── random graphs and queries ─────────────────────────────────────────────────────────────────────────

Briefly = Callable[..., AbstractContextManager[DuckDBReader]]
IDS = [f"n{number}" for number in range(5)]
SCALARS = st.sampled_from(["a", "ab", "b", "", 1, 2.5, True, False])
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
PROPERTIES = st.dictionaries(st.sampled_from(["p", "P"]), VALUES)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    entities = {
        id_: {
            "_id": id_,
            "_key": id_,
            "_type": draw(st.sampled_from(["a", "b"])),
            "_class": draw(st.sampled_from([["A"], ["B"], ["A", "B"]])),
            **({"_deleted": True} if draw(st.integers(0, 7)) == 7 else {}),
            **draw(PROPERTIES),
        }
        for id_ in IDS[: draw(st.integers(2, 5))]
    }
    relationships = [
        {
            "_id": f"r{number}",
            "_class": draw(st.sampled_from(["V", "W", "w"])),
            "_type": "x",
            "_from": draw(st.sampled_from(IDS)),
            "_to": draw(st.sampled_from(IDS)),
            **({"_deleted": True} if draw(st.integers(0, 7)) == 7 else {}),
            **draw(PROPERTIES),
        }
        for number in range(draw(st.integers(0, 8)))
    ]
    return Graph(entities, relationships)


LITERALS = st.sampled_from(
    ["'a'", "'b'", "'ab'", "1", "2", "true", "undefined", "('a' OR 1)", "('a' AND 'b')"]
)


@st.composite
def comparisons(draw: st.DrawFn, left: str) -> str:
    literal = draw(LITERALS)
    operators = ["=", "!="]
    if literal.startswith("'"):
        operators += ["~=", "!~=", "^=", "$=", ">", "<="]
    if literal in ("1", "2"):
        operators += [">", "<", ">=", "<=", "~="]
    return f"{left} {draw(st.sampled_from(operators))} {literal}"


@st.composite
def filters(draw: st.DrawFn, lefts: Sequence[str]) -> str:
    parts = [draw(comparisons(draw(st.sampled_from(lefts)))) for _ in range(draw(st.integers(1, 2)))]
    return draw(st.sampled_from([" AND ", " OR "])).join(parts)


class Text:
    """Writes query texts, with an alias on everything that may have one."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.aliases: list[str] = []
        self.count = 0

    def entity(self, alias: str = "") -> str:
        names = self.draw(st.sampled_from(["A", "B", "a", "*", "(A|b)"]))
        filter_ = f" WITH {self.draw(filters(['p', 'P']))}" if self.draw(st.integers(0, 2)) == 2 else ""
        return f"{names}{filter_}{f' AS {alias}' if alias else ''}"

    def alias(self, letter: str) -> str:
        self.count += 1
        self.aliases.append(f"{letter}{self.count}")
        return self.aliases[-1]

    def hop(self, *, negated: bool = False) -> str:
        verbs = self.draw(st.sampled_from(["V", "W", "(V|W)", "RELATES TO"]))
        arrow = self.draw(st.sampled_from(["", "", " >>", " <<"]))
        if negated:
            return f"THAT !{verbs}{arrow} {self.entity()}"
        edge = self.alias("r")
        return f"THAT {verbs}{arrow} AS {edge} {self.entity(self.alias('e'))}"

    def steps(self, depth: int) -> str:
        found: list[str] = []
        for place in range(self.draw(st.integers(0 if depth == 0 else 1, 3 - depth))):
            kind = self.draw(st.integers(0, 5))
            if kind == 5 and depth < 2:
                inner = self.steps(depth + 1)
                name = f" AS {self.alias('x')}" if self.draw(st.booleans()) else ""
                found.append(f"({inner})?{name}")
            elif kind == 4 and (depth == 0 or place):
                after = ["", " THAT V B", " THAT !W A", " (THAT V >> *)? THAT RELATES TO a", " (THAT V *)?"]
                found.append(self.hop(negated=True) + self.draw(st.sampled_from(after)))
                break
            else:
                found.append(self.hop())
        return " ".join(found)


@st.composite
def queries(draw: st.DrawFn) -> str:
    text = Text(draw)
    steps = f"FIND {text.entity('a')} {text.steps(0)}"
    names = ["a", *text.aliases]
    where = (
        f" WHERE {draw(filters([f'{name}.{p}' for name in names for p in 'pP']))}"
        if draw(st.booleans())
        else ""
    )
    if where and draw(st.booleans()):
        where += f" OR {draw(st.sampled_from(names))}.p = {draw(st.sampled_from(names))}.P"
    returns = draw(
        st.sampled_from(["", " RETURN TREE", f" RETURN {', '.join(f'{name}._id' for name in names)}"])
    )
    return steps + where + returns


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), text=queries())
def test_the_same_answer(briefly: Briefly, graph: Graph, text: str) -> None:
    query = parse(text)
    with briefly(list(graph.entities.values()), graph.relationships) as reader:
        answer = ask(text, reader=reader, now=0, page_rows=None)
    trails = Interpreter(graph).trails(query)
    starts = {dict(trail.named)["a"]["_id"] for trail in trails}
    if query.returns is None:
        assert sorted(item["id"] for item in answer["data"]) == sorted(starts)
    elif isinstance(query.returns, tuple):
        rows = [
            {f"{name}._id": record["_id"] for name, record in dict(trail.named).items()} for trail in trails
        ]
        assert sorted(map(repr, map(sorted, map(dict.items, rows)))) == sorted(
            map(repr, map(sorted, map(dict.items, answer["data"])))
        )
    else:
        vertices = starts | {far for trail in trails for _, _, far in trail.hops}
        assert {item["id"] for item in answer["data"]["vertices"]} == vertices
        edges = {edge for trail in trails for _, edge, _ in trail.hops}
        assert {item["id"] for item in answer["data"]["edges"]} == edges
