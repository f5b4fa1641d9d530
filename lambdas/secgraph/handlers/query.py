"""One J1QL question → its answer, or an error that a person can read in the console.

Trigger: a direct invocation. Flows: flows.ask, flows.fresh. Writes: nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from secgraph.errors import InputError, Position, QueryError, SecgraphError
from secgraph.flows.ask import ask
from secgraph.flows.fresh import fresh
from secgraph.flows.pages import PAGE_ROWS
from secgraph.handlers import runtime, status_runtime
from secgraph.j1ql.moments import iso
from secgraph.j1ql.results.render import render
from secgraph.j1ql.text.caret import error_object

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from secgraph.adapters.image.reader import ImageReader

ANSWER_BYTES: Final = 6_000_000
"""Lambda returns up to 6 MiB. A page is measured as JSON; as table or CSV, escaped, it can be far larger."""
_FIELDS: Final[dict[str, tuple[type, str]]] = {
    "query": (str, "a J1QL text"),
    "parameters": (dict, "an object of names and values"),
    "placeholders": (dict, "an object of names and texts, numbers or booleans"),
    "includeDeleted": (bool, "true or false"),
    "rowMetadata": (bool, "true or false"),
    "cursor": (str, "the cursor of an earlier answer"),
    "format": (str, "json, table or csv"),
    "fresh": (bool, "true or false"),
}
_FORMATS: Final = ("json", "table", "csv")


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer an event with the fields of `_FIELDS`; only `query` must be there.

    The answer is the response shape, with format table or csv `{"type", "text", "cursor"?, …}`, and beside it
    `image`, what it was read from, and `complete`, as of when nothing is missing in it (flows/status.py); or
    `{"error": {code, message, line, column, expected, suggestion, caret}}`.
    """
    text = event.get("query") if isinstance(event, dict) else ""
    try:
        return _answer(_checked(event))
    except QueryError as error:
        return {"error": error_object(error, str(text or ""))}
    except InputError as error:
        return {"error": {"code": "INPUT", "message": str(error)}}
    except SecgraphError as error:
        runtime.logger.exception("the graph could not be asked")
        return {"error": {"code": "STORE", "message": str(error)}}


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    """Answer with a page that Lambda can return: fewer rows where the text of 250 would be too large."""
    now, rows = runtime.now(), PAGE_ROWS
    reader = runtime.image(now)
    added = _brought_up_to_date(reader, now) if event.get("fresh", False) else {}
    complete = status_runtime.status_of(reader, now).complete()
    while True:
        response = ask(
            event["query"],
            reader=reader,
            now=now,
            parameters=event.get("parameters", {}),
            placeholders=event.get("placeholders", {}),
            server=runtime.server(now, secrets=False),
            include_deleted=event.get("includeDeleted", False),
            row_metadata=event.get("rowMetadata", False),
            cursor=event.get("cursor"),
            page_rows=rows,
        )
        image = runtime.read_from(reader) | added
        answer = _in_format({**response, "image": image, "complete": complete}, event.get("format", "json"))
        if len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass")) <= ANSWER_BYTES:
            return answer
        if response["type"] == "tree" or rows == 1:
            raise QueryError(
                "LIMITS",
                f"The answer is larger than the {ANSWER_BYTES:,} bytes that a function may return.",
                Position(1, 1, 0),
                expected="a smaller result",
                suggestion="add LIMIT, or return fewer properties",
            )
        rows = max(1, min(rows, len(response["data"])) // 2)


def _brought_up_to_date(reader: ImageReader, now: int) -> dict[str, object]:
    """Lay what the table's stream has not delivered yet over the image; say how far that goes."""
    found = fresh(
        archive=runtime.archive(),
        graph=runtime.graph(),
        now=now,
        test_source=runtime.test_source_enabled(),
    )
    reader.extra(found.rows)  # noqa: S610 (no Django)
    return {"fresh": {"since": iso(found.since), "complete": found.is_whole}}


def _in_format(response: dict[str, Any], wanted: str) -> dict[str, Any]:
    if wanted == "json":
        return response
    kept = {name: value for name, value in response.items() if name not in ("data", "columns")}
    return {**kept, "text": render(response, wanted)}


def _checked(event: object) -> dict[str, Any]:
    """Check the event's form; every mistake names its field. A field that is null is left out."""
    if not isinstance(event, dict) or event.get("query") is None:
        raise InputError('the event has no query; send {"query": "FIND aws_instance"}')
    event = {name: value for name, value in event.items() if value is not None}
    for name, value in event.items():
        if name not in _FIELDS:
            raise InputError(f"{name}: unknown field; an event may have {', '.join(_FIELDS)}")
        type_, expected = _FIELDS[name]
        if not isinstance(value, type_):
            raise InputError(f"{name}: expected {expected}")
    if event.get("format", "json") not in _FORMATS:
        raise InputError(f"format: expected one of {', '.join(_FORMATS)}")
    return event
