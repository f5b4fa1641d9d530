"""What alerts need from the outside: a place that keeps them, and a way to tell people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from secgraph.alerts.notification import Notification
from secgraph.rules.effects import Effect

BESIDE: Final = 90
"""New items that one write may take along: a DynamoDB transaction has at most 100 actions."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One item of the alert store: JSON text under an id. `rev` counts the writes, from 1."""

    id: str
    rev: int
    body: str


class AlertStore(Protocol):
    """The store of alerts, a small one: everything is read at once."""

    def read_all(self, prefix: str = "") -> Mapping[str, Stored]:
        """Give every item, or those whose id begins so, by id and consistently. Raises StoreError."""
        ...

    def read(self, id_: str) -> Stored | None:
        """Give one item, consistently. Raises StoreError."""
        ...

    def put(self, item: Stored, beside: Sequence[Stored] = ()) -> bool:
        """Write an item whose stored `rev` is `item.rev - 1` (none stored counts as 0), and with it, all or
        nothing, at most BESIDE new items (`rev` 1).

        False means that another writer was faster and nothing was written. True also when an earlier try
        of this very write had succeeded without its answer arriving. Raises StoreError.
        """
        ...

    def delete(self, item: Stored) -> bool:
        """Take out an item that is stored with exactly this `rev`; False if it is not. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What one channel is to send: a notification, or what an action of a rule asks for. `id` names it for
    ever, also when it is sent again: a channel with an idempotency key takes it for that."""

    id: str
    notification: Notification | None = None
    effect: Effect | None = None


class Channel(Protocol):
    """A way out. It renders what it sends."""

    def send(self, outgoing: Outgoing) -> None:
        """Hand it over. Raises ChannelError: with `final` if trying again would never help, else perhaps with
        how long to wait (`retry_after`, milliseconds)."""
        ...
