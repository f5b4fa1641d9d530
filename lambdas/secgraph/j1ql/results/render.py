"""Response → text: an aligned table, a tree for people, CSV for spreadsheets, JSON.

Names and values come from finding texts and tags, so they are untrusted: control characters never reach a
terminal, and no CSV cell starts a formula.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from secgraph.errors import InputError
from secgraph.j1ql.text.terminal import columns, cut, padded, plain

Response = Mapping[str, Any]
Record = Mapping[str, Any]

WIDEST: Final = 60
"""Widest cell of a text table, in terminal columns."""

SHORT_ID: Final = 8
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet calculate a cell (OWASP, "CSV Injection")."""

_IN_CSV: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_IN_JSON: Final = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What steers a terminal or turns text round; `json.dumps` escapes the rest itself."""


def render(response: Response, form: str) -> str:
    """Write a response as `table`, `tree`, `csv` or `json`. Raises InputError for another form.

    A tree asked for as `table` is drawn as a tree; a list or table asked for as `tree` as a table.
    """
    if form not in _FORMS:
        raise InputError(f"format: {form} is not known; expected one of {', '.join(_FORMS)}")
    return _FORMS[form](response)


def as_json(response: Response) -> str:
    """Write the response itself, with every control character escaped."""
    written = json.dumps(response, ensure_ascii=False, indent=2)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def as_text(response: Response) -> str:
    """Write a table, or a tree if the response is one, and below it what the reader should know."""
    is_tree = response["type"] == "tree"
    lines = list(_tree_lines(response["data"])) if is_tree else _aligned(*_grid(response))
    return "\n".join([*lines, "", *_footer(response)])


def as_csv(response: Response) -> str:
    """Write comma-separated values (RFC 4180) with a header; formulas are defused with an apostrophe."""
    names, rows = _csv_grid(response)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_defused(name) for name in names])
    writer.writerows([[_defused(row.get(name, "")) for name in names] for row in rows])
    return out.getvalue()


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────


def _grid(response: Response) -> tuple[list[str], Sequence[Record]]:
    if response["type"] == "list":
        rows = [_summary(item) for item in response["data"]]
        columns = ["name", "type", "severity", "id"]
        return [it for it in columns if it != "severity" or any("severity" in row for row in rows)], rows
    rows = response["data"]
    return list(response.get("columns") or dict.fromkeys(name for row in rows for name in row)), rows


def _summary(vertex: Record) -> dict[str, Any]:
    entity = vertex["entity"]
    found = {"name": _name(vertex), "type": ", ".join(map(str, entity.get("_type", ()))), "id": vertex["id"]}
    severity = _severity(vertex)
    return {**found, "severity": severity} if severity else found


def _aligned(names: Sequence[str], rows: Sequence[Record]) -> list[str]:
    cells = [[cut(plain(_cell(row.get(name, ""))), WIDEST) for name in names] for row in rows]
    head = [cut(plain(name), WIDEST) for name in names]
    widths = [max(map(columns, column)) for column in zip(head, *cells, strict=True)]
    lines = [head, ["─" * width for width in widths], *cells]
    return [
        "  ".join(padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and "id" in value:
        return _name(value) if "entity" in value else str(value["id"])
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return json.dumps(value, ensure_ascii=False)


def _footer(response: Response) -> Iterator[str]:
    data = response["data"]
    if response["type"] == "tree":
        yield f"{_count(len(data['vertices']), 'entity')}, {_count(len(data['edges']), 'relationship')}"
    else:
        what = "entity" if response["type"] == "list" else "row"
        total = response.get("totalCount", len(data))
        yield _count(total, what) if total == len(data) else f"{len(data)} of {_count(total, what)}"
    if "cursor" in response:
        yield f"more with the cursor {response['cursor']}"
    for message in response.get("messages", ()):
        yield f"note: {plain(str(message))}"


def _count(number: int, what: str) -> str:
    several = {"entity": "entities"}.get(what, f"{what}s")
    return f"{number:,} {what if number == 1 else several}"


# ── trees ─────────────────────────────────────────────────────────────────────────────────────────────


def _tree_lines(data: Response) -> Iterator[str]:
    """Draw each entity below those that stand before it in the response, start entities leftmost.

    Vertices come by their distance from the start of the path. So an entity without an earlier neighbour is
    a root; one with several earlier neighbours is drawn in full once and named again below the others.
    """
    place = {vertex["id"]: number for number, vertex in enumerate(data["vertices"])}
    below: dict[str, list[tuple[str, str]]] = {id_: [] for id_ in place}
    roots = dict.fromkeys(place)
    for edge in data["edges"]:
        near, far = edge["fromVertexId"], edge["toVertexId"]
        verb = plain(str(edge["relationship"].get("_class", "")))
        if place[near] <= place[far]:
            parent, child, arrow = near, far, f"{verb} →"
        else:
            parent, child, arrow = far, near, f"← {verb}"
        below[parent].append((arrow, child))
        if parent != child:
            roots.pop(child, None)
    vertices = {vertex["id"]: vertex for vertex in data["vertices"]}
    drawn: set[str] = set()
    for root in roots:
        yield _label(vertices[root])
        yield from _branches(root, vertices, below, drawn)


def _branches(
    root: str,
    vertices: Mapping[str, Record],
    below: Mapping[str, Sequence[tuple[str, str]]],
    drawn: set[str],
) -> Iterator[str]:
    """Draw what hangs below a root, depth first, with a stack of its own: paths may be long."""
    drawn.add(root)
    stack = [(iter(_with_ends(below[root])), "")]
    while stack:
        branch, indent = stack[-1]
        following = next(branch, None)
        if following is None:
            stack.pop()
            continue
        arrow, child, is_last = following
        again = child in drawn and bool(below[child])
        yield f"{indent}{'└─' if is_last else '├─'} {arrow} {_label(vertices[child])}" + (
            " (as above)" if again else ""
        )
        if child not in drawn:
            drawn.add(child)
            stack.append((iter(_with_ends(below[child])), indent + ("   " if is_last else "│  ")))


def _with_ends(branches: Sequence[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    last = len(branches) - 1
    return [(arrow, child, number == last) for number, (arrow, child) in enumerate(branches)]


def _label(vertex: Record) -> str:
    type_ = ", ".join(map(str, vertex["entity"].get("_type", ())))
    severity = _severity(vertex)
    parts = [
        type_,
        cut(plain(_name(vertex)), WIDEST),
        f"· {severity}" if severity else "",
        f"[{_short(str(vertex['id']))}]",
    ]
    return plain(" ".join(part for part in parts if part))


def _name(vertex: Record) -> str:
    entity = vertex["entity"]
    return str(
        entity.get("displayName") or vertex.get("properties", {}).get("name") or entity.get("_key", "")
    )


def _severity(vertex: Record) -> str:
    properties = vertex.get("properties", {})
    word, number = properties.get("severity"), properties.get("numericSeverity")
    if word is None:
        return "" if number is None else str(number)
    return str(word) if number is None else f"{word} {number}"


def _short(id_: str) -> str:
    return id_ if len(id_) <= SHORT_ID + 2 else id_[:SHORT_ID]


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────────────


def _csv_grid(response: Response) -> tuple[list[str], Sequence[Record]]:
    data = response["data"]
    if response["type"] == "table":
        return _grid(response)
    if response["type"] == "list":
        rows = [_flat(vertex) for vertex in data]
    else:
        rows = [{"kind": "entity", **_flat(it)} for it in data["vertices"]]
        rows += [{"kind": "relationship", **_flat_edge(it)} for it in data["edges"]]
    return list(dict.fromkeys(name for row in rows for name in row)), rows


def _flat(vertex: Record) -> dict[str, Any]:
    entity = vertex["entity"]
    lists = {name: ", ".join(map(str, entity.get(name, ()))) for name in ("_type", "_class")}
    return {"id": vertex["id"], **entity, **lists, **vertex["properties"]}


def _flat_edge(edge: Record) -> dict[str, Any]:
    ends = {"fromVertexId": edge["fromVertexId"], "toVertexId": edge["toVertexId"]}
    return {"id": edge["id"], **ends, **edge["relationship"], **edge["properties"]}


def _defused(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = _IN_CSV.sub("\ufffd", text)
    calculates = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return f"'{text}" if calculates else text


_FORMS: Final[Mapping[str, Callable[[Response], str]]] = {
    "table": as_text,
    "tree": as_text,
    "csv": as_csv,
    "json": as_json,
}
