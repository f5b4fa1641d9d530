"""docs/j1ql.md and docs/graph.md are true: their queries run on the example graph, their tables hold.

A `j1ql` block holds one query, which must find something; a `text` block right after it is what `secgraph
query` prints for it, `…` standing for anything. What is written `FIND …` in line or in a table runs as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from secgraph.adapters.local_graph import LocalGraph
from secgraph.adapters.relations.reader import DEFAULT, DuckDBReader
from secgraph.cli.beside import reader_of
from secgraph.cli.files import json_of
from secgraph.errors import QueryError
from secgraph.flows.ask import ask
from secgraph.flows.load import load
from secgraph.flows.pages import PAGE_BYTES, PAGE_ROWS
from secgraph.graph.loading import items_of
from secgraph.j1ql.grammar.clauses import MAX_COLUMNS
from secgraph.j1ql.grammar.parser import parse
from secgraph.j1ql.meaning.types import MAX_AGGREGATES
from secgraph.j1ql.moments import UNITS, epoch_ms
from secgraph.j1ql.nodes import START, Op
from secgraph.j1ql.results.render import render
from secgraph.j1ql.signatures import SIGNATURES
from secgraph.j1ql.sql.fulltext import MAX_WORDS
from secgraph.j1ql.text.cursor import MAX_BLOCKS, MAX_DEPTH, MAX_HOPS, MAX_SUBQUERIES
from secgraph.j1ql.text.lexer import MAX_TEXT
from secgraph.rules.fed import FED, FED_VERBS
from tests.docs.brought import changes

ROOT = Path(__file__).parent.parent.parent
TEXTS = {name: (ROOT / "docs" / name).read_text("utf-8") for name in ("j1ql.md", "graph.md")}
NOW = epoch_ms("2026-11-20T12:00Z", START)
"""The moment that the documents tell their readers to ask at."""
GRAMMARS = 1
"""Blocks of plain text that are no output."""


@dataclass(frozen=True)
class Example:
    where: str
    query: str
    output: str | None

    def __str__(self) -> str:
        return self.where


def _examples() -> Iterator[Example]:
    for name, text in TEXTS.items():
        for block in re.finditer(r"^```j1ql\n(.*?)\n```$(?:\n```text\n(.*?)\n```$)?", text, re.M | re.S):
            line = text[: block.start()].count("\n") + 2
            yield Example(f"docs/{name}:{line}", block[1], block[2])


def _tables() -> dict[str, list[list[str]]]:
    """Give the rows of every table by its header, `first | second | …`."""
    found: dict[str, list[list[str]]] = {}
    for table in re.finditer(r"^\|.*\n\| ?:?-.*\n(?:\|.*\n)+", "\n".join(TEXTS.values()), re.M):
        head, _, *rows = [_cells(line) for line in table[0].splitlines()]
        assert " | ".join(head) not in found, f"two tables have the header {head}"
        found[" | ".join(head)] = rows
    return found


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


EXAMPLES = list(_examples())
TABLES = _tables()
HABITS = TABLES["habit | you are told"]


def _inline() -> list[str]:
    """List what is written `FIND …` outside of blocks, the deliberate mistakes apart."""
    prose = re.sub(r"^```.*?^```$", "", "\n".join(TEXTS.values()), flags=re.M | re.S).replace("\\|", "|")
    mistakes = {code for row in HABITS for code in _code(row[0])}
    return sorted({code for code in _code(prose) if re.match("FIND [^U]", code)} - mistakes)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBReader]:
    file = tmp_path_factory.mktemp("estate") / "graph.duckdb"
    with LocalGraph.open(file) as graph:
        load(items_of(json_of(ROOT / "examples" / "estate.json"), now=NOW), writer=graph)
        yield reader_of(graph)


def test_the_document_has_examples_and_shows_results():
    assert len(EXAMPLES) == sum(text.count("```j1ql\n") for text in TEXTS.values()) > 25
    shown = [example for example in EXAMPLES if example.output is not None]
    assert len(shown) == sum(text.count("```text\n") for text in TEXTS.values()) - GRAMMARS > 12
    assert all("--now 2026-11-20T12:00Z" in text for text in TEXTS.values())


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_query_finds_something_and_prints_what_is_shown(example, estate):
    answer = ask(example.query, reader=estate, now=NOW)
    data = answer["data"]
    assert data["vertices"] if answer["type"] == "tree" else data
    if example.output is not None:
        printed = render(answer, "table").rstrip()
        pattern = ".*?".join(re.escape(part) for part in example.output.split("…"))
        assert re.fullmatch(pattern, printed, re.S), f"{example.where} prints\n{printed}"


@pytest.mark.parametrize("query", _inline())
def test_every_query_in_a_sentence_runs(query, estate):
    ask(query, reader=estate, now=NOW)


@pytest.mark.parametrize(("habit", "told"), HABITS)
def test_every_habit_is_answered_with_the_remedy(habit, told, estate):
    (query,) = _code(habit)
    with pytest.raises(QueryError) as refused:
        ask(query, reader=estate, now=NOW)
    assert told in (refused.value.suggestion, refused.value.message)


@pytest.mark.parametrize(("question", "note"), TABLES["question | note"])
def test_every_note_is_given_word_for_word(question, note, estate):
    (query,) = _code(question)
    assert ask(query, reader=estate, now=NOW)["messages"] == [note]


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_operators_are_all_there_and_their_examples_find_something(estate):
    rows = TABLES["operator | true if | example"]
    shown = {code.split(" ")[0] for operator, _, _ in rows for code in _code(operator)}
    assert shown == {operator.value for operator in Op}
    for _, _, example in rows:
        for test in _code(example):
            assert ask(f"FIND * WITH {test}", reader=estate, now=NOW)["data"], test


def test_what_is_said_of_missing_values_is_so(tmp_path):
    head = next(head for head in TABLES if head.startswith("`tag.Production` is"))
    tests = [code for cell in head.split(" | ")[1:] for code in _code(cell)]
    held = {"true": True, "false": False, "missing": None, "the text 'yes'": "yes"}
    rows = TABLES[head]
    assert [row[0] for row in rows] == list(held)
    document = {
        "entities": [
            {"_id": name, "_type": "thing", "_class": "Host", "tag.Production": value}
            for name, value in held.items()
        ]
    }
    with LocalGraph.open(tmp_path / "graph.duckdb") as graph:
        load(items_of(document, now=NOW), writer=graph)
        reader = reader_of(graph)
        for number, test in enumerate(tests, 1):
            answer = ask(f"FIND Host WITH tag.Production {test}", reader=reader, now=NOW)
            said = {row[0] for row in rows if row[number] == "yes"}
            assert {found["id"] for found in answer["data"]} == said, test


def test_the_steps_run(estate):
    for step, _ in TABLES["step | goes"]:
        (text,) = _code(step)
        ask(f"FIND * WITH _class != 'Service' {text}", reader=estate, now=NOW)


def test_the_selectors_find_something(estate):
    for selector, _ in TABLES["after FIND or a verb | matches"]:
        (text,) = _code(selector)
        assert ask(f"FIND {text}", reader=estate, now=NOW)["data"], text


def test_the_columns_run(estate):
    columns = [_code(row[0]) for row in TABLES["column | holds"]]
    for (column,) in columns:
        ask(f"FIND Host AS i THAT HAS Finding AS f RETURN {column}", reader=estate, now=NOW)


def test_the_functions_are_those_of_the_language():
    shown = [re.match(r"\w+", code) for row in TABLES["function | gives"] for code in _code(row[0])]
    assert {name[0] for name in shown if name} == set(SIGNATURES)


def test_the_units_are_those_of_the_language():
    (line,) = re.findall("^Units: .*$", TEXTS["j1ql.md"], re.M)
    assert {spelling: code.split()[0] for code in _code(line) for spelling in code.split()} == UNITS


def test_the_moments_are_read(estate):
    for written, _ in TABLES["written | means"]:
        (moment,) = _code(written)
        ask(f"FIND Finding WITH lastSeenOn < {moment}", reader=estate, now=NOW)


def test_the_types_and_verbs_are_those_that_come_in():
    classes = defaultdict(set)
    for type_, named in FED.items():
        for name in named:
            classes[name].add(type_)
    assert {name: set(_code(types)) for name, types in TABLES["class | types"]} == classes
    assert {verb for verb, _ in TABLES["verb | connects"]} == FED_VERBS


def test_the_properties_are_some_that_come_in():
    known = {name for change in changes() for name in change.observation.properties}
    for names, _, _ in TABLES["property | of | holds"]:
        own = {name for name in _code(names) if not name.startswith(("tag.", "_"))}
        assert own <= known | {"owner"}, names


def test_the_error_codes_are_those_that_there_are():
    documented = set(re.findall(r"\b[A-Z]{3,}\b", QueryError.__doc__ or "")) - {"UNSUPPORTED"}
    shown = {code for code, _ in TABLES["code | what is wrong"]}
    assert shown == {code for code in documented if code != "J1QL"}


def test_the_limits_are_those_that_hold():
    limits = dict(TABLES["limit | is"])
    page = f"{PAGE_BYTES // 2**20} MB"
    assert limits["a page"] == f"{PAGE_ROWS} rows, {page}"
    assert limits["a tree"] == f"{PAGE_ROWS} entities, {page}"
    assert limits["running time"] == (
        f"{DEFAULT.seconds:g} seconds, and {DEFAULT.counting:g} more to find the step that made it so long"
    )
    assert limits["query text"] == (
        f"{MAX_TEXT:,} characters, {MAX_HOPS} steps, {MAX_BLOCKS} optional blocks, {MAX_SUBQUERIES} "
        f"subqueries, {MAX_DEPTH} levels of nesting, {MAX_COLUMNS} columns, {MAX_AGGREGATES} aggregates, "
        f"{MAX_WORDS} words of a search"
    )


@pytest.mark.parametrize("name", TEXTS)
def test_the_way_around_a_document_leads_somewhere(name):
    headings = re.findall(r"^## (.+)$", TEXTS[name], re.M)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXTS[name])) <= anchors


def test_the_language_is_listed_at_the_top():
    headings = re.findall(r"^## (.+)$", TEXTS["j1ql.md"], re.M)
    top = TEXTS["j1ql.md"].partition("\n## ")[0]
    assert len(re.findall(r"\]\(#", top)) >= len(headings)


def test_every_example_reads_the_same_in_canonical_form():
    for example in EXAMPLES:
        assert parse(str(parse(example.query))) == parse(example.query)
