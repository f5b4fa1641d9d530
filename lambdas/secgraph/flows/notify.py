"""NOTIFY: the outbox → channels. Claim, send, settle; what a crash left behind is sent again under its id.

Stored (outbox/…) ─due, oldest first─→ Record ─claim→ Channel.send ─settle→ gone | later | undelivered/…
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from secgraph.alerts.outbox import OUTBOX, UNDELIVERED, Record, dump_record, load_record
from secgraph.alerts.ports import AlertStore, Channel, Stored
from secgraph.alerts.text import line
from secgraph.errors import ChannelError, SecgraphError, StoreError

AT_ONCE: Final = 20
"""Things sent on one way (a channel, a place that an action is for) in one run; what is over waits."""
REFUSALS: Final = 3
"""Refusals in a row after which a way is left alone for the rest of the run."""
DAY: Final = 24 * 60 * 60_000
GIVEN_UP: Final = 3 * DAY
"""Age at which what a channel refuses, or a sender died of, is given up."""
UNKNOWN_GIVEN_UP: Final = DAY
"""Age at which what no channel is there for is given up: the next deployment may bring it back."""
UNANSWERED: Final = 10
"""Runs that died while they sent a thing, after which it is given up: it may be what they die of."""
UNDELIVERED_KEPT: Final = 200
SETTLE_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one thing that was sent, or given up; `error` is empty if the channel took it."""

    id: str
    channel: str
    error: str = ""
    given_up: bool = False

    def as_json(self) -> dict[str, object]:
        """Give it as plain JSON values."""
        return {name: getattr(self, name) for name in ("id", "channel", "error")} | {"givenUp": self.given_up}


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one run of the sender did. `waiting` counts what is left in the outbox, whether its time has come
    or not; `faults` are failures of the store."""

    deliveries: tuple[Delivery, ...] = ()
    waiting: int = 0
    faults: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[Delivery, ...]:
        """Give what channels did not take and what is sent again later."""
        return tuple(each for each in self.deliveries if each.error and not each.given_up)

    @property
    def given_up(self) -> tuple[Delivery, ...]:
        """Give what will never be sent; it is kept as undelivered."""
        return tuple(each for each in self.deliveries if each.given_up)

    def as_json(self) -> dict[str, object]:
        """Give the report as plain JSON values."""
        return {
            "messages": [each.as_json() for each in self.deliveries],
            "waiting": self.waiting,
            "faults": list(self.faults),
        }


def send_due(
    store: AlertStore,
    channels: Mapping[str, Channel],
    *,
    now: int,
    run: str,
    stop: Callable[[], bool] = lambda: False,
    at_once: int = AT_ONCE,
) -> SendReport:
    """Send what is due: of each way the oldest first, and what one rule has to say there in its order.

    `channels` are by kind (`topic`, `action:slack`). `run` names this run and no other; it must end within
    NOTIFY_TIMEOUT_SECONDS of `now`, and `stop` is asked before each message. Raises StoreError only when the
    outbox cannot be read at all.
    """
    held = store.read_all(OUTBOX)
    sender = _Sender(store, channels, now, run, at_once)
    for item, record in sender.in_order(held):
        if stop():
            break
        sender.take(item, record)
    if any(each.given_up for each in sender.deliveries):
        sender.forget_oldest()
    done = sum(not each.error or each.given_up for each in sender.deliveries)
    return SendReport(tuple(sender.deliveries), len(held) - done, tuple(sender.faults))


@dataclass(slots=True)
class _Sender:
    """One run. `sent` counts by way (Record.way), `refusals` those in a row; `held_back` are the rules and
    channels whose older message is not sent yet."""

    store: AlertStore
    channels: Mapping[str, Channel]
    now: int
    run: str
    at_once: int
    deliveries: list[Delivery] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    held_back: set[tuple[str, str]] = field(default_factory=set)

    def in_order(self, held: Mapping[str, Stored]) -> Iterator[tuple[Stored, Record]]:
        """Give the records, those of the rules with the most urgent news first, then by age; those last
        that what gave no answer or a refusal holds up: what is slow takes the time of nothing else. One that
        cannot be read is a fault."""
        found: list[tuple[Stored, Record]] = []
        for item in held.values():
            try:
                found.append((item, load_record(item.body)))
            except StoreError as error:
                self.faults.append(f"{item.id}: {error}")
        troubled = _troubled([record for _, record in found])
        worst: dict[tuple[str, str], int] = {}
        for _, record in found:
            worst[_lane(record)] = max(worst.get(_lane(record), 0), record.urgency)
        yield from sorted(
            found,
            key=lambda pair: (
                _lane(pair[1]) in troubled,
                -worst[_lane(pair[1])],
                pair[1].made_on,
                _number(pair[1]),
                pair[0].id,
            ),
        )

    def take(self, item: Stored, record: Record) -> None:
        """Send one record unless it is not its turn. What is younger waits until it is done with."""
        lane = _lane(record)
        try:
            done = lane not in self.held_back and self._may(record) and self._send(item, record)
        except StoreError as error:
            self.faults.append(str(error))
            done = False
        if not done:
            self.held_back.add(lane)

    def _may(self, record: Record) -> bool:
        if not record.free(self.now) or (record.due_on > self.now and record.made_on <= self.now):
            return False  # What was made in the future, by a clock that was wrong, is due.
        if self._is_hopeless(record):
            return True
        if record.kind not in self.channels:
            return self.now - record.made_on > UNKNOWN_GIVEN_UP
        sent = self.sent.get(record.way, 0)
        return sent < self.at_once and self.refusals.get(record.way, 0) < REFUSALS

    def _send(self, item: Stored, record: Record) -> bool:
        """Claim, send and settle; tell whether the record is done with."""
        channel = self.channels.get(record.kind)
        if channel is None:
            reason = f"this deployment has no channel {record.kind} any more"
            return self._give_up(item, replace(record, error=reason))
        if record.unanswered >= UNANSWERED or (record.unanswered and self._is_old(record)):
            runs = "1 run" if record.unanswered == 1 else f"{record.unanswered} runs"
            reason = f"{runs} of the sender died while sending it; its log says of what"
            return self._give_up(item, replace(record, error=reason))
        if self._is_hopeless(record):
            reason = f"it is {GIVEN_UP // DAY} days old, and what it is for takes nothing"
            return self._give_up(item, replace(record, error=record.error or reason))
        claimed = record.claimed(self.run, self.now)
        item = Stored(item.id, item.rev + 1, dump_record(claimed))
        if not self.store.put(item):
            return False  # Another run is sending it.
        self.sent[record.way] = self.sent.get(record.way, 0) + 1
        error = _sent(channel, record)
        if error is not None:
            return self._refused(item, claimed, error)
        self.refusals[record.way] = 0
        self.deliveries.append(Delivery(record.id, record.channel))
        self._again(lambda: self.store.delete(item))
        return True

    def _refused(self, item: Stored, record: Record, error: ChannelError) -> bool:
        if error.retry_after is not None:
            self.refusals[record.way] = REFUSALS  # It asks to be left alone, whatever the message.
        elif not error.final:
            self.refusals[record.way] = self.refusals.get(record.way, 0) + 1
        refused = record.refused(str(error), self.now, error.retry_after)
        if error.final or self._is_old(record):
            return self._give_up(item, refused)
        self.deliveries.append(Delivery(record.id, record.channel, refused.error))
        self._again(lambda: self.store.put(Stored(item.id, item.rev + 1, dump_record(refused))))
        return False

    def _is_hopeless(self, record: Record) -> bool:
        """Tell whether it is old and its way is closed: else the outbox would grow as long as that lasts."""
        return self._is_old(record) and self.refusals.get(record.way, 0) >= REFUSALS

    def _is_old(self, record: Record) -> bool:
        return self.now - record.made_on > GIVEN_UP

    def _give_up(self, item: Stored, record: Record) -> bool:
        """Keep it as undelivered. What a crash leaves of it in the outbox is given up again and kept once."""
        kept = replace(record, claimed_by="", claimed_until=0, due_on=self.now)
        self.store.put(Stored(f"{UNDELIVERED}{record.id}", 1, dump_record(kept)))
        self.deliveries.append(Delivery(record.id, record.channel, record.error, given_up=True))
        self._again(lambda: self.store.delete(item))
        return True

    def _again(self, write: Callable[[], bool]) -> None:
        """Try a write that settles what was sent a few times: without it the message is sent again."""
        for attempt in range(1, SETTLE_ATTEMPTS + 1):
            try:
                write()
                return
            except StoreError:
                if attempt == SETTLE_ATTEMPTS:
                    raise

    def forget_oldest(self) -> None:
        """Keep the newest of what was given up, as much as there is room for."""
        try:
            items = self.store.read_all(UNDELIVERED).values()
            dated = sorted((_given_up_on(each), each.id, each) for each in items)
            for _, _, item in dated[: max(0, len(dated) - UNDELIVERED_KEPT)]:
                self.store.delete(item)
        except StoreError as error:
            self.faults.append(str(error))


def _given_up_on(item: Stored) -> int:
    """Give when a thing was given up; one that cannot be read is the first to go."""
    try:
        return load_record(item.body).due_on
    except StoreError:
        return 0


def _sent(channel: Channel, record: Record) -> ChannelError | None:
    """Send; give what the channel said against it. A defect of a channel is a refusal: it stops no other."""
    try:
        channel.send(record.thing)
    except ChannelError as error:
        return error
    except Exception as error:
        said = str(error) if isinstance(error, SecgraphError) else f"{type(error).__name__}: {error}"
        return ChannelError(line(said, 500))
    return None


def _lane(record: Record) -> tuple[str, str]:
    """Name that within which things are sent in their order."""
    return record.rule, record.channel


def _troubled(records: Sequence[Record]) -> set[tuple[str, str]]:
    """Give the lanes with anything for a way that did not take something when it was last asked."""
    ways = {record.way for record in records if record.attempts or record.unanswered}
    return {_lane(record) for record in records if record.way in ways}


def _number(record: Record) -> int:
    """Give the number of what it tells within its rule, so that what was made at once keeps its order."""
    number = record.id.removeprefix(f"{record.rule}#").partition("#")[0]
    return int(number) if number.isdecimal() else 0
