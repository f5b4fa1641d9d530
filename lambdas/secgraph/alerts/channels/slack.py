"""Cards for Slack, by Block Kit. In: Notification, or the message of an action. Out: a webhook's payload.

Slack takes 50 blocks; 150 characters of a header, 3,000 of a section, 2,000 of a field, ten fields. Above
some 13,200 characters of blocks it refuses the whole message, whatever its documents say
(slackapi/bolt-js#2509).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from secgraph.alerts.channels import wording
from secgraph.alerts.channels.mrkdwn import block, code, date, link, plain, prose
from secgraph.alerts.notification import Notification
from secgraph.rules.rule import Level

HEADER: Final = 150
TEXT: Final = 400
SECTION: Final = 3_000
FIELD: Final = 2_000
BLOCKS: Final = 12_000
"""Characters of all blocks as JSON."""
MESSAGE: Final = 9_000
"""Characters of the markup of one action."""
COLOURS: Final = {
    Level.CRITICAL: "#8b0000",
    Level.HIGH: "#e01e5a",
    Level.MEDIUM: "#f2952f",
    Level.LOW: "#ecb22e",
    Level.INFO: "#36c5f0",
}
GREY: Final = "#9aa0a6"
NO_TEXT: Final = "(the action's text is empty)"
_PIECE: Final = re.compile(r"<[^<>\n]*>|&(?:amp|lt|gt);")
"""What means something as a whole only. A `<` that nothing closes is text, and may be cut anywhere after."""

Block = dict[str, Any]


def card(notification: Notification) -> dict[str, Any]:
    """Give what a webhook takes: `text` for phones and screen readers, `blocks` for everybody else."""
    shown = wording.items(notification)
    blocks = _blocks(notification, shown)
    while shown and _size(blocks) > BLOCKS:
        shown = shown[:-1]
        blocks = _blocks(notification, shown)
    return {"text": prose(wording.in_short(notification), TEXT), "blocks": blocks}


def message(markup: str, level: Level | None, channels: Sequence[str] = ()) -> dict[str, Any]:
    """Give the payload of a rule's SEND_SLACK_MESSAGE, whose markup is escaped already, beside a bar in the
    colour of its level. A `text` would show above it a second time, so `fallback` serves phones here.

    A webhook posts to the one channel that it was made for; only those of the old kind let a message name
    one, so it is named if there is but one."""
    kept = cut(_fitted(markup.strip(), SECTION), MESSAGE) or NO_TEXT
    fallback = cut(_fitted(kept.partition("\n")[0], TEXT), TEXT)
    attachment = {"color": _colour(level), "fallback": fallback, "blocks": _sections(kept)}
    return {"attachments": [attachment], **({"channel": channels[0]} if len(channels) == 1 else {})}


def _colour(level: Level | None) -> str:
    return GREY if level is None else COLOURS[level]


def cut(markup: str, limit: int) -> str:
    """Cut markup, never within an escape or `<…>`."""
    return markup if len(markup) <= limit else f"{_whole(markup, limit - 1).rstrip()}…"


def _whole(markup: str, limit: int) -> str:
    """Give at most `limit` characters of the beginning, without a piece that ends beyond them."""
    for piece in _PIECE.finditer(markup):
        if piece.end() > limit:
            return markup[: min(piece.start(), limit)]
    return markup[:limit]


def _fitted(markup: str, limit: int) -> str:
    """Drop the links of more than `limit` characters, which have no room anywhere; their labels stay."""

    def kept(piece: re.Match[str]) -> str:
        if len(piece[0]) <= limit:
            return piece[0]
        return piece[0][1:-1].partition("|")[2] or "…"

    return _PIECE.sub(kept, markup)


def _sections(markup: str) -> list[Block]:
    """Split markup, whose links fit, into sections, where a line ends if one does."""
    found = []
    while markup:
        head = markup if len(markup) <= SECTION else _head(markup)
        markup = markup[len(head) :].lstrip("\n")
        if head.strip():
            found.append(_section(head))
    return found


def _head(markup: str) -> str:
    """Give what one section takes, never nothing: no piece is longer than a section."""
    ended = markup.rfind("\n", 1, SECTION)
    return markup[:ended] if ended > 0 else _whole(markup, SECTION)


def _size(blocks: Sequence[Block]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))


def _blocks(notification: Notification, shown: Sequence[wording.Item]) -> list[Block]:
    head = plain(f"{wording.mark(notification)} {wording.headline(notification)}", HEADER)
    more = wording.more(notification, len(shown))
    advice = prose(wording.advice(notification), 1_000)
    texts = [
        prose(wording.explained(notification), 1_000),
        prose(wording.note(notification), SECTION),
        f"*{wording.heading(notification)}*" if wording.heading(notification) else "",
    ]
    return [
        {"type": "header", "text": {"type": "plain_text", "text": head, "emoji": True}},
        *(_section(text) for text in texts if text),
        *(_row(number, each) for number, each in enumerate(shown, start=1)),
        *([_section(f"*{more}*{_query(notification)}")] if more else []),
        *([_section(f"*What to do*\n{advice}")] if advice else []),
        *_context(notification),
    ]


def _query(notification: Notification) -> str:
    """Give the query that finds all of the rows."""
    found = wording.queries(notification)
    return f"\n{block(found[0], 800)}" if found else ""


def _row(number: int, item: wording.Item) -> Block:
    lines = [
        f"*{number}. {prose(item.title, 240)}*",
        wording.joined(code(item.target, 160), prose(item.what, 240)),
        link(item.link, "Open it"),
    ]
    moment = date(item.moment, wording.moment(item.moment))
    fields = {
        "Where": prose(item.where, 320),
        "Owner": prose(item.owner, 160),
        item.moment_of.capitalize(): moment,
        "Path": prose(item.path, 600),
        "Fix": prose(item.fix, 160),
    }
    return _section("\n".join(each for each in lines if each), fields)


def _section(text: str, fields: Mapping[str, str] | None = None) -> Block:
    shown = [_markup(f"*{label}*\n{value}") for label, value in (fields or {}).items() if value]
    return {"type": "section", "text": _markup(text), **({"fields": shown} if shown else {})}


def _context(notification: Notification) -> list[Block]:
    times = wording.times(notification, lambda when: date(when, wording.moment(when)))
    page = link(wording.page(notification), "The alert")
    texts = [text for text in (times, page, prose(wording.source(notification), 800)) if text]
    return [{"type": "context", "elements": [_markup(text) for text in texts]}] if texts else []


def _markup(text: str) -> Block:
    """Give a text object. Being verbatim, it makes no link or mention of what merely looks like one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
