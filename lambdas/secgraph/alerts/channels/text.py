"""Mail and other plain text. In: Notification. Out: a subject and a body for people.

It says what, where, whose, since when and what to do, for five rows at most and then how many more.
"""

from __future__ import annotations

from typing import Final

from secgraph.alerts.channels import wording
from secgraph.alerts.notification import Notification
from secgraph.alerts.text import ascii_line, paragraph

SUBJECT: Final = 99
"""SNS takes fewer than 100 characters, ASCII, no line break."""
NAME: Final = 45
BODY: Final = 8_000


def subject(notification: Notification) -> str:
    """Give one line of printable ASCII, at most SUBJECT characters. A long rule name leaves room for more."""
    return ascii_line(wording.in_short(notification, NAME), SUBJECT)


def body(notification: Notification) -> str:
    """Give plain text of at most BODY characters."""
    parts = [
        wording.headline(notification),
        wording.explained(notification),
        wording.note(notification),
        _rows(notification),
        wording.times(notification),
        _labelled("What to do: ", wording.advice(notification)),
        _queries(notification),
        _labelled("The alert: ", wording.page(notification)),
        wording.source(notification),
    ]
    return paragraph("\n\n".join(part for part in parts if part), BODY)


def _rows(notification: Notification) -> str:
    shown = wording.items(notification)
    listed = [_row(number, each) for number, each in enumerate(shown, start=1)]
    return "\n".join(
        part
        for part in (wording.heading(notification), *listed, wording.more(notification, len(shown)))
        if part
    )


def _row(number: int, item: wording.Item) -> str:
    lines = [
        f"{number}. {item.title}",
        wording.joined(item.what, _labelled("on ", item.target) if item.what else item.target),
        wording.joined(
            item.where,
            _labelled("owner ", item.owner),
            f"{item.moment_of} {wording.moment(item.moment)}",
        ),
        _labelled("path: ", item.path),
        _labelled("fix: ", item.fix),
        item.link,
    ]
    return "\n   ".join(each for each in lines if each)


def _queries(notification: Notification) -> str:
    left = len(notification.queries) - wording.QUERIES_SHOWN
    shown = wording.queries(notification)
    return "\n".join(["Query:", *shown, *([f"+{left} more queries"] if left > 0 else [])]) if shown else ""


def _labelled(label: str, text: str) -> str:
    return f"{label}{text}" if text else ""
