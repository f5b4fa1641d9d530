"""What the answers to our requests mean. In: Answer. Out: nothing if the message was taken, else
ChannelError.

taken: 2xx · never: redirects, and what says that this very message is wrong · again: all others

What is refused for a key, an address or a receiver (401, 403, 404, 410) may be taken once somebody has mended
that: it comes again until it is too old (flows/notify.GIVEN_UP).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from secgraph.adapters.channels.https import Answer
from secgraph.errors import ChannelError

NEVER: Final = frozenset({400, 405, 406, 411, 413, 414, 415, 422, 431})
"""They tell of the message itself, which stays as it is."""
PASSING: Final = frozenset(
    {
        *(
            "action_prohibited",
            "channel_is_archived",
            "channel_not_found",
            "invalid_token",
            "no_active_hooks",
        ),
        *("no_service", "no_service_id", "no_team", "posting_to_general_channel_denied", "team_disabled"),
        *("user_not_found", "rate_limited", "ratelimited", "rate limited"),
    }
)
"""Words of Slack that tell of its webhook or channel, whatever the status. Slack's guide on incoming webhooks
lists them: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""
LONGEST: Final = 86_400_000
"""Milliseconds: no far end makes us wait for more than a day."""


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
    if answer.status in NEVER and word.lower() not in PASSING:
        raise ChannelError(reason, final=True)
    raise ChannelError(reason, retry_after=waiting(answer.retry_after, clock))


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
