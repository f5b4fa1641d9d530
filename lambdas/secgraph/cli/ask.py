"""`secgraph query`, `parse` and `explain`: J1QL text → answers on the terminal."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from secgraph.cli import clock
from secgraph.cli.beside import asking
from secgraph.cli.files import text_of
from secgraph.cli.given import (
    add_fill,
    add_server,
    add_values,
    parameters_of,
    placeholders_of,
    server_of,
)
from secgraph.cli.status import doubts
from secgraph.errors import InputError, QueryError
from secgraph.flows.ask import ask, explain
from secgraph.flows.status import status
from secgraph.graph.ports import GraphReader
from secgraph.j1ql.grammar.parser import parse_filled
from secgraph.j1ql.holes.placeholders import filled
from secgraph.j1ql.results.render import render
from secgraph.j1ql.server.parameters import Parameters
from secgraph.j1ql.server.settings import Server
from secgraph.j1ql.text.caret import error_object, render_error
from secgraph.j1ql.text.terminal import plain

_CASE: Final = {
    "query": str,
    "now": int,
    "parameters": dict,
    "placeholders": dict,
    "includeDeleted": bool,
    "rowMetadata": bool,
}


def register(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    query = commands.add_parser("query", parents=[shared], help="answer a J1QL query")
    query.add_argument("text", nargs="?", metavar="TEXT")
    query.add_argument("--file", type=Path, metavar="CASES.jsonl", help="one query a line, one result a line")
    query.add_argument("--format", choices=("table", "json", "csv", "tree"), default="table")
    query.add_argument("--now", metavar="ISO", help="the moment that date.now means (default: now)")
    add_values(query)
    add_server(query)
    query.add_argument("--include-deleted", action="store_true")
    query.add_argument("--cursor", metavar="CURSOR", help="the page after the one that printed this cursor")
    query.set_defaults(run=_query)
    parsing = commands.add_parser("parse", parents=[shared], help="print a query in canonical form")
    parsing.add_argument("text", metavar="TEXT")
    add_fill(parsing)
    parsing.set_defaults(run=_parse)
    explaining = commands.add_parser("explain", parents=[shared], help="print a query's plan and SQL")
    explaining.add_argument("text", metavar="TEXT")
    add_values(explaining)
    add_server(explaining)
    explaining.set_defaults(run=_explain)


def _query(arguments: argparse.Namespace) -> int:
    if (arguments.text is None) == (arguments.file is None):
        raise InputError("query: give either a query TEXT or --file CASES.jsonl")
    if arguments.file is not None:
        return _cases(arguments)
    parameters, placeholders = parameters_of(arguments), placeholders_of(arguments)
    server = server_of(arguments)
    moment = clock.now(arguments.now)
    with asking(arguments.graph) as reader:
        try:
            response = ask(
                arguments.text,
                reader=reader,
                now=moment,
                parameters=parameters,
                placeholders=placeholders,
                server=server,
                include_deleted=arguments.include_deleted,
                cursor=arguments.cursor,
            )
        except QueryError as error:
            return _refused(error, arguments.text)
        known = status(reader, now=clock.now())
    if arguments.format == "json":
        response["complete"] = known.complete()
    print(render(response, arguments.format).rstrip("\n"))
    if arguments.format != "json" and known.has_ledger and known.incomplete:
        print(plain(f"note: {doubts(known)}"), file=sys.stderr)
    if arguments.format == "csv":  # the other forms show them themselves
        for message in response.get("messages", ()):
            print(f"note: {message}", file=sys.stderr)
    return 0


def _cases(arguments: argparse.Namespace) -> int:
    # Not splitlines: JSON texts may hold U+2028 and its like as they are.
    lines = text_of(arguments.file).split("\n")
    if arguments.fill:
        raise InputError(
            '--fill: with --file, placeholders stand in the file: {"query": …, "placeholders": …}'
        )
    parameters, server = parameters_of(arguments), server_of(arguments)
    with asking(arguments.graph) as reader:
        for number, line in enumerate(lines, 1):
            if line.strip():
                case = _case(f"{arguments.file}:{number}", line)
                print(json.dumps(_result(case, reader, parameters, server), ensure_ascii=False))
    return 0


def _result(
    case: dict[str, Any], reader: GraphReader, parameters: Parameters, server: Server
) -> dict[str, Any]:
    """Answer one case of a file; its own parameters go before those of the command line."""
    try:
        return ask(
            case["query"],
            reader=reader,
            now=case.get("now", clock.now()),
            parameters={**parameters, **case.get("parameters", {})},
            placeholders=case.get("placeholders", {}),
            server=server,
            include_deleted=case.get("includeDeleted", False),
            row_metadata=case.get("rowMetadata", False),
        )
    except QueryError as error:
        return {"error": error_object(error, case["query"])}


def _case(where: str, line: str) -> dict[str, Any]:
    try:
        case = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(case, dict) or "query" not in case:
        raise InputError(f'{where}: expected {{"query": …}}')
    for name, value in case.items():
        if name not in _CASE:
            raise InputError(f"{where}: {name}: unknown field; a case may have {', '.join(_CASE)}")
        if not isinstance(value, _CASE[name]):
            raise InputError(f"{where}: {name}: expected a JSON {_CASE[name].__name__}")
    return case


def _parse(arguments: argparse.Namespace) -> int:
    try:
        question = filled(arguments.text, placeholders_of(arguments))
        with question.placed():
            print(parse_filled(question.text))
    except QueryError as error:
        return _refused(error, arguments.text)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    parameters, placeholders = parameters_of(arguments), placeholders_of(arguments)
    server = server_of(arguments)
    with asking(arguments.graph) as reader:
        try:
            plan = explain(
                arguments.text,
                reader=reader,
                now=clock.now(),
                parameters=parameters,
                placeholders=placeholders,
                server=server,
            )
        except QueryError as error:
            return _refused(error, arguments.text)
    print(plan)
    return 0


def _refused(error: QueryError, text: str) -> int:
    print(render_error(error, text), file=sys.stderr)
    return 2
