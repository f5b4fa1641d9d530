"""Rows of an answer: what a query gave in, rows with an identity and with facts for a message out.

Identity (rules.md section 2): the `_id` of a list item; the `_id`s bound to a table row's aliases; for
grouped rows the grouping columns; for UNIQUE rows the content. Volatile fields never take part, so a
finding whose count moved is not a new row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from secgraph.graph.merge import VOLATILE
from secgraph.j1ql.nodes import Arithmetic, Call, Column, Everything, Expr, Negative, Path, Query, Tree

AGGREGATES: Final = frozenset({"count", "sum", "avg", "min", "max"})
BOOKKEEPING: Final = VOLATILE | {"_version", "_beginOn", "_endOn", "reopenedOn"}
"""Properties that move although the thing stays what it is."""
NAMES: Final = ("displayName", "name")
CELLS_SHOWN: Final = 4
"""Cells of a table row that stand in for its name when no column has one."""
NAMES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave. `kind` is list, table or tree; `rows` have the shape of j1ql.md section 12.

    `total` counts the rows of the query. Fewer `rows` than that mean that the asker stopped reading out:
    they are then an arbitrary part.
    """

    kind: str
    rows: Sequence[Mapping[str, object]]
    total: int
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a 64-bit hash of its identity, and what is known of it by property name.

    `entity` is the `_id` of what the row is of, and `name` what that is called as far as the row says: the
    item of a list, in a table the entity of the first alias. Both are empty for grouped and UNIQUE rows.
    `query` names the query of the rule that gave it, and `source` is what that gave.
    """

    hash: int
    facts: Mapping[str, object]
    entity: str = ""
    name: str = ""
    query: str = ""
    source: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)


def rows_of(answer: Answer, query: Query, name: str) -> list[Row]:
    """Turn an answer into rows, each identity once. `query` was asked, `name` is its name in the rule."""
    identity = _identity(query) if answer.kind == "table" else _list_identity
    found: dict[int, Row] = {}
    for row in answer.rows:
        hash_ = _hash([name, identity(row)])
        if hash_ not in found:
            made = _table_row(hash_, row) if answer.kind == "table" else _item_row(hash_, row)
            found[hash_] = replace(made, query=name, source=row)
    return list(found.values())


def rows_wanted(query: Query) -> Query:
    """Give the query whose rows a rule counts. Of a tree these are the start entities, as LIMIT counts."""
    return replace(query, returns=None) if isinstance(query.returns, Tree) else query


def _hash(identity: object) -> int:
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


# ── identity ──────────────────────────────────────────────────────────────────────────────────────────

Identity = Callable[[Mapping[str, object]], object]


def _list_identity(row: Mapping[str, object]) -> object:
    return row["id"]


def _identity(query: Query) -> Identity:
    columns = query.returns if isinstance(query.returns, tuple) else ()
    left_out = frozenset().union(*(_moving(column) for column in columns))
    if query.unique or any(_aggregates(column.item) for column in columns):
        return lambda row: _content(row, left_out)
    return lambda row: _bound(row) or _content(row, left_out)


def _bound(row: Mapping[str, object]) -> object:
    """Give the ids bound to a row's aliases; None where the asker added no metadata."""
    meta = row.get("_meta")
    by_alias = meta.get("byAlias") if isinstance(meta, Mapping) else None
    if not isinstance(by_alias, Mapping) or not by_alias:
        return None
    return {alias: bound["id"] for alias, bound in by_alias.items()}


def _content(row: Mapping[str, object], left_out: frozenset[str]) -> object:
    return {
        column: _cell(value)
        for column, value in row.items()
        if column != "_meta" and column not in left_out and column.partition(".")[2] not in BOOKKEEPING
    }


def _cell(value: object) -> object:
    """Give a cell for hashing: a whole record is its `_id`."""
    return {"id": value["id"]} if isinstance(value, Mapping) and "id" in value else value


def _moving(column: Column) -> frozenset[str]:
    """Name the column if what it holds moves by itself: an aggregate or a volatile property."""
    item = column.item
    if isinstance(item, Everything):
        return frozenset()
    moves = _aggregates(item) or any(path.property in BOOKKEEPING for path in _paths(item))
    return frozenset({column.name or str(item)}) if moves else frozenset()


def _aggregates(item: Expr | Everything) -> bool:
    match item:
        case Call(function, arguments):
            return function in AGGREGATES or any(_aggregates(argument) for argument in arguments)
        case Negative(operand):
            return _aggregates(operand)
        case Arithmetic(_, left, right):
            return _aggregates(left) or _aggregates(right)
    return False


def _paths(item: Expr) -> list[Path]:
    match item:
        case Path():
            return [item]
        case Call(_, arguments):
            return [path for argument in arguments for path in _paths(argument)]
        case Negative(operand):
            return _paths(operand)
        case Arithmetic(_, left, right):
            return _paths(left) + _paths(right)
    return []


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────────


def _item_row(hash_: int, row: Mapping[str, object]) -> Row:
    facts = _item_facts(row)
    return Row(hash_, facts, str(row["id"]), _named(facts, ""))


def _table_row(hash_: int, row: Mapping[str, object]) -> Row:
    alias, entity = _first_entity(row)
    return Row(hash_, _table_facts(row), entity, _named(row, f"{alias}.") if entity else "")


def _first_entity(row: Mapping[str, object]) -> tuple[str, str]:
    """Give (alias, `_id`) of the first entity that a table row binds, both empty where it tells of none."""
    meta = row.get("_meta")
    by_alias = meta.get("byAlias") if isinstance(meta, Mapping) else None
    for alias, bound in by_alias.items() if isinstance(by_alias, Mapping) else ():
        if "relationship" not in bound:
            return alias, str(bound["id"])
    return "", ""


def _named(held: Mapping[str, object], before: str) -> str:
    names = (held.get(f"{before}{name}") for name in NAMES)
    return next((name for name in names if isinstance(name, str) and name), "")


def _item_facts(row: Mapping[str, object]) -> Mapping[str, object]:
    """Lay the properties of a list item over its metadata."""
    entity, properties = row.get("entity"), row.get("properties")
    return {
        **(entity if isinstance(entity, Mapping) else {}),
        **(properties if isinstance(properties, Mapping) else {}),
    }


def _table_facts(row: Mapping[str, object]) -> Mapping[str, object]:
    """Gather the cells of a table row by property; where two aliases have one, the first counts, but the
    highest score, and all the names."""
    facts: dict[str, object] = {}
    names: dict[str, str] = {}
    scores: list[float] = []
    for alias, property_, value in _cells(row):
        if property_ in NAMES and isinstance(value, str):
            if property_ == NAMES[0] or alias not in names:
                names[alias] = value
        elif property_ == "numericSeverity" and isinstance(value, int | float):
            scores.append(value)
        else:
            facts.setdefault(property_, value)
    shown = list(dict.fromkeys(names.values()))[:NAMES_SHOWN] or _plain(row)
    facts[NAMES[0]] = " / ".join(shown)
    if scores:
        facts["numericSeverity"] = max(scores)
    return facts


def _cells(row: Mapping[str, object]) -> list[tuple[str, str, object]]:
    """List (alias, property, value) of a row; a whole record in a cell gives all its properties."""
    found: list[tuple[str, str, object]] = []
    for column, value in row.items():
        if column == "_meta":
            continue
        if isinstance(value, Mapping):
            found += [(column, name, held) for name, held in _item_facts(value).items()]
        else:
            alias, dot, property_ = column.partition(".")
            found.append((alias, property_, value) if dot else ("", column, value))
    return found


def _plain(row: Mapping[str, object]) -> list[str]:
    cells = [f"{column}={value}" for column, value in row.items() if column != "_meta"]
    return [", ".join(cells[:CELLS_SHOWN])]
