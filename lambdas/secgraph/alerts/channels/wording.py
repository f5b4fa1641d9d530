"""What a notification says, in words, the same in every channel. In: Notification. Out: clean plain texts.

All that comes from findings, tags and rules passes through alerts/text.py here. Each channel decides where a
text stands, and escapes it for that place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from secgraph.alerts.digest import Digest
from secgraph.alerts.notification import ROWS_SHOWN, Event, Notification
from secgraph.alerts.text import line, paragraph
from secgraph.rules.rule import Level

NAME: Final = 255
PACK: Final = 100
TITLE: Final = 120
WORD: Final = 80
PATH: Final = 300
LINK: Final = 200
PAGE: Final = 1_000
DESCRIPTION: Final = 700
QUERY: Final = 600
QUERIES_SHOWN: Final = 2
NOTE: Final = 4_000

MARKS: Final = {
    Level.CRITICAL: "🚨",
    Level.HIGH: "🔴",
    Level.MEDIUM: "🟠",
    Level.LOW: "🟡",
    Level.INFO: "🔵",
}
RESOLVED: Final = "🟢"
RETIRED: Final = "⚪"
FAILED: Final = "⚠️"

_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*)?")
_WWW: Final = re.compile(r"(?<=\bwww)\.", re.IGNORECASE)
_MAIL: Final = re.compile(r"(?<=\w)@(?=\w[\w-]*\.\w)")
_ADDRESS: Final = re.compile(f"://|{_WWW.pattern}|{_MAIL.pattern}", re.IGNORECASE)
"""What programs for mail and chat make links of: a scheme, `www.`, and the address of a mailbox."""
_HEADINGS: Final = {
    Event.NEW_ROWS: "New:",
    Event.RESOLVED: "No longer there:",
    Event.RETIRED: "Its last rows:",
    Event.SUMMARY: "First of all:",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A row in words; each text is one clean line, empty if unknown. `moment` is epoch milliseconds, and
    `moment_of` says of what; `link` is an https URL that can do nothing but lead somewhere."""

    title: str
    what: str
    target: str
    where: str
    owner: str
    moment: int
    moment_of: str
    path: str
    fix: str
    link: str


def items(notification: Notification) -> list[Item]:
    """Give the rows to show."""
    if notification.event is Event.FAILED:
        return []
    return [item(row) for row in notification.rows[:ROWS_SHOWN]]


def item(row: Digest) -> Item:
    """Say a row in words."""
    score = "" if row.score is None else f" {row.score:g}"
    named, number = data(row.account_name, WORD), data(row.account, WORD)
    account = f"{named} ({number})" if named and number else named or number
    return Item(
        title=data(row.title, TITLE) or "row",
        what=joined(f"{data(row.severity, WORD)}{score}".strip(), data(row.type, WORD)),
        target=data(row.target, WORD),
        where=joined(account, data(row.region, WORD)),
        owner=data(row.owner, WORD),
        moment=row.since if row.found is None else row.found,
        moment_of="since" if row.found is None else "first seen",
        path=data(row.path, PATH),
        fix=data(row.fix, WORD),
        link=link(row.link),
    )


def data(value: str, limit: int) -> str:
    """Clean a text that an attacker may have written; an address in it is broken apart, so that no program
    makes a link of it."""
    return _apart(line(value, 4 * limit), limit)


def _apart(text: str, limit: int) -> str:
    """Break the addresses of a clean line apart, also those that it holds only once letters of another width
    are plain ones, or accents are gone: that is how a subject in ASCII writes it."""
    for form in (_plain, _bare):
        if _ADDRESS.search(form(text)):
            broken = form(text).replace("://", "[:]//")
            text = _MAIL.sub("[@]", _WWW.sub("[.]", broken))
    return line(text, limit)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _bare(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def link(url: str, limit: int = LINK) -> str:
    """Give an address back if it is plain https to a named host, without credentials before an @; else ''."""
    return url if len(url) <= limit and _URL.fullmatch(url) else ""


def page(notification: Notification) -> str:
    """Give the address of the page about the alert, or ''."""
    return link(notification.link, PAGE)


def joined(*words: str) -> str:
    """Put the words that there are into one line."""
    return " · ".join(word for word in words if word)


def mark(notification: Notification) -> str:
    """Give the coloured sign of what happened."""
    match notification.event:
        case Event.RESOLVED:
            return RESOLVED
        case Event.RETIRED:
            return RETIRED
        case Event.FAILED:
            return FAILED
        case _:
            return MARKS[notification.level]


def rule_of(notification: Notification, limit: int = NAME) -> str:
    """Give the rule's name."""
    return line(notification.rule, limit) or "unnamed"


def happened(notification: Notification) -> str:
    """Say what happened, in a few words."""
    match notification.event:
        case Event.OPENED:
            return f"opened{_groups(notification)}, {number(notification.counted)}"
        case Event.NEW_ROWS:
            return f"{notification.counted:,} new of {number(notification.total)}{_groups(notification)}"
        case Event.LEVEL_RAISED:
            return f"raised from {notification.earlier.name}{_groups(notification)}"
        case Event.RESOLVED:
            return f"resolved{_groups(notification)}"
        case Event.RETIRED:
            return "is watched no more"
        case Event.FAILED:
            return "could not be evaluated"
        case Event.SUMMARY:
            return line(notification.description, TITLE)


def _groups(notification: Notification) -> str:
    return f" in {notification.groups:,} groups" if notification.groups > 1 else ""


def headline(notification: Notification) -> str:
    """Say in one line how bad, which rule, which group of it and what happened."""
    if notification.event is Event.SUMMARY:
        return joined(notification.level.name, "secgraph", happened(notification))
    group = data(notification.group, TITLE)
    return joined(notification.level.name, rule_of(notification), group, happened(notification))


def in_short(notification: Notification, limit: int = NAME) -> str:
    """Say it as a subject does: how bad, which rule (its name cut at `limit` characters), what happened,
    and the first row with its place."""
    name = "secgraph:" if notification.event is Event.SUMMARY else rule_of(notification, limit)
    head = f"[{notification.level.name}] {name} {happened(notification)}"
    shown = [] if notification.event is Event.SUMMARY else items(notification)
    if not shown:
        return head
    first = notification.rows[0]
    place = ", ".join(
        word for word in (data(first.account_name or first.account, WORD), data(first.region, WORD)) if word
    )
    return f"{head}: {shown[0].title}{f' ({place})' if place else ''}"


def explained(notification: Notification) -> str:
    """Say what the rule is about, and for some events why it came to this."""
    note = line(notification.note, DESCRIPTION)
    match notification.event:
        case Event.SUMMARY:
            return ""
        case Event.FAILED:
            return f"The alert stays as it was. The reason: {note}"
        case Event.RETIRED:
            return f"{note} Its alert was closed for that, not because anything was fixed.".strip()
        case _:
            return paragraph(notification.description, DESCRIPTION)


def heading(notification: Notification) -> str:
    """Say what the rows are that follow; without any, say that."""
    if notification.rows and notification.event is not Event.FAILED:
        return _HEADINGS.get(notification.event, "What:")
    held = notification.event in (Event.OPENED, Event.NEW_ROWS, Event.LEVEL_RAISED)
    return "The rule holds without any row." if held else ""


def more(notification: Notification, shown: int) -> str:
    """Say how many rows are not shown."""
    left = notification.counted - shown
    return f"+{left:,} more" if left > 0 and notification.event is not Event.FAILED else ""


def moment(milliseconds: int) -> str:
    """Give a time as people read it anywhere."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def times(notification: Notification, shown: Callable[[int], str] = moment) -> str:
    """Say since when, and how much there is. `shown` writes a time for the channel."""
    opened, on = shown(notification.opened_on), shown(notification.on)
    match notification.event:
        case Event.FAILED:
            return ""
        case Event.SUMMARY:
            return f"As of {on}. From now on each change of an alert has a message of its own."
        case Event.RESOLVED:
            return f"Was open since {opened}, resolved {on}."
        case Event.RETIRED:
            return f"It was open since {opened}, closed {on}. If the rule comes back, its alert opens anew."
        case _:
            gone = f" {number(notification.gone)} went away." if notification.gone else ""
            return f"Open since {opened}, {number(notification.total)} in all.{gone}"


def advice(notification: Notification) -> str:
    """Give what the rule says should be done; nothing where there is nothing to do any more."""
    done = notification.event in (Event.RESOLVED, Event.RETIRED, Event.FAILED)
    return "" if done else paragraph(notification.remediation, DESCRIPTION)


def queries(notification: Notification) -> list[str]:
    """Give the first queries of the rule, which find all rows."""
    return [paragraph(query, QUERY) for query in notification.queries[:QUERIES_SHOWN]]


def note(notification: Notification) -> str:
    """Give all of a summary below its headline."""
    return paragraph(notification.note, NOTE) if notification.event is Event.SUMMARY else ""


def source(notification: Notification) -> str:
    """Name the rule, its pack and this message."""
    if notification.event is Event.SUMMARY:
        return ""
    pack = f" of {line(notification.pack, PACK)}" if notification.pack else ""
    return f"Rule {rule_of(notification)}{pack}, message {line(notification.id, NAME + 20)}."


def number(rows: int) -> str:
    """Count rows."""
    return f"{rows:,} row{'s' * (rows != 1)}"
