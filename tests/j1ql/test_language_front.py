"""The language up to the checked tree: the project's conformance cases and the case files beside this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secgraph.errors import Position, QueryError
from secgraph.graph.relations import Catalogue
from secgraph.j1ql import parse
from secgraph.j1ql.grammar.clauses import MAX_COLUMNS
from secgraph.j1ql.meaning.names import check
from secgraph.j1ql.meaning.types import MAX_AGGREGATES
from secgraph.j1ql.moments import epoch_ms, resolve
from secgraph.j1ql.nodes import Comparison, Moment, Parameter, Query
from secgraph.j1ql.printing import column_name
from secgraph.j1ql.text.cursor import MAX_BLOCKS, MAX_DEPTH, MAX_HOPS
from secgraph.j1ql.text.lexer import MAX_TEXT
from secgraph.j1ql.warnings.checks import warnings_of

HERE = Path(__file__).parent
CONFORMANCE: dict[str, Any] = json.loads((HERE / "conformance.json").read_text())


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text().splitlines()]


def ids(case: dict[str, Any]) -> str:
    return str(case.get("id") or case.get("query") or case.get("text") or case.get("moment"))


def refused(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        check(parse(text))
    return caught.value


@pytest.mark.parametrize("case", CONFORMANCE["examples"], ids=ids)
def test_every_example_parses_checks_and_prints_back(case: dict[str, Any]) -> None:
    query = parse(case["query"])
    assert check(query).query is query
    assert parse(str(query)) == query


@pytest.mark.parametrize("case", [it for it in CONFORMANCE["errors"] if it["id"] != "X23"], ids=ids)
def test_every_error_stands_where_it_should(case: dict[str, Any]) -> None:
    error = refused(case["query"])
    assert (error.code, error.at.line, error.at.column) == (case["code"], case["line"], case["column"])
    (words,) = [it for it in lines("errors.jsonl") if it["id"] == case["id"]]
    assert (error.expected, error.suggestion) == (words["expected"], words["suggestion"])


def test_an_undefined_parameter_is_left_to_the_stage_that_knows_values() -> None:
    (case,) = [it for it in CONFORMANCE["errors"] if it["id"] == "X23"]
    found = check(parse(case["query"])).query.start.filter
    assert isinstance(found, Comparison)
    assert found.right == Parameter("param.nope")
    assert isinstance(found.right, Parameter)
    assert found.right.at == Position(case["line"], case["column"], len("${param.nope}"))


@pytest.mark.parametrize("case", lines("advice.jsonl"), ids=ids)
def test_advice(case: dict[str, Any]) -> None:
    error = refused(case["query"])
    assert (error.code, error.at.line, error.at.column) == (case["code"], 1, case["column"]), str(error)
    assert error.suggestion == case.get("suggestion", error.suggestion)
    assert error.expected == case.get("expected", error.expected)
    assert case.get("message", "") in error.message


@pytest.mark.parametrize("case", lines("canonical.jsonl"), ids=ids)
def test_canonical_text(case: dict[str, Any]) -> None:
    query = parse(case["text"])
    assert str(query) == case["canonical"]
    assert parse(case["canonical"]) == query


@pytest.mark.parametrize("case", lines("scopes.jsonl"), ids=ids)
def test_scope(case: dict[str, Any]) -> None:
    checked = check(parse(case["query"]))
    found = {name: f"{target.what.value} {target.number}" for name, target in checked.scope.items()}
    assert found == case["scope"]
    assert len(warnings_of(checked, Catalogue(), now=0)) == case.get("warnings", 0)
    assert set(checked.bound) <= set(checked.scope)


def moment_of(text: str) -> Moment:
    found = parse(f"FIND A WITH x > {text}").start.filter
    assert isinstance(found, Comparison)
    assert isinstance(found.right, Moment)
    return found.right


@pytest.mark.parametrize("case", lines("moments.jsonl"), ids=ids)
def test_moment(case: dict[str, Any]) -> None:
    moment = moment_of(case["moment"])
    now = epoch_ms(case["now"], Position(1, 1))
    if "error" in case:
        with pytest.raises(QueryError) as caught:
            resolve(moment, now)
        assert (caught.value.code, caught.value.at.column) == (case["error"], 17)
    else:
        assert resolve(moment, now) == epoch_ms(case["is"], Position(1, 1))


def test_moments_are_epoch_milliseconds() -> None:
    assert resolve(moment_of("date(2025-01-01)"), 0) == CONFORMANCE["now"]
    assert resolve(moment_of("date.now - 1 day"), CONFORMANCE["now"]) == 1735603200000


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ("a.[x-y]", "a.x-y"),
        ("a.x AS 'n m'", "n m"),
        ("a", "a"),
        ("a.*", "a."),
        ("Count( a )", "count(a)"),
        ("count(*)", "count(*)"),
        ("COALESCE(a.[x-y],'b',a.z)", "coalesce(a.x-y, 'b', a.z)"),
        ("a.size*0.02", "a.size * 0.02"),
        ("(1-count(a)/count(b))*100", "(1 - count(a) / count(b)) * 100"),
    ],
)
def test_column_names(item: str, name: str) -> None:
    returns = parse(f"FIND A AS a THAT HAS B AS b RETURN {item}").returns
    assert isinstance(returns, tuple)
    assert column_name(returns[0]) == name


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────────


def nested(open_: str, core: str, close: str, count: int) -> str:
    return open_ * count + core + close * count


DEEP = {
    "groups": lambda n: f"FIND A WITH {nested('(', 'x = 1', ')', n)}",
    "lists": lambda n: f"FIND A WITH x = {nested('(', '1', ')', n)}",
    "mixed lists": lambda n: f"FIND A WITH x = {nested('(1 OR (2 AND ', '3', '))', n // 2)}",
    "subqueries": lambda n: (
        f"FIND A WITH x = {nested('(FIND A WITH x = ', '1', ' AS a RETURN a.x)', n // 5)}"
    ),
    "blocks": lambda n: f"FIND A {nested('(THAT HAS B ', '', ')?', n)}",
    "bare blocks": lambda n: f"FIND A {nested('(', 'THAT HAS B', ')?', n)}",
    "brackets": lambda n: f"FIND A AS a RETURN {nested('(', 'a.x', ')', n)}",
    "calls": lambda n: f"FIND A AS a RETURN {nested('abs(', 'a.x', ')', n)}",
    "minuses": lambda n: f"FIND A AS a RETURN {nested('-', 'a.x', '', n)}",
    "powers": lambda n: f"FIND A AS a RETURN {nested('2^', 'a.x', '', n)}",
    "sums": lambda n: f"FIND A AS a RETURN {nested('a.x+', 'a.x', '', n)}",
    "having": lambda n: f"FIND A AS a RETURN a.x AS n HAVING {nested('(', 'n = 1', ')', n)}",
}


@pytest.mark.parametrize("shape", DEEP)
def test_nesting_is_bounded_before_the_stack_is(shape: str) -> None:
    fits = parse(DEEP[shape](MAX_BLOCKS if "blocks" in shape else MAX_DEPTH))
    assert parse(str(fits)) == fits
    check(fits)
    for depth in (MAX_DEPTH + 5, 5000):
        error = refused(DEEP[shape](depth)[:MAX_TEXT])
        assert error.code == "LIMITS"


def test_hops_are_bounded() -> None:
    assert len(parse("FIND A" + " THAT HAS B" * MAX_HOPS).steps) == MAX_HOPS
    error = refused("FIND A" + " THAT HAS B" * (MAX_HOPS + 1))
    assert (error.code, error.at.column) == ("LIMITS", 8 + 11 * MAX_HOPS)


def test_text_is_bounded() -> None:
    text = "FIND A".ljust(MAX_TEXT)
    assert parse(text) == Query(parse("FIND A").start)
    assert refused(text + " ").code == "LIMITS"


def test_wide_filters_are_no_nesting() -> None:
    found = parse("FIND A WITH " + " OR ".join(["x = 1"] * 5000)).start.filter
    assert found is not None
    assert str(found).count("x = 1") == 5000


@pytest.mark.parametrize(
    ("written", "most"),
    [
        ("RETURN {}", MAX_COLUMNS),
        ("ORDER BY {}", MAX_COLUMNS),
    ],
)
def test_columns_and_keys_are_counted(written: str, most: int) -> None:
    parse("FIND User AS u " + written.format(", ".join(["u.name"] * most)))
    assert refused("FIND User AS u " + written.format(", ".join(["u.name"] * (most + 1)))).code == "LIMITS"


def test_aggregates_are_counted() -> None:
    sums = [f"sum(u.a + {number}) + max(u.b)" for number in range(MAX_AGGREGATES // 2)]
    check(parse(f"FIND User AS u RETURN {', '.join(sums)}"))
    with pytest.raises(QueryError) as caught:
        check(parse(f"FIND User AS u RETURN {', '.join(sums)}, count(u)"))
    assert caught.value.code == "LIMITS"
