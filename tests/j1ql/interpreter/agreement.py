"""Agreement: does a response say what the interpreter says? Where the language leaves the order open, any
order agrees; where SKIP and LIMIT cut among equals, any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, combinations, product
from typing import Any

from tests.j1ql.interpreter.results import Answer, Branch
from tests.j1ql.interpreter.shapes import record

Response = dict[str, Any]


def difference(wanted: Answer, response: Response) -> str:
    """What differs, in words; empty if nothing does."""
    if response["type"] != wanted.type:
        return f"a {response['type']} instead of a {wanted.type}"
    if wanted.type == "tree":
        return tree_difference(wanted, response["data"])
    rows: list[Any] = response["data"]
    if response.get("totalCount", len(rows)) != len(rows):
        return f"{response['totalCount']} announced, {len(rows)} given"
    return columns_difference(wanted, response) or rows_difference(wanted, [plain(row) for row in rows])


def response_of(wanted: Answer) -> Response:
    """One response that agrees."""
    chosen = [item for run, share in wanted.shares for item in run[:share]]
    if wanted.type != "tree":
        columns = {} if wanted.columns is None else {"columns": columns_of(wanted.columns, chosen)}
        return {"type": wanted.type, "data": chosen, **columns, "totalCount": len(chosen)}
    return {"type": "tree", "data": tree(chosen)}


def columns_of(names: list[str], rows: list[Any]) -> list[str]:
    """The columns, those that `x.*` brought at its place."""
    seen = [name for row in rows for name in row]
    spread = [[it for it in seen if it.startswith(name)] if name[-1:] == "." else [name] for name in names]
    return list(dict.fromkeys(chain.from_iterable(spread)))


def columns_difference(wanted: Answer, response: Response) -> str:
    """The columns of `x.*` may come in any order."""
    if wanted.columns is None:
        return ""
    names = columns_of(wanted.columns, response["data"])
    found = response["columns"]
    spreads = any(name[-1:] == "." for name in wanted.columns)
    same = sorted(found) == sorted(names) if spreads else found == names
    return "" if same else f"the columns {found} instead of {names}"


def rows_difference(wanted: Answer, rows: list[str]) -> str:
    count = sum(share for _, share in wanted.shares)
    if len(rows) != count:
        return f"{len(rows)} instead of {count}: {rows} instead of {wanted.shares}"
    for run, share in wanted.shares:
        part, rows = rows[:share], rows[share:]
        allowed = [plain(row) for row in run]
        if extra := Counter(part) - Counter(allowed):
            return f"{list(extra)} instead of {share} of {allowed}"
    return ""


def tree_difference(wanted: Answer, data: dict[str, Any]) -> str:
    allowed = [in_any_order(tree(chosen)) for chosen in choices(wanted)]
    found = in_any_order(data)
    return "" if found in allowed else f"{found} instead of one of {allowed}"


def in_any_order(data: dict[str, Any]) -> dict[str, list[str]]:
    return {part: sorted(map(plain, data[part])) for part in ("vertices", "edges")}


def choices(wanted: Answer) -> Iterator[list[Branch]]:
    """Every choice of start entities that SKIP and LIMIT leave open."""
    for parts in product(*(combinations(run, share) for run, share in wanted.shares)):
        yield list(chain.from_iterable(parts))


def tree(branches: list[Branch]) -> dict[str, Any]:
    """Every entity and relationship once."""
    entities = dict.fromkeys(it for branch in branches for it in branch.entities)
    relationships = dict.fromkeys(it for branch in branches for it in branch.relationships)
    return {"vertices": [*map(record, entities)], "edges": [*map(record, relationships)]}


def plain(value: Any) -> str:
    """A text that is equal for equal values: numbers to 6 decimals and 12 digits, objects in any order."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {plain(it)}" for name, it in sorted(value.items())) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(plain, value))}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(round(float(f"{value:.12g}"), 6) + 0.0)
    return repr(value)
