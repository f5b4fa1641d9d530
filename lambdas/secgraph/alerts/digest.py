"""Digests: a row's facts in, the few clean words that a message and the stored alert keep out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from secgraph.alerts.text import line
from secgraph.rules.rows import Row

TITLE: Final = 120
WORD: Final = 80
LINK: Final = 200
END: Final = 253_402_300_800_000
"""The year 10000, where the calendar of the messages ends."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What is kept of a row. Times are epoch milliseconds: `since` when it joined the alert, `found` when the
    source first saw it, for findings. `score` is 0–10 or None. `path` names what led to the row, from its
    start to the end of the query, empty where that is not known."""

    hash: int
    since: int
    title: str
    type: str = ""
    target: str = ""
    account: str = ""
    account_name: str = ""
    region: str = ""
    severity: str = ""
    score: float | None = None
    owner: str = ""
    fix: str = ""
    link: str = ""
    found: int | None = None
    path: str = ""


def digest(row: Row, since: int) -> Digest:
    """Keep the words of a row that say what, where and whose."""
    facts = row.facts
    finding = is_finding(facts)
    return Digest(
        hash=row.hash,
        since=since,
        title=_first(facts, TITLE, "displayName", "name", "_key", "id") or "row",
        type=_first(facts, WORD, *(("type",) if finding else ()), "_type"),
        target=_first(facts, WORD, "targets", "instanceId"),
        account=_first(facts, WORD, "accountId"),
        account_name=_first(facts, WORD, "tag.AccountName"),
        region=_first(facts, WORD, "region"),
        severity=_first(facts, WORD, "severity"),
        score=score(row),
        owner=_first(facts, WORD, "owner", "tag.Owner", "tag.Team"),
        fix=_fix(facts),
        link=_link(facts),
        found=_moment(facts, "firstSeenOn", "createdOn") if finding else None,
    )


def score(row: Row) -> float | None:
    """Give the row's numeric severity."""
    value = row.facts.get("numericSeverity")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def worst_first(row: Row) -> tuple[float, str, int]:
    """Order rows: the highest score first, then by name."""
    return -(score(row) or 0.0), str(row.facts.get("displayName", "")), row.hash


def is_finding(facts: Mapping[str, object]) -> bool:
    """Tell whether the facts of a row are those of a finding."""
    classes = facts.get("_class")
    return isinstance(classes, list | tuple) and "Finding" in classes


def _moment(facts: Mapping[str, object], *names: str) -> int | None:
    """Give the first of these that is a moment that a calendar can show."""
    for name in names:
        value = facts.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < END:
            return int(value)
    return None


def _first(facts: Mapping[str, object], limit: int, *names: str) -> str:
    for name in names:
        value = facts.get(name)
        if isinstance(value, list | tuple):
            value = ", ".join(str(item) for item in value[:3])
        if value is not None and value != "":
            return line(_defanged(value), limit)
    return ""


def _defanged(value: object) -> str:
    """Break addresses apart, so that no mail program makes a link of what an attacker called a thing."""
    text = value if isinstance(value, str) else str(value)
    return text[: 4 * TITLE].replace("://", "[:]//") + text[4 * TITLE :]


def _fix(facts: Mapping[str, object]) -> str:
    """Say which package has which fixed version, or what the source recommends."""
    packages = facts.get("packages")
    listed = packages if isinstance(packages, list | tuple) else ()
    fixed = [str(each) for each in listed if "->" in str(each)]
    return line(", ".join(fixed[:3]), WORD) or _first(facts, WORD, "recommendation")


def _link(facts: Mapping[str, object]) -> str:
    """Give the row's console link; only https, since the text comes from findings and tags."""
    value = facts.get("webLink")
    if isinstance(value, str) and value.startswith("https://") and len(value) <= LINK and value.isascii():
        return line(value, LINK)
    return ""
