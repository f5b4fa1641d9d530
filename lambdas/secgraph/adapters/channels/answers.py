"""What the answers to our requests mean. In: Answer. Out: nothing if the message was taken, else
ChannelError.

taken: 2xx · again: 408, 425, 429 and 5xx, after Retry-After if it is given · never: all others
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from secgraph.adapters.channels.https import Answer
from secgraph.errors import ChannelError

AGAIN: Final = frozenset({408, 425, 429})
LONGEST: Final = 86_400_000
"""Milliseconds: no far end makes us wait for more than a day."""
LIMITED: Final = frozenset({"rate_limited", "ratelimited", "rate limited"})


def settle(answer: Answer, known: Collection[str] = (), clock: Callable[[], float] = time.time) -> None:
    """Raise ChannelError unless the message was taken. An answer's text is quoted if it is a `known` word,
    and otherwise not: it may hold what was sent. `clock` gives seconds since 1970."""
    if 200 <= answer.status < 300:
        return
    word = answer.text.strip()
    said = f" ({word})" if word in known else ""
    reason = f"{answer.host} answered {answer.status}{said}"
    if 300 <= answer.status < 400:
        raise ChannelError(f"{reason}, a redirect; these are not followed: name where it leads", final=True)
    if answer.status in AGAIN or answer.status >= 500 or word.lower() in LIMITED:
        raise ChannelError(reason, retry_after=waiting(answer.retry_after, clock))
    raise ChannelError(reason, final=True)


def waiting(header: str, clock: Callable[[], float]) -> int | None:
    """Read a Retry-After header, seconds or a date: give milliseconds, None if there is none to be read."""
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return min(LONGEST, int(text[:12]) * 1000)
    try:
        moment = parsedate_to_datetime(text)
        at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = at.timestamp() - clock()
    except (ValueError, OverflowError):  # no such date, or a zone that leads beyond all dates
        return None
    return min(LONGEST, max(0, int(seconds * 1000)))
