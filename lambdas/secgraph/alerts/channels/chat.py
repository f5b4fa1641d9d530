"""Amazon Q Developer in chat applications. In: Notification. Out: its custom notification, as JSON values.

Its schema requires `version` "1.0", `source` "custom" and `content.description`; `threadId` keeps together
what belongs together where the channel's preferences allow it; `additionalContext` maps texts to texts, for
custom actions. Amazon Q hands the text to Slack or to Microsoft Teams in the markup of each: so no markup
but bold and code is used, and an address stands bare.
"""

from __future__ import annotations

from typing import Any, Final

from secgraph.alerts.channels import wording
from secgraph.alerts.channels.mrkdwn import code, prose
from secgraph.alerts.channels.structure import event_name
from secgraph.alerts.notification import Notification
from secgraph.alerts.text import line

TITLE: Final = 150
DESCRIPTION: Final = 2_800
"""Below the 3,000 characters of a section of Slack, where it ends up; AWS documents no limit."""
STEP: Final = 600


def custom_notification(notification: Notification) -> dict[str, Any]:
    """Give the notification as Amazon Q takes it."""
    shown = wording.items(notification)
    head = f"{wording.mark(notification)} {wording.headline(notification)}"
    content = {
        "textType": "client-markdown",
        "title": prose(head, TITLE),
        "description": _description(notification, shown),
        "nextSteps": _steps(notification, shown),
        "keywords": _keywords(notification, shown),
    }
    return {
        "version": "1.0",
        "source": "custom",
        "id": line(notification.id, 400) or "unnamed",
        "content": {name: value for name, value in content.items() if value},
        "metadata": _metadata(notification, shown),
    }


def _description(notification: Notification, shown: list[wording.Item]) -> str:
    """Say all that there is room for, whole rows only; the rest has limits of its own."""
    text = _paragraphs(notification, shown)
    while shown and len(text) > DESCRIPTION:
        shown = shown[:-1]
        text = _paragraphs(notification, shown)
    return text


def _paragraphs(notification: Notification, shown: list[wording.Item]) -> str:
    parts = [
        prose(wording.explained(notification), 800),
        prose(wording.note(notification), 2_000),
        wording.heading(notification),
        *(_row(number, each) for number, each in enumerate(shown, start=1)),
        wording.more(notification, len(shown)),
        wording.times(notification),
    ]
    return "\n\n".join(part for part in parts if part) or wording.happened(notification)


def _row(number: int, item: wording.Item) -> str:
    lines = [
        f"*{number}. {prose(item.title, 240)}*",
        wording.joined(code(item.target, 160), prose(item.what, 240)),
        wording.joined(
            prose(item.where, 320),
            prose(_labelled("owner ", item.owner), 160),
            f"{item.moment_of} {wording.moment(item.moment)}",
        ),
        prose(_labelled("path: ", item.path), 600),
        prose(_labelled("fix: ", item.fix), 160),
    ]
    return "\n".join(each for each in lines if each)


def _labelled(label: str, text: str) -> str:
    return f"{label}{text}" if text else ""


def _steps(notification: Notification, shown: list[wording.Item]) -> list[str]:
    """Say what to do, and where to look."""
    advice = prose(wording.advice(notification), STEP)
    page = wording.page(notification)
    links = [
        *([f"The alert: {page}"] if page else []),
        *(f"{number}. {item.link}" for number, item in enumerate(shown, start=1) if item.link),
    ]
    return [*([advice] if advice else []), *(each.replace("&", "&amp;") for each in links)]


def _keywords(notification: Notification, shown: list[wording.Item]) -> list[str]:
    places = [word for row in notification.rows[: len(shown)] for word in (row.account_name, row.region)]
    words = [notification.level.name.lower(), *places]
    found = dict.fromkeys(prose(wording.data(word, wording.WORD), 160) for word in words)
    return [word for word in found if word]


def _metadata(notification: Notification, shown: list[wording.Item]) -> dict[str, Any]:
    resources = list(dict.fromkeys(item.target for item in shown if item.target))
    event = event_name(notification.event)
    return {
        "threadId": line(notification.thread, 400) or "unnamed",
        "summary": prose(wording.in_short(notification), 300),
        "eventType": f"alert.{event}",
        **({"relatedResources": [prose(each, 160) for each in resources]} if resources else {}),
        "additionalContext": {
            "rule": wording.rule_of(notification),
            "severity": notification.level.name,
            "event": event,
            "id": line(notification.id, 400) or "unnamed",
            "rows": str(notification.total),
        },
    }
