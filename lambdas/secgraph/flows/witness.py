"""WITNESS: rows that a rule found → for each one path that matched, as a line of text for people.

    prod-web-1 ─HAS→ CVE-2026-1234, and no aws_security_group that PROTECTS it

Row ─witness.of_…→ query ─ask→ the path's records ─line_of→ text
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secgraph.alerts.digest import worst_first
from secgraph.alerts.state import AlertState
from secgraph.alerts.text import line
from secgraph.alerts.transition import Transition
from secgraph.alerts.witnessed import unwitnessed, witnessed
from secgraph.errors import SecgraphError
from secgraph.j1ql import parse, witness
from secgraph.j1ql.meaning.names import Checked, check
from secgraph.j1ql.witness import Without, Witness
from secgraph.rules.rows import Row, rows_of, rows_wanted
from secgraph.rules.rule import Rule, RuleQuery

if TYPE_CHECKING:
    from secgraph.flows.asked import Ask

ROWS: Final = 5
TOLD: Final = 10
"""Rows of one evaluation for which a path is looked for: a query each."""
PATH: Final = 300
"""Characters of a path; of a longer one the middle is left out."""
NAME: Final = 60
KEY: Final = 1_000
WORDS: Final = 100
PATIENCE_MS: Final = 2_000
"""So many milliseconds of a run may go into paths: people want to be told soon."""
FAILED_MS: Final = PATIENCE_MS // 2
"""What a question that fails counts for, however long it took."""

_OURS: Final = str.maketrans({"─": "-", "→": ">", "←": "<", "…": "."})
"""What a path is drawn with, a name in it may not have: nobody is to draw a path by naming a thing."""


@dataclass(slots=True)
class Patience:
    """How much longer a run may ask for paths, in milliseconds."""

    left_ms: int = PATIENCE_MS


def paths_of(
    queries: Sequence[RuleQuery],
    rows: Sequence[Row],
    ask: Ask,
    limit: int = ROWS,
    patience: Patience | None = None,
) -> Mapping[int, str]:
    """Give a path for the first rows, at most `limit` of them, by the hash of the row.

    A row is left out where its path is not known: its query takes no step, it stands for a group that its
    columns do not tell, it is gone meanwhile, asking failed, or no `patience` was left. A path is never worth
    a message that does not go out, so nothing is raised.
    """
    by_name = {query.name: query for query in queries}
    found: dict[int, str] = {}
    patience = patience or Patience()
    for row in rows[:limit]:
        if patience.left_ms <= 0 or row.query not in by_name:
            continue
        query = by_name[row.query]
        try:
            asked = _witness(check(rows_wanted(parse(query.text))), row)
            if asked is None:
                continue
            answer = ask(str(asked.query), include_deleted=query.include_deleted)
        except SecgraphError:
            patience.left_ms -= FAILED_MS
            break  # It may have taken the longest that a query may take: once is enough.
        patience.left_ms -= answer.duration_ms
        if answer.rows:
            found[row.hash] = line_of(asked, answer.rows[0])
    return found


def with_paths(
    queries: Sequence[RuleQuery],
    rows: Sequence[Row],
    state: AlertState,
    heard: Sequence[Transition],
    ask: Ask,
    patience: Patience,
) -> tuple[AlertState, tuple[Transition, ...]]:
    """Find for the rows that are about to be told what led to them, TOLD of them at most. `rows` are all that
    the evaluation found."""
    wanted = unwitnessed(heard)
    by_hash = {row.hash: row for row in rows} if wanted else {}
    found = paths_of(queries, [by_hash[it] for it in wanted if it in by_hash], ask, TOLD, patience)
    return witnessed(state, heard, found)


def paths_of_rule(rule: Rule, wanted: Collection[int], ask: Ask, limit: int = ROWS) -> Mapping[int, str]:
    """Ask the queries of a rule again, and give paths for those of their rows whose hashes are wanted, as
    `paths_of` does."""
    found: list[Row] = []
    for each in rule.queries:
        try:
            query = rows_wanted(parse(each.text))
            answer = ask(str(query), include_deleted=each.include_deleted)
        except SecgraphError:
            continue  # As for a path itself.
        found += [row for row in rows_of(answer, query, each.name) if row.hash in wanted]
    return paths_of(rule.queries, sorted(found, key=worst_first), ask, limit)


def _witness(checked: Checked, row: Row) -> Witness | None:
    if checked.query.returns is None:
        return witness.of_list(checked, row.entity)
    bound = _ids(row.source)
    return witness.of_table(checked, bound) if bound else witness.of_group(checked, row.source)


def _ids(source: Mapping[str, object]) -> dict[str, str]:
    """Give the `_id`s bound to the names of a table's row; none for grouped and UNIQUE rows."""
    meta = source.get("_meta")
    by_alias = meta.get("byAlias") if isinstance(meta, Mapping) else None
    return {name: held["id"] for name, held in by_alias.items()} if isinstance(by_alias, Mapping) else {}


# ── text ──────────────────────────────────────────────────────────────────────────────────────────────


def line_of(asked: Witness, row: Mapping[str, object]) -> str:
    """Write a path as one line of at most PATH characters."""
    pieces = _pieces(asked, row)
    text = "".join(pieces)
    while len(text) > PATH and len(pieces) > 2:
        del pieces[len(pieces) // 2]
        half = len(pieces) // 2
        text = "".join([*pieces[:half], " ─…", *pieces[half:]])
    return line(text, PATH)


def _pieces(asked: Witness, row: Mapping[str, object]) -> list[str]:
    """List the start, each step that was taken, and what must not be there."""
    current = _record(row, asked.start)
    pieces = [_name(current)]
    at = asked.start
    for part in asked.parts:
        if isinstance(part, Without):
            if part.after in ("", at):
                pieces.append(f", and {line(part.words, WORDS)}")
        elif row.get(part.entity) is not None:
            far, link = _record(row, part.entity), _record(row, part.relationship)
            verb = line(_tame(str(_held(link, "relationship").get("_class"))), NAME)
            is_back = link.get("toVertexId") == current.get("id") != link.get("fromVertexId")
            pieces.append(f" ←{verb}─ {_name(far)}" if is_back else f" ─{verb}→ {_name(far)}")
            current, at = far, part.entity
    return pieces


def _record(row: Mapping[str, object], column: str) -> Mapping[str, object]:
    held = row.get(column)
    return held if isinstance(held, Mapping) else {}


def _held(record: Mapping[str, object], part: str) -> Mapping[str, object]:
    found = record.get(part)
    return found if isinstance(found, Mapping) else {}


def _name(record: Mapping[str, object]) -> str:
    """Give what an entity is called; of a long key the end, for there keys differ."""
    metadata, properties = _held(record, "entity"), _held(record, "properties")
    for held, name in ((metadata, "displayName"), (properties, "displayName")):
        if isinstance(value := held.get(name), str) and value:
            return line(_tame(value[: 4 * NAME]), NAME)
    key = line(_tame(str(metadata.get("_key") or metadata.get("_id") or "?")), KEY)
    return key if len(key) <= NAME else f"…{key[1 - NAME :]}"


def _tame(text: str) -> str:
    """Leave nothing in a name that a mail program would make a link of, or that draws a path."""
    return text.replace("://", "[:]//").translate(_OURS)
