"""Messages on their way out: written with the state that caused them, claimed by one run, then settled.

A run claims a message before it publishes it, so two runs at once do not both send it. A claim ends by
itself after CLAIM, which is longer than any run lasts: then the run died in between, and the next one
sends the message again under the same id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from secgraph.alerts.ports import Message
from secgraph.alerts.text import line
from secgraph.contract import EVALUATE_TIMEOUT_SECONDS

CLAIM: Final = EVALUATE_TIMEOUT_SECONDS * 1000 + 60_000
"""Milliseconds: the longest run and a minute for clocks that disagree."""
PENDING_KEPT: Final = 5
"""Unsent messages kept of one rule; while a channel is down the oldest make room, and are counted."""
ERROR_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that is not known to be sent. `claimed_by` names the run that is sending it."""

    message: Message
    made_on: int
    claimed_by: str = ""
    claimed_until: int = 0
    attempts: int = 0
    error: str = ""

    def free(self, now: int) -> bool:
        """Tell whether a run may take it."""
        return self.claimed_until <= now

    def claimed(self, run: str, now: int) -> Pending:
        """Take it for a run."""
        return replace(self, claimed_by=run, claimed_until=now + CLAIM)

    def refused(self, error: str) -> Pending:
        """Note that the channel did not take it; it is free again at once."""
        return replace(
            self,
            claimed_by="",
            claimed_until=0,
            attempts=self.attempts + 1,
            error=line(error, ERROR_CHARACTERS),
        )


def queue(waiting: Sequence[Pending], message: Message, run: str, now: int) -> tuple[Pending, ...]:
    """Add a message, claimed by the run that made it, and keep the newest."""
    return (*waiting, Pending(message, now).claimed(run, now))[-PENDING_KEPT:]


def without(waiting: Sequence[Pending], id_: str) -> tuple[Pending, ...]:
    """Take a sent message out."""
    return tuple(each for each in waiting if each.message.id != id_)
