"""Laws of the language: two questions whose answers must stand to each other in a known way.

None of them says what an answer is, so none can be wrong in the way in which an interpreter can.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings

from secgraph.adapters.relations.reader import DuckDBReader
from secgraph.flows.ask import ask
from secgraph.j1ql import parse
from tests.j1ql.fragments import SELECTORS, TURNED, Fragments, Hop, Test, seeded, text
from tests.j1ql.readers import in_memory
from tests.j1ql.strategies.choices import BYTES, Choices
from tests.j1ql.strategies.graphs import NOW, Graph
from tests.j1ql.strategies.literals import PARAMETERS
from tests.j1ql.strategies.queries import Writer

Rows = Counter[tuple[str | None, ...]]
GRAPHS = 5
EXAMPLES = int(os.environ.get("SECGRAPH_EXAMPLES", "30"))


@dataclass(frozen=True)
class Place:
    """A graph and its reader."""

    graph: Graph
    reader: DuckDBReader

    def ask(self, query: str, **options: Any) -> dict[str, Any]:
        """The answer; whole, if no page is asked for."""
        note(query)
        options.setdefault("page_rows", None)
        return ask(query, reader=self.reader, now=NOW, parameters=PARAMETERS, **options)

    def rows(self, query: str, names: Sequence[str], where: str = "", **options: Any) -> Rows:
        """The paths of a query, each the ids of the records with these names, None where there is none."""
        columns = ", ".join(f"{name}._id AS {name}" for name in names)
        table = self.ask(text("FIND", query, where and f"WHERE {where}", "RETURN", columns), **options)
        return Counter(tuple(row.get(name) for name in names) for row in table["data"])

    def ids(self, query: str, **options: Any) -> set[str]:
        """The ids of a list."""
        return {item["id"] for item in self.ask(f"FIND {query}", **options)["data"]}


@dataclass(frozen=True)
class World:
    """What one example draws from."""

    place: Place
    parts: Fragments
    choices: Choices

    def pattern(self, least: int, most: int) -> tuple[str, list[str]]:
        """An entity with some hops, and the names of all its records."""
        entity, hops = self.parts.entity(), self.parts.hops(least, most)
        return text(entity, *hops), [entity.name, *(name for hop in hops for name in hop.names)]


Worlds = Callable[[bytes], World]


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    """Graphs are stored once: that takes ten times as long as to ask one."""
    with ExitStack() as stack:
        places = []
        for seed in range(GRAPHS):
            graph = seeded(seed)
            reader = stack.enter_context(in_memory(graph.entities, graph.relationships))
            places.append(Place(graph, reader))

        def of(drawn: bytes) -> World:
            choices = Choices(drawn)
            place = choices.among(places)
            return World(place, Fragments(choices, place.graph), choices)

        yield of


def law(hold: Callable[[World], None]) -> Callable[[Worlds, int], None]:
    """Try a law on a few random questions, or, when there is time, on many."""

    @pytest.mark.parametrize("examples", [4, pytest.param(EXAMPLES, marks=pytest.mark.thorough, id="many")])
    def tried(worlds: Worlds, examples: int) -> None:
        def once(drawn: bytes) -> None:
            hold(worlds(drawn))

        once.__name__ = hold.__name__  # by which Hypothesis remembers what failed
        settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))(
            given(BYTES)(once)
        )()

    return tried


# ── filters ───────────────────────────────────────────────────────────────────────────────────────────


@law
def test_and_never_grows_an_answer_and_or_never_shrinks_it(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    one, other = it.parts.test(names, joins=True), it.parts.test(names, joins=True)
    rows = partial(it.place.rows, pattern, names)
    alone = rows(str(one))
    assert rows(f"{one} AND {other}") <= alone <= rows(f"{other} OR {one}")
    assert rows(f"{one} AND {other}") + rows(f"{other} OR {one}") == alone + rows(str(other))


@law
def test_de_morgan(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    one, other = (it.parts.test(names, opposable=True, joins=True) for _ in range(2))
    rows = partial(it.place.rows, pattern, names)
    assert rows(f"{one} OR {other}") + rows(f"{~one} AND {~other}") == rows()
    assert rows(f"{one} AND {other}") + rows(f"{~one} OR {~other}") == rows()


@law
def test_a_comparison_and_its_negation_part_the_entities(it: World) -> None:
    test = it.parts.test(opposable=True)
    selector = it.choices.among(SELECTORS)
    ids = partial(it.place.ids, include_deleted=test.property == "_deleted")  # who names it sees what is
    held, others = (ids(f"{selector} WITH {each}") for each in (test, ~test))
    assert held | others == ids(selector)
    assert not held & others


@law
def test_a_list_of_values_stands_for_as_many_comparisons(it: World) -> None:
    test = it.parts.test(opposable=True)
    a, b, c = (it.parts.value(kind, test.property) for kind in ("text", "number", "boolean"))
    listed = Test("", test.property, "=", f"({a} OR {b} AND {c})")
    single = {value: Test("", test.property, "=", value) for value in (a, b, c)}
    assert it.place.ids(f"* WITH {listed}") == it.place.ids(
        f"* WITH {single[a]} OR {single[b]} AND {single[c]}"
    )
    assert it.place.ids(f"* WITH {~listed}") == it.place.ids(
        f"* WITH {~single[a]} AND ({~single[b]} OR {~single[c]})"
    )


@law
def test_on_a_positive_hop_with_and_where_are_one(it: World) -> None:
    pattern, names = it.pattern(0, 1)
    hop, test = it.parts.hop(), it.parts.test()
    start, target = text(pattern, f"THAT {hop.verbs}{hop.arrow} AS {hop.name}"), hop.target
    within = text(start, target.selector, f"WITH {test} AS {target.name}")
    outside = text(start, target.selector, f"AS {target.name}")
    names += hop.names
    where = str(Test(target.name, test.property, test.operator, test.right))
    rows = partial(it.place.rows, names=names, include_deleted=test.property == "_deleted")
    assert rows(within) == rows(outside, where=where)


# ── steps ─────────────────────────────────────────────────────────────────────────────────────────────


@law
def test_a_block_at_the_end_loses_nothing(it: World) -> None:
    pattern, names = it.pattern(0, 1)
    hops = it.parts.hops(1, 2)
    inside = [name for hop in hops for name in hop.names]
    block = f"({text(*hops)})?"
    through = it.place.rows(text(pattern, *hops), [*names, *inside])
    found = it.place.rows(text(pattern, block), [*names, *inside])
    assert through <= found
    before = it.place.rows(pattern, names)
    assert {row[: len(names)] for row in found} == set(before)
    assert len(found) == len(through) + len(set(before) - {row[: len(names)] for row in through})
    assert it.place.ids(text(pattern, block)) == it.place.ids(pattern)


@law
def test_a_block_before_a_step_is_both_ways_together(it: World) -> None:
    pattern, names = it.pattern(0, 1)
    block, after = it.parts.hop(), it.parts.hop()
    names += [*block.names, *after.names]
    around = it.place.rows(text(pattern, after), [name for name in names if name not in block.names])
    place = names.index(block.name)
    skipped = Counter({(*row[:place], None, None, *row[place:]): count for row, count in around.items()})
    through = it.place.rows(text(pattern, block, after), names)
    assert it.place.rows(text(pattern, f"({block})?", after), names) == skipped + through


@law
def test_a_step_and_its_negation_part_the_paths(it: World) -> None:
    pattern, names = it.pattern(0, 1)
    hop, tail = it.parts.hop(), it.parts.hops(0, 1)
    leads_on = it.place.rows(text(pattern, hop, *tail), names)
    does_not = it.place.rows(text(pattern, hop.negated(), *tail), names)
    assert set(leads_on) | set(does_not) == set(it.place.rows(pattern, names))
    assert not set(leads_on) & set(does_not)


@law
def test_a_chain_of_steps_read_from_the_other_end(it: World) -> None:
    start, hops = it.parts.entity(), it.parts.hops(1, 3)
    entities = [start, *(hop.target for hop in hops)]
    back = [
        Hop(hop.verbs, TURNED[hop.arrow], hop.name, entity)
        for hop, entity in zip(reversed(hops), reversed(entities[:-1]), strict=True)
    ]
    names = [entity.name for entity in entities] + [hop.name for hop in hops]
    there = it.place.rows(text(start, *hops), names)
    assert there == it.place.rows(text(entities[-1], *back), names)


@law
def test_a_union_is_what_its_members_find(it: World) -> None:
    hop = it.parts.hop()
    one, other = (it.choices.of("A", "B", "a", "b", "C", "Zebra") for _ in range(2))
    names = ["start", *hop.names]
    both, first, second = (
        it.place.rows(f"{selector} AS start {hop}", names) for selector in (f"({one}|{other})", one, other)
    )
    assert set(both) == set(first) | set(second)
    assert both == Counter(set(both)), "a path is found once, however many members match"
    verbs, v, w = (
        it.place.rows(f"* AS start THAT {verbs} AS r * AS far", ["start", "r", "far"])
        for verbs in ("(V|has)", "v", "HAS")
    )
    assert verbs == v + w


@law
def test_what_is_deleted_only_adds(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    where = str(it.parts.test(names, joins=True)) if it.choices.chance(5) else ""
    rows = partial(it.place.rows, pattern, names, where)
    assert rows() <= rows(include_deleted=True)


# ── results ───────────────────────────────────────────────────────────────────────────────────────────


@law
def test_list_and_tree_hold_the_records_of_all_paths(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    where = str(it.parts.test(names, joins=True))
    rows = it.place.rows(pattern, names, where)
    tree = it.place.ask(f"FIND {pattern} WHERE {where} RETURN TREE")["data"]
    assert it.place.ids(f"{pattern} WHERE {where}") == {row[0] for row in rows}
    for part, letter in (("vertices", "e"), ("edges", "r")):
        wanted = {id_ for row in rows for id_, name in zip(row, names, strict=True) if name[0] == letter}
        assert Counter(item["id"] for item in tree[part]) == Counter(wanted)


@law
def test_unique_is_each_row_once(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    columns = f"RETURN {it.parts.path(names)} AS x, {it.parts.path(names)} AS y"
    rows = Counter(map(repr, it.place.ask(f"FIND {pattern} {columns}")["data"]))
    unique = Counter(map(repr, it.place.ask(f"FIND UNIQUE {pattern} {columns}")["data"]))
    assert unique == Counter(set(rows))
    groups = it.place.ask(f"FIND {pattern} {columns}, count(*) AS n")["data"]
    assert Counter({repr({k: v for k, v in row.items() if k != "n"}): row["n"] for row in groups}) == rows


@law
def test_having_parts_the_rows(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    first = it.parts.path(names)
    name, _, _ = first.partition(".")
    grouped = it.choices.of("", ", count(*) AS n")
    test = it.parts.test([name], opposable=True)
    having = Test("", "x", test.operator, test.right)
    rows = [
        Counter(map(repr, it.place.ask(f"FIND {pattern} RETURN {first} AS x{grouped}{clause}")["data"]))
        for clause in ("", f" HAVING {having}", f" HAVING {~having}")
    ]
    assert rows[1] + rows[2] == rows[0]


@law
def test_limits_skips_and_pages_cut_one_and_the_same_answer(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    columns = it.choices.of(
        "", f" RETURN {it.parts.path(names)}, {names[-1]}", f" RETURN {names[0]}._id, count(*)"
    )
    keys = [f"{names[0]}._id"] if "count" in columns else [it.parts.path(names) for _ in range(2)]
    order = it.choices.of("", f" ORDER BY {', '.join(keys)}", f" ORDER BY {keys[0]} DESC")
    query = f"FIND {pattern}{columns}{order}"
    whole = it.place.ask(query)["data"]
    skip, limit = it.choices.count(0, 6), it.choices.count(1, 6)
    assert it.place.ask(f"{query} LIMIT {limit}")["data"] == whole[:limit]
    assert it.place.ask(f"{query} SKIP {skip} LIMIT {limit}")["data"] == whole[skip : skip + limit]
    pages: list[list[Any]] = []
    cursor = None
    while cursor or not pages:
        page = it.place.ask(query, page_rows=limit, cursor=cursor)
        pages.append(page["data"])
        cursor = page.get("cursor")
    assert [row for page in pages for row in page] == whole
    assert all(len(page) == limit for page in pages[:-1])


@law
def test_a_tree_grows_with_its_limit_to_the_whole(it: World) -> None:
    pattern, names = it.pattern(0, 2)
    order = it.choices.of(
        f" ORDER BY {names[0]}._id", f" ORDER BY {it.parts.path(names)}, {names[0]}._id DESC"
    )
    starts = [item["id"] for item in it.place.ask(f"FIND {pattern}{order}")["data"]]
    limit = it.choices.count(1, 4)
    tree = it.place.ask(f"FIND {pattern} RETURN TREE{order} LIMIT {limit}")["data"]
    shown = "(" + " OR ".join(f"'{id_}'" for id_ in starts[:limit]) + ")" if starts else "undefined"
    kept = it.place.ask(f"FIND {pattern} WHERE {names[0]}._id = {shown} RETURN TREE")["data"]
    for part in ("vertices", "edges"):
        assert {item["id"] for item in tree[part]} == {item["id"] for item in kept[part]}


@law
def test_the_canonical_text_asks_the_same(it: World) -> None:
    query = Writer(it.choices, it.place.graph).query()
    assert it.place.ask(str(parse(query))) == it.place.ask(query), query
