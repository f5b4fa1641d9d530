"""Slack's markup. In: plain text of anybody. Out: markup that shows it and does nothing else.

Slack reads `&`, `<` and `>` as control characters (links, mentions, dates), which have escapes, and `*`, `_`,
`~`, `` ` ``, `:name:` and a `>` at the start of a line as formatting, which have none: these are shown by
characters that look like them. Inside code nothing is formatted, so names to be copied stand there.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ALIKE: Final = str.maketrans({"*": "∗", "~": "∼", "`": "‵"})
_EMOJI: Final = re.compile(r":(?=[\w+'-]+:)")
_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore at an end of a word: within one (`aws_instance`) it formats nothing."""
_QUOTE: Final = re.compile(r"^(\s*)>", re.MULTILINE)
_LINK_TEXT: Final = re.compile(r"\](?=\()")
"""In Microsoft Teams, where Amazon Q writes too, `[text](address)` is a link."""


def prose(text: str, limit: int) -> str:
    """Give markup of at most `limit` characters that shows the text as it is; its line ends stay."""
    plain = _QUOTE.sub(r"\1›", _unformatted(text))
    return escaped(plain, limit)


def plain(text: str, limit: int) -> str:
    """Give text for a `plain_text` object, where markup is not read but escapes may be."""
    shown = _EMOJI.sub("∶", text.replace("&", "＆").replace("<", "‹").replace(">", "›"))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def code(text: str, limit: int) -> str:
    """Give the text in one line of code; nothing for no text."""
    return f"`{escaped(text.replace('`', '‵'), limit - 2)}`" if text else ""


def block(text: str, limit: int) -> str:
    """Give the text as a block of code."""
    return f"```{escaped(text.replace('`', '‵'), limit - 6)}```" if text else ""


def link(url: str, label: str) -> str:
    """Give a link to an address that `wording.link` has passed, under a label of our own."""
    return f"<{url.replace('&', '&amp;')}|{label}>" if url else ""


def date(milliseconds: int, otherwise: str) -> str:
    """Give a time that each reader sees by their own clock."""
    return f"<!date^{milliseconds // 1000}^{{date_short_pretty}} {{time}}|{otherwise}>"


def escaped(text: str, limit: int) -> str:
    """Escape the control characters and cut at `limit` characters of the result, never within an escape."""
    pieces = [_CONTROL.get(char, char) for char in text]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    kept, left = [], limit - 1
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            break
        kept.append(piece)
    return f"{''.join(kept).rstrip()}…"


def _unformatted(text: str) -> str:
    underscored = _UNDERSCORE.sub("＿", text.translate(_ALIKE))
    return _LINK_TEXT.sub("] ", _EMOJI.sub("∶", underscored))
