"""UNDELIVERED: what channels did not take → a list for people, and back into the outbox where they say so.

Whatever a message is of: an alert, a rule that only has actions, the first summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from secgraph.alerts.outbox import OUTBOX, UNDELIVERED, Record, load_record, store_id, stored
from secgraph.alerts.ports import AlertStore
from secgraph.errors import InputError, StoreError


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What is tried again, oldest first, and what was given up; `problems` are items that cannot be read."""

    waiting: tuple[Record, ...]
    given_up: tuple[Record, ...]
    problems: tuple[str, ...] = ()


def undelivered(store: AlertStore) -> Undelivered:
    """List what a channel has refused, or a sender died of. Raises StoreError."""
    problems: list[str] = []
    waiting = [each for each in _read(store, OUTBOX, problems) if each.attempts or each.unanswered]
    return Undelivered(_oldest(waiting), _oldest(_read(store, UNDELIVERED, problems)), tuple(problems))


def send_again(store: AlertStore, now: int, *, rule: str = "", channel: str = "") -> tuple[Record, ...]:
    """Put what was given up into the outbox again, of a `rule`, or of a `channel` as the list names it, if
    those are given; the sender takes it from there. Gives what was put there.

    A message keeps its id. If this dies in between, what was put there is still listed as given up, and to
    send it again changes nothing. Raises InputError where there is nothing of the kind, and StoreError.
    """
    given_up = undelivered(store).given_up
    chosen = [each for each in given_up if rule in ("", each.rule) and channel in ("", each.channel)]
    if not chosen:
        raise InputError(_nothing(given_up))
    for record in chosen:
        fresh = replace(
            record, made_on=now, due_on=now, attempts=0, unanswered=0, claimed_by="", claimed_until=0
        )
        if store.read(store_id(record)) is None:
            store.put(stored(fresh))
        kept = store.read(f"{UNDELIVERED}{record.id}")
        if kept is not None:
            store.delete(kept)
    return tuple(chosen)


def _nothing(given_up: tuple[Record, ...]) -> str:
    if not given_up:
        return "nothing was given up, so there is nothing to send again"
    places = sorted({f"{each.rule} ({each.channel})" for each in given_up})
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    return f"nothing of the kind was given up; there is {', '.join(places[:5])}{more}"


def _read(store: AlertStore, prefix: str, problems: list[str]) -> Iterator[Record]:
    for id_, item in store.read_all(prefix).items():
        try:
            yield load_record(item.body)
        except StoreError as error:
            problems.append(f"{id_}: {error}")


def _oldest(records: Iterator[Record] | list[Record]) -> tuple[Record, ...]:
    return tuple(sorted(records, key=lambda each: (each.made_on, each.id)))
