"""The outbox: what is on its way out, one store item for each (rule, group, transition, channel).

Items are written in one transaction with the state that caused them, so none is missing and none is there
twice. A sender claims an item before it sends, so two senders at once do not both; a claim ends by itself
after CLAIM, which is longer than any sender lives: then it died in between, and the next one sends it again
under the same id.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from secgraph.alerts import notification as notifications
from secgraph.alerts.notification import Event, Notification
from secgraph.alerts.ports import BESIDE, Outgoing, Stored
from secgraph.alerts.text import line
from secgraph.alerts.versioned import dump, load
from secgraph.contract import NOTIFY_TIMEOUT_SECONDS, OUTBOX_PREFIX
from secgraph.rules.effects import Effect
from secgraph.rules.rule import Level

VERSION: Final = 1
OUTBOX: Final = OUTBOX_PREFIX
UNDELIVERED: Final = "undelivered/"
ACTION: Final = "action:"
"""How the channel of an effect begins; its kind follows, and after a slash its place in the rule."""
CLAIM: Final = NOTIFY_TIMEOUT_SECONDS * 1000 + 60_000
"""Milliseconds: the longest run of a sender and a minute for clocks that disagree."""
MINUTE: Final = 60_000
LONGEST_WAIT: Final = 60 * MINUTE
ERROR_CHARACTERS: Final = 300
EFFECT_BYTES: Final = 300_000
"""Of one effect; a DynamoDB item holds 400 KB."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to send. Times are epoch milliseconds; it is sent from `due_on` on.

    `channel` is that of the deployment (`topic`), or `action:KIND/PLACE`; `thing` is what to send.
    `claimed_by` names the run that is sending it; `unanswered` counts the claims since the channel last said
    anything: whoever had them died.
    """

    rule: str
    channel: str
    thing: Outgoing
    made_on: int
    due_on: int
    attempts: int = 0
    claimed_by: str = ""
    claimed_until: int = 0
    unanswered: int = 0
    error: str = ""

    @property
    def id(self) -> str:
        """Name it for ever: `RULE#SEQ#CHANNEL`."""
        return self.thing.id

    @property
    def kind(self) -> str:
        """Name the way out: what `channel` says without the place."""
        return self.channel.partition("/")[0]

    @property
    def way(self) -> str:
        """Name what takes it or not: a channel of the deployment, or the place that an action is for."""
        effect = self.thing.effect
        return self.kind if effect is None else f"{self.kind} {json.dumps(effect.target, sort_keys=True)}"

    @property
    def urgency(self) -> int:
        """Say how soon it matters: the level of what it tells. Effects count as HIGH, summaries as tops."""
        told = self.thing.notification
        return Level.HIGH if told is None else Level.CRITICAL if told.event is Event.SUMMARY else told.level

    def free(self, now: int) -> bool:
        """Tell whether a run may take it."""
        return self.claimed_until <= now

    def claimed(self, run: str, now: int) -> Record:
        """Take it for a run."""
        return replace(self, claimed_by=run, claimed_until=now + CLAIM, unanswered=self.unanswered + 1)

    def refused(self, error: str, now: int, retry_after: int | None = None) -> Record:
        """Note that the channel did not take it. It waits 1, 2, 4 … 60 minutes, or as the channel asks,
        a minute at least."""
        wait = min(LONGEST_WAIT, MINUTE << min(self.attempts, 10))
        if retry_after is not None:
            wait = max(retry_after, MINUTE)
        return replace(
            self,
            claimed_by="",
            claimed_until=0,
            unanswered=0,
            attempts=self.attempts + 1,
            due_on=now + wait,
            error=line(error, ERROR_CHARACTERS),
        )


def records(
    told: Sequence[Notification],
    channels: Sequence[str],
    effects: Sequence[Effect],
    *,
    of: str,
    now: int,
) -> tuple[list[Record], int]:
    """Make the records of one evaluation, at most BESIDE. `of` is `RULE#SEQ`, what the effects belong to.

    Gives also the number of effects for which there was no room.
    """
    made = {
        f"{each.id}#{channel}": Record(
            each.rule, channel, Outgoing(f"{each.id}#{channel}", notification=each), now, now
        )
        for each in told
        for channel in channels
    }
    rule = of.rpartition("#")[0]
    left_out = 0
    for effect in effects:
        record = _of_effect(effect, rule, of, now, made)
        if len(made) < BESIDE and len(dump_record(record).encode()) <= EFFECT_BYTES:
            made[record.id] = record
        else:
            left_out += 1
    return list(made.values()), left_out


def _of_effect(effect: Effect, rule: str, of: str, now: int, made: Collection[str]) -> Record:
    """Name an effect by its place in the rule."""
    channel = f"{ACTION}{effect.kind}/{effect.place}"
    id_ = f"{of}#{channel}"
    while id_ in made:
        id_ += "'"
    return Record(rule, channel, Outgoing(id_, effect=effect), now, now)


# ── the stored form ───────────────────────────────────────────────────────────────────────────────────


def store_id(record: Record) -> str:
    """Name the item of a record that was never stored."""
    return f"{OUTBOX}{record.id}"


def stored(record: Record) -> Stored:
    """Give the new item of a record."""
    return Stored(store_id(record), 1, dump_record(record))


def dump_record(record: Record) -> str:
    """Write a record."""
    return dump(
        {
            "rule": record.rule,
            "channel": record.channel,
            "thing": _plain(record.thing),
            "madeOn": record.made_on,
            "dueOn": record.due_on,
            "attempts": record.attempts,
            "claimedBy": record.claimed_by,
            "claimedUntil": record.claimed_until,
            "unanswered": record.unanswered,
            "error": record.error,
        },
        VERSION,
    )


def load_record(text: str) -> Record:
    """Read a record. Raises StoreError."""
    return load(text, _record, (VERSION,))


def _record(raw: Mapping[str, Any], _version: int) -> Record:
    return Record(
        rule=raw["rule"],
        channel=raw["channel"],
        thing=_read(raw["thing"]),
        made_on=raw["madeOn"],
        due_on=raw["dueOn"],
        attempts=raw["attempts"],
        claimed_by=raw["claimedBy"],
        claimed_until=raw["claimedUntil"],
        unanswered=raw.get("unanswered", 0),
        error=raw["error"],
    )


def _plain(outgoing: Outgoing) -> dict[str, object]:
    effect = outgoing.effect
    return {
        "id": outgoing.id,
        "notification": None if outgoing.notification is None else outgoing.notification.as_json(),
        "effect": None
        if effect is None
        else {
            "kind": effect.kind,
            "target": effect.target,
            "payload": effect.payload,
            "place": effect.place,
        },
    }


def _read(raw: Mapping[str, Any]) -> Outgoing:
    told, effect = raw["notification"], raw["effect"]
    return Outgoing(
        raw["id"],
        notification=None if told is None else notifications.read(told),
        effect=None if effect is None else Effect(**effect),
    )
