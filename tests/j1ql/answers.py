"""The data files of cases, and what their lines and a response have in common, to compare.

Order counts only where the query sorts; numbers count to six decimals.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from secgraph.j1ql import parse
from secgraph.j1ql.printing import column_name

HERE: Final = Path(__file__).parent
Case = dict[str, Any]
Answer = dict[str, Any]


def lines_of(name: str) -> list[Case]:
    """The cases of a file, one a line."""
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


CONFORMANCE: Final[dict[str, Any]] = json.loads((HERE / "conformance.json").read_text("utf-8"))
NOW: Final[int] = CONFORMANCE["now"]
EXAMPLES: Final[list[Case]] = CONFORMANCE["examples"]
ERRORS: Final[list[Case]] = CONFORMANCE["errors"]
SHAPES: Final = lines_of("shapes.jsonl")


def conforming(answer: Answer, case: Case) -> Answer:
    """A response as an example of the specification writes it: ids of a list or tree, rows of a table."""
    data = answer["data"]
    if answer["type"] == "list":
        data = [item["id"] for item in data]
    elif answer["type"] == "tree":
        data = {part: [item["id"] for item in data[part]] for part in ("vertices", "edges")}
    return {"type": answer["type"], "data": comparable(data, ordered=case["ordered"])}


def example(case: Case) -> Answer:
    """What an example of the specification expects."""
    result = case["result"]
    return {"type": result["type"], "data": comparable(result["data"], ordered=case["ordered"])}


def comparable(data: Any, *, ordered: bool) -> Any:
    """A set or multiset unless the query sorts."""
    rounded = to_six_decimals(data)
    if isinstance(rounded, dict):
        return {name: sorted(ids) for name, ids in rounded.items()}
    return rounded if ordered else sorted(rounded, key=lambda row: json.dumps(row, sort_keys=True))


def to_six_decimals(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: to_six_decimals(inner) for name, inner in value.items()}
    return [to_six_decimals(inner) for inner in value] if isinstance(value, list) else value


def shown(answer: Answer, case: Case) -> Case:
    """The parts of a response that a line of cases.jsonl expects, as it writes them.

    `list`: ids. `tree`: ids of vertices, of edges. `rows`: cells in the order of RETURN, null for undefined.
    Any other name: that part of the response as it is. `ordered`: the order of the items counts.
    """
    found = {name: answer.get(name) for name in case if name not in _ASKED}
    data = answer["data"]
    if "list" in case:
        assert answer["type"] == "list"
        found["list"] = _in_order([item["id"] for item in data], case)
    if "tree" in case:
        assert answer["type"] == "tree"
        found["tree"] = [sorted(item["id"] for item in data[part]) for part in ("vertices", "edges")]
    if "rows" in case:
        columns = parse(case["query"]).returns
        assert isinstance(columns, tuple)
        found["rows"] = _in_order([[row.get(column_name(it)) for it in columns] for row in data], case)
    return found


def expected(case: Case) -> Case:
    """What a line of cases.jsonl expects."""
    wanted = {name: value for name, value in case.items() if name not in _ASKED}
    for part in ("list", "rows"):
        if part in wanted:
            wanted[part] = _in_order(wanted[part], case)
    return wanted


_ASKED: Final = ("why", "query", "parameters", "includeDeleted", "rowMetadata", "now", "ordered")


def _in_order(items: list[Any], case: Case) -> list[Any]:
    items = to_six_decimals(items)
    return items if case.get("ordered") else sorted(items, key=repr)
