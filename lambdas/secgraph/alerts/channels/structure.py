"""The structure for programs. In: Notification. Out: plain JSON values, and the attributes to filter by.

docs/alerts.md describes each field. Fields may be added; one that is there keeps its name and meaning while
VERSION stays. All of them are always there: what is not known is null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from secgraph.alerts.channels.wording import NAME, NOTE, PATH, TITLE, happened, link, page, rule_of
from secgraph.alerts.digest import Digest
from secgraph.alerts.notification import ROWS_SHOWN, Event, Notification
from secgraph.alerts.text import line, paragraph

VERSION: Final = 1
SOURCE: Final = "secgraph"
LIMIT: Final = 131_072
IDS: Final = 400
"""Characters of an id: the longest rule name and what follows it."""
TEXT: Final = 2_000
QUERIES: Final = 5


def structure(notification: Notification) -> dict[str, Any]:
    """Give the notification as JSON values, which as text stay below LIMIT bytes."""
    rows = notification.rows[:ROWS_SHOWN]
    return {
        "version": VERSION,
        "source": SOURCE,
        "id": line(notification.id, IDS),
        "thread": line(notification.thread, IDS),
        "event": event_name(notification.event),
        "severity": notification.level.name,
        "earlierSeverity": notification.earlier.name,
        "title": happened(notification),
        "on": _time(notification.on),
        "openedOn": _time(notification.opened_on),
        "rule": {
            "name": line(notification.rule, NAME),
            "pack": line(notification.pack, NAME),
            "description": paragraph(notification.description, TEXT),
            "remediation": paragraph(notification.remediation, TEXT) or None,
            "queries": [paragraph(query, TEXT) for query in notification.queries[:QUERIES]],
        },
        "group": line(notification.group, NAME) or None,
        "groups": notification.groups,
        "total": notification.total,
        "counted": notification.counted,
        "gone": notification.gone,
        "rows": [_row(row) for row in rows],
        "more": max(0, notification.counted - len(rows)),
        "link": page(notification) or None,
        "note": paragraph(notification.note, NOTE) or None,
    }


def text_of(notification: Notification) -> str:
    """Give the structure as JSON text: what webhooks and queues receive, and what is signed."""
    return json.dumps(structure(notification), ensure_ascii=False, separators=(",", ":"))


def attributes(notification: Notification) -> Mapping[str, str | tuple[str, ...]]:
    """Give what a subscriber may filter by. `accounts` and `regions` are those of the rows that are shown,
    and absent if no row has one; `complete` is "false" if there are more rows than those."""
    rows = notification.rows[:ROWS_SHOWN]
    lists = {
        "accounts": tuple(sorted({line(row.account, 80) for row in rows if row.account})),
        "regions": tuple(sorted({line(row.region, 80) for row in rows if row.region})),
    }
    words = {
        "severity": notification.level.name,
        "rule": rule_of(notification),
        "transition": event_name(notification.event),
        "id": line(notification.id, IDS) or "unnamed",
        "complete": "true" if notification.counted <= len(rows) else "false",
    }
    return {**words, **{name: values for name, values in lists.items() if values}}


def event_name(event: Event) -> str:
    """Give the name of an event for programs: `new_rows`."""
    return event.name.lower()


def _row(row: Digest) -> dict[str, Any]:
    return {
        "id": f"{row.hash:016x}",
        "title": line(row.title, TITLE),
        **{name: line(value, PATH) or None for name, value in _words(row).items()},
        "score": row.score if row.score is not None and isfinite(row.score) else None,
        "link": link(row.link) or None,
        "since": _time(row.since),
        "firstSeen": None if row.found is None else _time(row.found),
    }


def _words(row: Digest) -> dict[str, str]:
    return {
        "type": row.type,
        "target": row.target,
        "account": row.account,
        "accountName": row.account_name,
        "region": row.region,
        "severity": row.severity,
        "owner": row.owner,
        "path": row.path,
        "fix": row.fix,
    }


def _time(milliseconds: int) -> str:
    """Give a time by ISO 8601 in UTC, to the millisecond."""
    when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
