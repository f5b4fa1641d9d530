"""Groups: the rows of an alert in, the groups out that open, change and resolve each for itself.

What is urgent is told by the thing that it is about, what is not by the rule as a whole:

level            a group is
CRITICAL, HIGH   an entity
MEDIUM           an entity and what is wrong with it (`type`)
LOW, INFO        the whole rule

The entity of a finding is what it is about (its account and `targets`), else the finding; of another row the
row's own. A region takes no part: what GuardDuty says of an account it says in each region.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from secgraph.alerts.digest import is_finding, worst_first
from secgraph.alerts.text import line
from secgraph.rules.rows import Row
from secgraph.rules.rule import Level

WHOLE: Final = 0
"""The key of the group that is a whole rule; its label is empty."""
GROUPS_KEPT: Final = 100
"""Groups of which label and times are kept; of the others that they are open."""
ROWS_OF_GROUP: Final = 5
LABEL: Final = 100
LABEL_BYTES: Final = 160
FURTHER: Final = "one of its further resources"
"""The label of a group that is not among those kept."""


class By(Enum):
    """What makes rows of an alert one group."""

    RULE = "rule"
    ENTITY = "entity"
    ENTITY_AND_TYPE = "entity and type"


@dataclass(frozen=True, slots=True)
class Group:
    """What is kept of an open group. `joined_on` is when rows last joined it; `rows` are the hashes of its
    worst rows, those of which the alert keeps digests."""

    key: int
    label: str
    opened_on: int
    joined_on: int
    total: int
    rows: tuple[int, ...] = ()


def by(level: Level) -> By:
    """Say what makes a group at a level."""
    if level >= Level.HIGH:
        return By.ENTITY
    return By.ENTITY_AND_TYPE if level is Level.MEDIUM else By.RULE


def grouped(rows: Iterable[Row], how: By) -> dict[int, list[Row]]:
    """Give the rows of each group by its key. An alert that holds without any row is one group."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row, how), []).append(row)
    return found or {WHOLE: []}


def key(row: Row, how: By) -> int:
    """Give the 64-bit key of a row's group, never WHOLE for anything but the whole rule."""
    if how is By.RULE:
        return WHOLE
    about = _about(row) if how is By.ENTITY else [_about(row), _type(row)]
    text = json.dumps(about, ensure_ascii=False, separators=(",", ":"))
    named = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest()) or 1


def label(row: Row, how: By) -> str:
    """Say what a row's group is called, for people: one clean line."""
    if how is By.RULE:
        return ""
    targets = _targets(row)
    what = (
        ", ".join(targets)
        if targets
        else row.name or _text(row, "displayName", "name") or row.entity or f"row {row.hash:016x}"
    )
    kind = _type(row) if how is By.ENTITY_AND_TYPE else ""
    return _short(f"{what} · {kind}" if kind else what)


def chosen(found: Mapping[int, Sequence[Row]], fresh: Collection[int], first: Collection[int]) -> list[int]:
    """Choose the groups to keep: those named `first`, then those with `fresh` rows, then the worst."""

    def order(item: tuple[int, Sequence[Row]]) -> tuple[bool, bool, tuple[float, str, int]]:
        key_, rows = item
        worst = min(map(worst_first, rows), default=(0.0, "", key_))
        return key_ not in first, not any(row.hash in fresh for row in rows), worst

    return [key_ for key_, _ in sorted(found.items(), key=order)[:GROUPS_KEPT]]


# ── what a row is about ───────────────────────────────────────────────────────────────────────────────


def _about(row: Row) -> object:
    targets = _targets(row)
    if targets:
        return [row.facts.get("accountId"), sorted(targets)]
    return row.entity or row.hash


def _targets(row: Row) -> list[str]:
    """Name what a finding is about; nothing for what is no finding."""
    held = row.facts.get("targets") if is_finding(row.facts) else None
    if isinstance(held, list | tuple):
        return [str(each) for each in held]
    return [held] if isinstance(held, str) and held else []


def _type(row: Row) -> str:
    return _text(row, *(("type",) if is_finding(row.facts) else ()), "_type")


def _text(row: Row, *names: str) -> str:
    """Give the first of these facts that is a text, or a list that begins with one."""
    for name in names:
        value = row.facts.get(name)
        first = value[0] if isinstance(value, list | tuple) and value else value
        if isinstance(first, str) and first:
            return first
    return ""


def _short(text: str) -> str:
    """Bound a label in characters and in bytes; an address in it is nothing to click on."""
    clean = line(text[: 4 * LABEL].replace("://", "[:]//"), LABEL)
    if len(clean.encode("utf-8", "replace")) <= LABEL_BYTES:
        return clean
    return f"{clean.encode('utf-8', 'replace')[: LABEL_BYTES - 3].decode('utf-8', 'ignore').rstrip()}…"
